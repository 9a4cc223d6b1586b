//! The console in a browser: from the first code to the view of a module in the charts, and every page looked at.

use crate::axe::Axe;
use crate::mail::MailServer;
use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::response::Html;
use axum::routing::get;
use embed_server::app::console_rules;
use embed_testing::{NameServer, WebServer};
use serde_json::json;
use std::io::Write;
use std::path::Path;
use stories::{Browser, Engine, Installation, Stage, repository, story_in, story_on};

/// What a person reads on the page.
const TEXT: &str = "document.querySelector('main').innerText";

async fn type_into(browser: &Browser, name: &str, text: &str) -> Result<()> {
    Ok(browser.element(&format!("document.querySelector('[name={name}]')")).await?.send_keys(text).await?)
}

/// Presses the button or follows the link that has this text.
async fn press(browser: &Browser, text: &str) -> Result<()> {
    let found = format!(
        "[...document.querySelectorAll('button, a')].find((one) => one.innerText.trim() === {})",
        json!(text)
    );
    browser.until(&format!("there was “{text}” to press"), &format!("Boolean({found})")).await?;
    browser.click(&found).await
}

async fn reads(browser: &Browser, text: &str) -> Result<()> {
    browser.until(&format!("the page said “{text}”"), &format!("{TEXT}.includes({})", json!(text))).await?;
    Ok(())
}

/// Signs in with the code of an email, and ends on the page that was wanted.
async fn sign_in(stage: &Stage, mail: &MailServer, page: &str) -> Result<()> {
    stage.installation.run(&["user", "invite", "ada@example.com", "--owner"]).await?;
    stage.browser.open(&format!("{}{page}", stage.installation.origin())).await?;
    type_into(&stage.browser, "email", "ada@example.com").await?;
    press(&stage.browser, "Send me a code").await?;
    stage.browser.until("the code was asked for", "document.querySelector('[name=code]')").await?;
    type_into(&stage.browser, "code", &mail.code().await?).await?;
    press(&stage.browser, "Sign in").await?;
    stage
        .browser
        .until("the page was shown", &format!("location.pathname.startsWith({})", json!(page)))
        .await?;
    Ok(())
}

/// The files of a folder as a zip file.
fn zipped(folder: &Path, file: &Path) -> Result<()> {
    let mut archive = zip::ZipWriter::new(std::fs::File::create(file)?);
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        archive.start_file(entry.file_name().to_string_lossy(), zip::write::SimpleFileOptions::default())?;
        archive.write_all(&std::fs::read(entry.path())?)?;
    }
    archive.finish()?;
    Ok(())
}

