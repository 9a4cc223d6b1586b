//! An external app asks a person for access, in each engine: with a redirect to each name of loopback, in a popup, and with
//! a scheme of its own. From its callback the app goes on to another website, which browsers would stop if the consent page
//! had a `form-action`.

use crate::axe::Axe;
use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::{Html, Redirect};
use axum::routing::get;
use serde_json::json;
use std::time::Duration;
use stories::{Browser, Engine, Installation, Stage, story_in};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The challenge of RFC 7636, appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// How long a popup may take to open.
const LIMIT: Duration = Duration::from_secs(30);
/// A name as long as a person may give an app.
const LONG_NAME: &str = "The rather long name of an app that reads the feedback of your visitors aloud";

#[tokio::test]
async fn a_person_allows_an_app_in_chromium() -> Result<()> {
    a_person_allows_an_app(Engine::Chromium).await
}

#[tokio::test]
async fn a_person_allows_an_app_in_firefox() -> Result<()> {
    a_person_allows_an_app(Engine::Firefox).await
}

#[tokio::test]
async fn a_person_allows_an_app_in_webkit() -> Result<()> {
    a_person_allows_an_app(Engine::WebKit).await
}

/// An app on this machine, on one port of both loopback addresses: its callback leads on to another website.
struct LocalApp {
    port: u16,
    tasks: Vec<JoinHandle<()>>,
}

impl LocalApp {
    async fn start(onward: String) -> Result<Self> {
        let first = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = first.local_addr()?.port();
        let second = TcpListener::bind(("::1", port)).await?;
        let callback = async |State(onward): State<String>, RawQuery(query): RawQuery| {
            Redirect::to(&format!("{onward}?{}", query.unwrap_or_default()))
        };
        let popup = async || {
            Html(
                "<!doctype html><title>Callback</title><script>opener.postMessage(location.search, '*'); close()</script>",
            )
        };
        let router =
            Router::new().route("/callback", get(callback)).route("/popup", get(popup)).with_state(onward);
        let serve = |listener| {
            let router = router.clone();
            tokio::spawn(async move {
                axum::serve(listener, router).await.expect("an app serves until it is aborted");
            })
        };
        Ok(Self { port, tasks: vec![serve(first), serve(second)] })
    }
}

