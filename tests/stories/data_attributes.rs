//! Every option has a `data-*` twin that does what the option does.

use anyhow::{Context, Result};
use std::collections::BTreeSet;
use stories::{repository, story};

/// Where it is seen what an attribute has done: on the page, or in the module's frame.
#[derive(PartialEq)]
enum Seen {
    OnPage,
    InModule,
}

use Seen::{InModule, OnPage};

/// An attribute with a value, what else the element has, and what is so because of it, and not by default.
const ATTRIBUTES: [(&str, &str, &str, Seen, &str); 15] = [
    ("data-type", "widget", "", OnPage, "shown(deep('button.launcher')[0])"),
    ("data-theme", "dark", "", InModule, "document.documentElement.dataset.theme === 'dark'"),
    (
        "data-position",
        "top-left",
        "data-type=widget",
        OnPage,
        "(({ left, top }) => left === 20 && top === 20)(deep('.launcher')[0].getBoundingClientRect())",
    ),
    ("data-width", "320", "", OnPage, "deep('iframe')[0].offsetWidth === 320"),
    (
        "data-height",
        "20em",
        "data-type=popup",
        OnPage,
        "getComputedStyle(deep('dialog')[0]).height === '320px'",
    ),
    ("data-params", r#"{"plan":"pro"}"#, "", InModule, "Dramac.module.context.params.plan === 'pro'"),
    (
        "data-locale",
        "ar",
        "",
        InModule,
        "Dramac.module.context.locale === 'ar' && document.documentElement.dir === 'rtl'",
    ),
    (
        "data-launcher",
        r#"{"label":"Talk to us"}"#,
        "data-type=widget",
        OnPage,
        "deep('.launcher')[0].ariaLabel === 'Talk to us'",
    ),
    ("data-lazy", "false", "style=margin-top:9000px", OnPage, "deep('iframe').length === 1"),
    ("data-open-on", "load", "data-type=popup", OnPage, "deep('dialog')[0].open"),
    ("data-namespace", "help", "", OnPage, "Dramac.get?.('help')?.state === 'ready'"),
    (
        "data-z-index",
        "7",
        "data-type=widget",
        OnPage,
        "getComputedStyle(deep('.launcher')[0]).zIndex === '7'",
    ),
    ("data-allow", "camera", "", OnPage, "deep('iframe')[0].allow === 'camera'"),
    (
        "data-sandbox",
        "allow-scripts allow-same-origin",
        "",
        OnPage,
        "deep('iframe')[0].sandbox.value === 'allow-scripts allow-same-origin'",
    ),
    (
        "data-nonce",
        "bVZ6T2Uw",
        "",
        OnPage,
        "[...document.scripts].some(({ src, nonce }) => src.endsWith('/sdk.js') && nonce === 'bVZ6T2Uw')",
    ),
];

#[test]
fn every_data_attribute_of_the_readme_is_among_those_that_are_tried() -> Result<()> {
    let readme = std::fs::read_to_string(repository("sdk/README.md"))?;
    let table = readme.split_once("| option | type | default | attribute |").context("the table is there")?.1;
    let table = table.split_once("\n\n").context("the table ends")?.0;
    let names = table.split('`').filter(|word| word.starts_with("data-"));
    let mut tried: BTreeSet<&str> = ATTRIBUTES.iter().map(|(name, ..)| *name).collect();
    // Without these two nothing is embedded.
    tried.extend(["data-dramac-embed", "data-site-id"]);
    assert_eq!(names.collect::<BTreeSet<_>>(), tried);
    Ok(())
}

#[tokio::test]
async fn every_data_attribute_does_what_its_option_does() -> Result<()> {
    story(async |stage| {
        let browser = &stage.browser;
        for (name, value, more, seen, expression) in ATTRIBUTES {
            // The loader finds the element on the page, and has no nonce of its own.
            let element = format!(
                "</script><div data-dramac-embed=\"{}\" data-site-id=\"{}\" {name}='{value}' {more}></div>{}<script>",
                stage.module,
                stage.site,
                stage.loader("")
            );
            browser.open(&stage.website.put("/", stage.page_with_loader("", &element))).await?;
            browser.until("the SDK was there", "customElements.get('dramac-embed')").await?;
            if seen == InModule {
                browser.until("the module was shown", "shown(deep('iframe')[0])").await?;
                browser.enter("deep('iframe')[0]").await?;
                browser.until("the module had its context", "Dramac.module.context").await?;
            }
            browser.until(&format!("{name}='{value}' had done its work"), expression).await?;
            browser.leave().await?;
            stage.log().await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn attributes_that_are_no_options_change_nothing() -> Result<()> {
    story(async |stage| {
        let element = format!(
            "</script><aside id=\"other\"></aside><div data-dramac-embed=\"{}\" data-site-id=\"{}\" data-container=\"#other\" data-on-error=\"log\" data-colour=\"red\"></div><script>",
            stage.module, stage.site
        );
        stage.browser.open(&stage.website.put("/", stage.page(&element))).await?;
        stage.browser.until("the module was shown", "shown(deep('iframe')[0])").await?;
        assert_eq!(stage.browser.value("other.childElementCount").await?, 0);
        stage.log().await?;
        Ok(())
    })
    .await
}
