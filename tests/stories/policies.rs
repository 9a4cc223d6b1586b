//! A page whose Content-Security-Policy forbids what an embed needs is told the directive; the `nonce` that it gives is used
//! for everything that is put into it. (That the policies of the guide are enough is told in `csp.rs`.)

use crate::failures::{EMBED, says, shows_a_card};
use anyhow::{Result, ensure};
use serde_json::json;
use stories::{Installation, Page, Stage, story, story_alone, story_on};
use thirtyfour::Key;

const NONCE: &str = "bVZ6T2Uw";

/// Opens the page that tells of its failure under a policy.
async fn open(stage: &Stage, policy: &str) -> Result<()> {
    let page = Page { html: stage.page(EMBED), csp: Some(policy.to_owned()) };
    stage.browser.open(&stage.website.put_page("/", page)).await
}

#[tokio::test]
async fn a_policy_that_forbids_webassembly_is_told_the_missing_word() -> Result<()> {
    story(async |stage| {
        let server = stage.installation.origin();
        open(stage, &format!("script-src 'unsafe-inline' {server}")).await?;
        says(stage, "csp_wasm", &["'wasm-unsafe-eval'", "script-src"]).await
    })
    .await
}

#[tokio::test]
async fn a_policy_that_forbids_the_sdks_script_is_told_where() -> Result<()> {
    story(async |stage| {
        let loader = format!("{}/v1/embed.js", stage.installation.origin());
        open(stage, &format!("script-src 'unsafe-inline' 'wasm-unsafe-eval' {loader}")).await?;
        says(stage, "sdk_unavailable", &["script-src", &stage.installation.origin()]).await
    })
    .await
}

#[tokio::test]
async fn a_policy_that_forbids_to_ask_the_server_is_told_where() -> Result<()> {
    story(async |stage| {
        let server = stage.installation.origin();
        open(stage, &format!("script-src 'unsafe-inline' 'wasm-unsafe-eval' {server}; connect-src 'none'"))
            .await?;
        says(stage, "sdk_unavailable", &["connect-src", &server]).await
    })
    .await
}

#[tokio::test]
async fn a_policy_that_forbids_the_frame_is_told_the_missing_source() -> Result<()> {
    story(async |stage| forbids_the_frame(stage, &stage.installation.module_origin(&stage.module)).await)
        .await
}

#[tokio::test]
async fn where_modules_have_no_origin_the_missing_source_is_the_server() -> Result<()> {
    let installation = Installation::new()?.with("EMBED_MODULE_HOST", "");
    story_on(installation, async |stage| forbids_the_frame(stage, &stage.installation.origin()).await).await
}

/// Once where the loader has put the frame in before the SDK was there, and once for a widget's.
async fn forbids_the_frame(stage: &Stage, source: &str) -> Result<()> {
    let policy = "frame-src 'none'";
    open(stage, policy).await?;
    says(stage, "csp_frame", &[&format!("add {source} to its frame-src.")]).await?;
    shows_a_card(stage, "csp_frame").await?;

    let script = EMBED.replace("type: 'inline'", "type: 'widget'").replace(
        "Dramac('embed', {",
        "Dramac('ready', () => { window.embed = Dramac.embed({ openOn: 'load',",
    ) + "})";
    let page = Page { html: stage.page(&script), csp: Some(policy.to_owned()) };
    stage.browser.open(&stage.website.put_page("/", page)).await?;
    says(stage, "csp_frame", &[&format!("add {source} to its frame-src.")]).await?;
    shows_a_card(stage, "csp_frame").await
}