impl Drop for LocalApp {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Registers a public app, and makes the link with which it asks.
async fn link(stage: &Stage, name: &str, redirect_uri: &str, scopes: &str) -> Result<String> {
    let made = stage
        .installation
        .run(&[
            "client",
            "create",
            name,
            "--site",
            &stage.site,
            "--module",
            &stage.module,
            "--public",
            "--redirect-uri",
            redirect_uri,
            "--scopes",
            scopes,
        ])
        .await?;
    let client_id = made["clientId"].as_str().context("a client id")?;
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("response_type", "code")
        .append_pair("client_id", client_id)
        .append_pair("redirect_uri", redirect_uri)
        .append_pair("state", "a state")
        .append_pair("code_challenge", CHALLENGE)
        .append_pair("code_challenge_method", "S256")
        .finish();
    Ok(format!("{}/oauth/authorize?{query}", stage.installation.origin()))
}

async fn press(browser: &Browser, decision: &str) -> Result<()> {
    let button = format!("document.querySelector('[name=decision][value={decision}]')");
    browser.until(&format!("there was {decision} to press"), &format!("Boolean({button})")).await?;
    browser.click(&button).await
}

async fn a_person_allows_an_app(engine: Engine) -> Result<()> {
    story_in(engine, Installation::new()?, async |stage| {
        let browser = &stage.browser;
        stage.website.put("/home", "<!doctype html><title>Home</title><h1>Back at the app</h1>");
        let home = format!("{}/home", stage.website.origin());
        let app = LocalApp::start(home.clone()).await?;
        stage.installation.run(&["user", "invite", "ada@example.com", "--owner"]).await?;
        let signed_in = stage.installation.run(&["user", "link", "ada@example.com"]).await?;
        browser.open(signed_in["link"].as_str().context("a link")?).await?;
        browser.until("there was a button", "Boolean(document.querySelector('form button'))").await?;
        browser.click("document.querySelector('form button')").await?;
        browser
            .until("the console was shown", "location.pathname.startsWith('/console/organizations')")
            .await?;

        for host in ["127.0.0.1", "[::1]", "localhost"] {
            let redirect_uri = format!("http://{host}:{}/callback", app.port);
            browser.open(&link(stage, "An app", &redirect_uri, "read").await?).await?;
            press(browser, "allow").await?;
            let there = format!("location.href.startsWith({}) && location.search", json!(home));
            let query = browser.until(&format!("the app was reached over {host}"), &there).await?;
            let query = query.as_str().context("a query")?;
            ensure!(query.contains("code=") && query.contains("state=a%20state"), "{query}");
        }
        let refused = format!("http://localhost:{}/callback", app.port);
        browser.open(&link(stage, "Another app", &refused, "read").await?).await?;
        press(browser, "deny").await?;
        let denied = "location.search.includes('error=access_denied')";
        browser.until("the app was told no", denied).await?;

        in_a_popup(stage, &app).await?;
        with_a_scheme_of_its_own(stage, engine).await
    })
    .await
}

/// The page that opened the popup hears of the answer, so nothing on the way has cut it off.
async fn in_a_popup(stage: &Stage, app: &LocalApp) -> Result<()> {
    let browser = &stage.browser;
    let address =
        link(stage, "A popup's app", &format!("http://localhost:{}/popup", app.port), "read").await?;
    let page = format!(
        "<!doctype html><title>App</title><button onclick='open({address}, \"\", \"popup,width=480,height=700\")'>Connect</button>
         <script>addEventListener('message', (event) => {{ window.heard = event.data }})</script>",
        address = json!(address)
    );
    browser.open(&stage.website.put("/app", page)).await?;
    let opener = browser.session.window().await?;
    browser.click("document.querySelector('button')").await?;
    let mut popup = None;
    embed_testing::until("a popup was opened", LIMIT, async || {
        let windows = browser.session.windows().await.unwrap_or_default();
        popup = windows.into_iter().find(|window| *window != opener);
        popup.is_some()
    })
    .await;
    browser.session.switch_to_window(popup.context("a popup")?).await?;
    press(browser, "allow").await?;
    browser.session.switch_to_window(opener).await?;
    let heard = browser.until("the opener heard of the code", "window.heard").await?;
    ensure!(heard.as_str().is_some_and(|query| query.contains("code=")), "{heard}");
    Ok(())
}

/// A browser that does not know the scheme shows nothing, so a page stays that has the link.
async fn with_a_scheme_of_its_own(stage: &Stage, engine: Engine) -> Result<()> {
    let browser = &stage.browser;
    browser
        .open(&link(stage, LONG_NAME, "com.example.app:/callback", "read,write,delete,profile").await?)
        .await?;
    browser.until("the page was shown", "Boolean(document.querySelector('[value=allow]'))").await?;
    browser.screenshot(&format!("consent-{engine:?}")).await?;
    if engine == Engine::Chromium {
        looks_well(browser).await?;
    }
    press(browser, "allow").await?;
    if engine == Engine::WebKit {
        // WebKitGTK shows a page of its own where no program has the scheme; Back leads to ours.
        return Ok(());
    }
    let address = "document.querySelector('main a.button')?.href";
    let address = browser.until("there was a link to the app", address).await?;
    let address = address.as_str().context("an address")?;
    ensure!(address.starts_with("com.example.app:/callback?code="), "{address}");
    Ok(())
}

/// Both buttons have one size, nothing is wider than a small screen, and the page has no barrier.
async fn looks_well(browser: &Browser) -> Result<()> {
    let axe = Axe::fetch()?;
    let size = "[...document.querySelectorAll('[name=decision]')].map((button) => {
        const { width, height } = button.getBoundingClientRect();
        return Math.round(width) + ' × ' + Math.round(height);
    })";
    let sizes = browser.value(size).await?;
    ensure!(sizes[0] == sizes[1], "{sizes}");
    let narrow = json!({ "width": 320, "height": 700, "deviceScaleFactor": 1, "mobile": false });
    browser.devtools("Emulation.setDeviceMetricsOverride", narrow).await?;
    browser.until("the window was narrow", "innerWidth === 320").await?;
    let wide = browser.value("document.documentElement.scrollWidth").await?;
    ensure!(wide.as_u64() <= Some(320), "the consent page is {wide} px wide");
    axe.finds_nothing(browser, "consent, narrow").await?;
    browser.screenshot("consent-narrow").await?;
    browser.devtools("Emulation.clearDeviceMetricsOverride", json!({})).await?;
    axe.finds_nothing(browser, "consent").await
}