#[tokio::test]
async fn from_the_first_code_to_a_view_in_the_charts() -> Result<()> {
    let (mail, names) = (MailServer::start().await?, NameServer::start().await);
    let installation =
        Installation::new()?.with("SMTP_URL", mail.url()).with("EMBED_DNS_SERVER", names.address.to_string());
    // The clipboard is read, which only the page with the focus may do.
    story_in(Engine::Chromium, installation, async |stage| {
        let browser = &stage.browser;
        sign_in(stage, &mail, "/console").await?;
        reads(browser, "Embeds shown").await?;

        press(browser, "Sites").await?;
        reads(browser, "New site").await?;
        type_into(browser, "name", "Shop").await?;
        press(browser, "Create site").await?;
        reads(browser, "This site has no modules yet.").await?;
        let bundle = stage.installation.folder().join("feedback.zip");
        zipped(&repository("examples/modules/feedback"), &bundle)?;
        type_into(browser, "bundle", bundle.to_str().context("UTF-8")?).await?;
        press(browser, "Publish").await?;
        reads(browser, "Published. Websites get this version").await?;
        let module = browser.value("location.pathname").await?;
        let module = module.as_str().context("a path")?.to_owned();

        // The preview is the module itself, and it is answered.
        browser.until("the preview was there", "document.querySelector('iframe.preview')").await?;
        browser.run("document.querySelector('iframe.preview').scrollIntoView()", ()).await?;
        browser.enter("document.querySelector('iframe.preview')").await?;
        browser.until("the preview was shown", "window.Dramac?.module?.context?.moduleId").await?;
        browser.leave().await?;

        press(browser, "Domains").await?;
        reads(browser, "No website may embed this module yet.").await?;
        type_into(browser, "domain", "shop.test").await?;
        press(browser, "Allow").await?;
        reads(browser, "waiting for the proof").await?;
        press(browser, "Verify now").await?;
        reads(browser, "The proof was not found").await?;
        let of = async |id: &str| browser.value(&format!("document.getElementById('{id}').innerText")).await;
        let (name, value) = (of("dns-name").await?, of("dns-value").await?);
        names.publish(name.as_str().context("a name")?, &[value.as_str().context("a value")?]).await;
        press(browser, "Verify now").await?;
        reads(browser, "The proof was found and the domain is verified.").await?;
        browser.screenshot("console-domain").await?;

        let origin = stage.installation.origin();
        browser.open(&format!("{origin}{module}")).await?;
        let wish =
            json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"], "origin": origin });
        browser.devtools("Browser.grantPermissions", wish).await?;
        press(browser, "Copy").await?;
        let snippet = browser.until("the snippet was copied", "navigator.clipboard.readText()").await?;
        let snippet = snippet.as_str().context("a text")?.to_owned();
        ensure!(snippet.contains("data-dramac-embed"), "{snippet}");
        browser.screenshot("console-module").await?;

        let page = format!("<!doctype html><html lang=\"en\"><title>Shop</title><h1>Shop</h1>{snippet}");
        let shop =
            WebServer::start(&["shop.test"], Router::new().route("/", get(|| async { Html(page) }))).await;
        let shop_origin = format!("https://shop.test:{}", shop.loopback.port);
        browser.open(&shop_origin).await?;
        browser.until("the module was shown on the website", "shown(deep('iframe')[0])").await?;
        stage.inside("return document.querySelector('form').checkVisibility()").await?;

        browser.open(&format!("{origin}/console")).await?;
        let shown = "document.querySelector('#shown figcaption strong').innerText";
        // The chart comes up to date by itself.
        browser.until("the view stood in the chart", &format!("{shown} === '1'")).await?;
        browser.screenshot("console-overview").await?;
        browser
            .open(&format!("{origin}{}/requests", module.split("/modules/").next().unwrap_or_default()))
            .await?;
        reads(browser, &shop_origin).await?;
        browser.screenshot("console-requests").await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn every_page_is_free_of_barriers_in_both_themes_and_fits_a_narrow_screen() -> Result<()> {
    let (mail, axe) = (MailServer::start().await?, Axe::fetch()?);
    story_on(Installation::new()?.with("SMTP_URL", mail.url()), async |stage| {
        let browser = &stage.browser;
        // A module that has something to say in its preview.
        let module =
            stage.installation.publish(&stage.site, &repository("examples/modules/feedback")).await?;
        let at = ["--site", &stage.site, "--module", &module];
        let id = |made: serde_json::Value| made["id"].as_str().unwrap_or_default().to_owned();
        let domain = id(stage
            .installation
            .run(&[&["domain", "add", "a-rather-long-name-of-a-shop.example.com"], &at[..]].concat())
            .await?);
        let token = id(stage
            .installation
            .run(&[&["token", "create", "Mailer", "--scopes", "read,write"], &at[..]].concat())
            .await?);
        let app = ["client", "create", "Importer", "--redirect-uri", "https://app.example.com/callback"];
        let app = [&app[..], &["--scopes", "read,write:entries,profile", "--client-credentials"], &at[..]];
        let client = stage.installation.run(&app.concat()).await?["clientId"]
            .as_str()
            .context("a client id")?
            .to_owned();
        let organization = stage.installation.run(&["org", "list"]).await?["data"][0]["id"]
            .as_str()
            .context("an id")?
            .to_owned();
        let person = id(stage.installation.run(&["user", "invite", "bob@example.com"]).await?);
        let ids = [
            ("{organization}", &organization),
            ("{site}", &stage.site),
            ("{module}", &module),
            ("{domain}", &domain),
            ("{client}", &client),
            ("{person}", &person),
        ];
        browser.open(&format!("{}/console/sign-in", stage.installation.origin())).await?;
        look_at(browser, &axe, "sign-in").await?;
        sign_in(stage, &mail, "/console").await?;
        let personal = id(stage.installation.run(&["user", "token", "ada@example.com"]).await?);
        let rules = console_rules().into_iter().filter(|rule| rule.method == "GET" && rule.needs != "nobody");
        for rule in rules {
            let token = if rule.path.starts_with("/console/account") { &personal } else { &token };
            let path = ids.iter().fold(rule.path.clone(), |path, (name, id)| path.replace(name, id));
            let path = path.replace("{token}", token);
            browser.open(&format!("{}{path}", stage.installation.origin())).await?;
            let name = rule.path.trim_start_matches("/console").replace(['/', '{', '}'], "-");
            look_at(browser, &axe, &format!("page{name}")).await?;
        }
        browser.open(&format!("{}/console/nowhere", stage.installation.origin())).await?;
        look_at(browser, &axe, "nothing-here").await
    })
    .await
}

/// Looks at a page in both themes, wide and narrow, and leaves a picture of each theme.
async fn look_at(browser: &Browser, axe: &Axe, name: &str) -> Result<()> {
    for theme in ["light", "dark"] {
        let features = json!([{ "name": "prefers-color-scheme", "value": theme }]);
        browser.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await?;
        axe.finds_nothing(browser, &format!("{name}, {theme}")).await?;
        browser.screenshot(&format!("console-{name}-{theme}")).await?;
    }
    let narrow = json!({ "width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": false });
    browser.devtools("Emulation.setDeviceMetricsOverride", narrow).await?;
    browser.until("the window was narrow", "innerWidth === 360").await?;
    let wide = browser.value("document.documentElement.scrollWidth").await?;
    ensure!(wide.as_u64() <= Some(360), "{name} is {wide} px wide on a screen of 360");
    axe.finds_nothing(browser, &format!("{name}, narrow")).await?;
    browser.devtools("Emulation.clearDeviceMetricsOverride", json!({})).await?;
    browser.until("the window was wide again", "innerWidth > 360").await?;
    Ok(())
}