#[tokio::test]
async fn a_policy_that_only_reports_forbids_nothing() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline', onError: ({ code }) => log.push(code)").await?;
        let report = "const frame = deep('iframe')[0]
            const violation = { blockedURI: frame.src.split('#')[0], effectiveDirective: 'frame-src', disposition: arguments[0] }
            dispatchEvent(new SecurityPolicyViolationEvent('securitypolicyviolation', violation))";
        stage.browser.run(report, [json!("report")]).await?;
        assert_eq!(stage.browser.run("return embed.request('echo', 'here')", ()).await?, "here");
        stage.browser.run(report, [json!("enforce")]).await?;
        assert_eq!(stage.log().await?, json!(["csp_frame"]), "the same event, enforced");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_has_failed_answers_nobody_and_retry_begins_a_new_conversation() -> Result<()> {
    story_alone(async |stage| {
        stage.embed("type: 'inline', onReady: () => log.push('ready'), onError: ({ code }) => log.push(code)").await?;
        let browser = &stage.browser;
        browser.run("embed.send('note', 'heard'); deep('iframe')[0].focus()", ()).await?;
        let refuse = "const cut = embed.request('never').catch(({ code }) => code)
            const violation = { blockedURI: deep('iframe')[0].src.split('#')[0], effectiveDirective: 'frame-src', disposition: 'enforce' }
            dispatchEvent(new SecurityPolicyViolationEvent('securitypolicyviolation', violation))
            embed.send('note', 'for later')
            return Promise.all([cut, embed.request('echo').catch(({ code }) => code)])";
        assert_eq!(browser.run(refuse, ()).await?, json!(["csp_frame", "csp_frame"]));
        let focus = "document.activeElement.shadowRoot?.activeElement.className";
        assert_eq!(browser.value(focus).await?, "retry", "who was in the frame is where he can go on");
        browser.press(Key::Enter).await?;
        browser.until("it was ready again", "embed.state === 'ready'").await?;
        assert_eq!(stage.log().await?, json!(["ready", "csp_frame", "ready"]));
        assert_eq!(browser.run("return embed.request('echo', 'here')", ()).await?, "here");
        assert_eq!(stage.inside("return heard").await?, json!(["for later"]));
        let inside = "document.activeElement.shadowRoot?.activeElement === deep('iframe')[0]";
        assert_eq!(browser.value(inside).await?, true, "and in the frame again");
        Ok(())
    })
    .await
}

/// Opens a page on which the loader is allowed by its address alone, and everything else only by the nonce.
async fn open_with_nonce(stage: &Stage, body: &str) -> Result<()> {
    let server = stage.installation.origin();
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{NONCE}' 'wasm-unsafe-eval' {server}/v1/embed.js; connect-src {server}; frame-src http://*.localhost:*"
    );
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Nonce</title>
<script nonce=\"{NONCE}\">
  window.log = []; window.faults = []
  addEventListener('error', (event) => faults.push(event.message))
  window.Dramac = window.Dramac || function () {{ (Dramac.q = Dramac.q || []).push(arguments) }}
  const siteId = '{}', moduleId = '{}'
</script>
{}</head><body><main id=\"place\"></main>{body}</body></html>",
        stage.site,
        stage.module,
        stage.loader("async")
    );
    stage.browser.open(&stage.website.put_page("/", Page { html, csp: Some(policy) })).await
}

#[tokio::test]
async fn the_nonce_of_an_option_or_an_attribute_lets_the_sdk_in() -> Result<()> {
    story(async |stage| {
        let ids = format!("module=\"{}\" site=\"{}\"", stage.module, stage.site);
        let data = format!("data-dramac-embed=\"{}\" data-site-id=\"{}\"", stage.module, stage.site);
        for body in [
            format!("<dramac-embed {ids} nonce=\"{NONCE}\"></dramac-embed>"),
            format!("<div {data} data-nonce=\"{NONCE}\"></div>"),
            format!("<script nonce=\"{NONCE}\">Dramac('embed', {{ siteId, moduleId, type: 'inline', container: '#place', nonce: '{NONCE}' }})</script>"),
        ] {
            open_with_nonce(stage, &body).await?;
            stage.browser.until("the frame was shown", "shown(deep('iframe')[0])").await?;
            stage.browser.enter("deep('iframe')[0]").await?;
            stage.browser.until("the module had its context", "Dramac.module.context").await?;
            stage.browser.leave().await?;
            let blocked = stage.browser.value("deep('script[nonce]').length && deep('style, link[rel=stylesheet]').length").await?;
            assert_eq!(blocked, 0, "nothing else that would need a nonce is put in");
            assert_eq!(stage.browser.value("faults").await?, json!([]));
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn without_the_nonce_the_same_page_is_told_what_forbids_the_sdk() -> Result<()> {
    story(async |stage| {
        let body = format!("<script nonce=\"{NONCE}\">{EMBED}</script>");
        open_with_nonce(stage, &body).await?;
        says(stage, "sdk_unavailable", &["script-src"]).await?;
        let ready = stage.browser.value("Boolean(customElements.get('dramac-embed'))").await?;
        ensure!(ready == json!(false), "the SDK came all the same");
        Ok(())
    })
    .await
}
