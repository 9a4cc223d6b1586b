//! Where the SDK cannot come or start, the page hears of it, and its developer reads what to do.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::time::Duration;
use stories::{Page, Stage, Website, server, story};

/// Retries take their time before they are given up.
const GIVEN_UP: Duration = Duration::from_secs(30);

const EMBED: &str = "Dramac('embed', { siteId, moduleId, type: 'inline', container: '#place', onError: (error) => log.push([error instanceof Error, error.code]) })";

/// Waits for `onError`, and for a line on the console that contains all `words`.
async fn says(stage: &Stage, code: &str, words: &[&str]) -> Result<()> {
    stage.browser.until_within(GIVEN_UP, "the page heard of the failure", "log.length").await?;
    assert_eq!(stage.log().await?, json!([[true, code]]));
    let console = stage.browser.console().await?;
    let line = console.iter().find(|line| line.contains("\"[Dramac] "));
    let line = line.with_context(|| format!("no line of ours in {console:#?}"))?;
    for word in words {
        ensure!(line.contains(word), "{word} is not in {line}");
    }
    Ok(())
}

/// A website that serves the server's loader from its own origin, as a CDN would.
async fn copy_of_the_cdn(stage: &Stage) -> Result<(Website, Value)> {
    let body = async |path: &str| -> Result<String> {
        let answer = server::get(stage.installation.port, "localhost", path).await?;
        Ok(answer.split_once("\r\n\r\n").context("an answer has a body")?.1.to_owned())
    };
    let cdn = Website::start().await?;
    cdn.put("/v1/embed.js", body("/v1/embed.js").await?);
    let manifest = serde_json::from_str(&body("/v1/manifest.json").await?)?;
    Ok((cdn, manifest))
}

#[tokio::test]
async fn a_cdn_without_the_sdk_is_named() -> Result<()> {
    story(async |stage| {
        let (cdn, _) = copy_of_the_cdn(stage).await?;
        let loader = format!("<script async src=\"{}/v1/embed.js\"></script>", cdn.origin());
        stage.browser.open(&stage.website.put("/", stage.page_with_loader(&loader, EMBED))).await?;
        says(stage, "sdk_unavailable", &[&cdn.origin()]).await
    })
    .await
}

#[tokio::test]
async fn an_sdk_that_was_changed_on_its_way_does_not_run() -> Result<()> {
    story(async |stage| {
        let (cdn, manifest) = copy_of_the_cdn(stage).await?;
        let glue = manifest["files"]["sdk.js"]["path"].as_str().context("the manifest names the glue")?;
        cdn.put(
            &format!("/v1/{}", glue.trim_start_matches("/v1/").trim_start_matches("v1/")),
            "window.hijacked = true",
        );
        let loader = format!("<script async src=\"{}/v1/embed.js\"></script>", cdn.origin());
        stage.browser.open(&stage.website.put("/", stage.page_with_loader(&loader, EMBED))).await?;
        says(stage, "sdk_unavailable", &[&cdn.origin()]).await?;
        assert_eq!(stage.browser.value("window.hijacked").await?, Value::Null);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_policy_that_forbids_webassembly_is_told_the_missing_word() -> Result<()> {
    story(async |stage| {
        let server = stage.installation.origin();
        let csp = format!("script-src 'unsafe-inline' {server}");
        let page = Page { html: stage.page(EMBED), csp: Some(csp) };
        stage.browser.open(&stage.website.put_page("/", page)).await?;
        says(stage, "csp_wasm", &["'wasm-unsafe-eval'", "script-src"]).await
    })
    .await
}

#[tokio::test]
async fn a_policy_that_forbids_to_ask_the_server_is_told_where() -> Result<()> {
    story(async |stage| {
        let server = stage.installation.origin();
        let csp = format!("script-src 'unsafe-inline' 'wasm-unsafe-eval' {server}; connect-src 'none'");
        let page = Page { html: stage.page(EMBED), csp: Some(csp) };
        stage.browser.open(&stage.website.put_page("/", page)).await?;
        says(stage, "sdk_unavailable", &["connect-src", &server]).await
    })
    .await
}

#[tokio::test]
async fn a_wrong_option_is_named_with_what_was_expected() -> Result<()> {
    story(async |stage| {
        let script = "const onError = (error) => log.push(error.code)
            Dramac('embed', { siteId, moduleId, type: 'banner', onError })
            Dramac('embed', { siteId, moduleId, colour: 'red', onError })
            Dramac('embed', { siteId, moduleId: 'evil.example/', onError })
            Dramac('embed', { siteId, moduleId, type: 'inline', container: '#nowhere', onError })";
        stage.browser.open(&stage.website.put("/", stage.page(script))).await?;
        stage.browser.until("all four were refused", "log.length === 4").await?;
        let console = stage.browser.console().await?.join("\n");
        for word in ["banner", "widget or popup or inline", "colour", "evil.example/", "#nowhere"] {
            ensure!(console.contains(word), "{word} is not in {console}");
        }
        assert_eq!(stage.browser.value("deep('iframe').length").await?, 0);
        stage.log().await?;
        Ok(())
    })
    .await
}
