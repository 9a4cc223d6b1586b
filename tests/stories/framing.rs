//! Nobody frames a module but a page that may.

use anyhow::Result;
use embed_protocol::frame;
use serde_json::Value;
use std::time::Duration;
use stories::{Stage, Website, server, story, wait};

/// A page with a frame made by hand, which names `origin` as its page's.
fn hand_made(stage: &Stage, origin: &str, kind: &str) -> String {
    let part = frame::part(&stage.site, "light", kind, origin);
    let document =
        format!("{}/embed/{}/{part}/", stage.installation.module_origin(&stage.module), stage.module);
    format!(
        "<!doctype html><title>Hand-made</title><link rel=\"icon\" href=\"data:,\"><iframe id=\"made\" src=\"{document}\"></iframe>"
    )
}

/// The heading of the document inside the hand-made frame; null where the browser refused it.
async fn heading(stage: &Stage, url: &str) -> Result<Value> {
    stage.browser.open(url).await?;
    stage.browser.enter("document.getElementById('made')").await?;
    let heading = stage.browser.value("document.querySelector('main h1')?.textContent ?? null").await;
    stage.browser.leave().await?;
    heading
}

#[tokio::test]
async fn a_hand_made_frame_of_a_stranger_stays_empty() -> Result<()> {
    story(async |stage| {
        let stranger = Website::start().await?;
        let allowed = stage.website.origin();
        let control = heading(stage, &stage.website.put("/", hand_made(stage, &allowed, "inline"))).await?;
        assert_eq!(control, "Bridge", "the same frame on the allowed page");

        let honest = stranger.put("/honest", hand_made(stage, &stranger.origin(), "inline"));
        assert_eq!(heading(stage, &honest).await?, Value::Null);
        let lying = stranger.put("/lying", hand_made(stage, &allowed, "inline"));
        assert_eq!(heading(stage, &lying).await?, Value::Null);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_stranger_gets_a_card_that_says_why_and_a_line_that_says_what_to_do() -> Result<()> {
    story(async |stage| {
        let stranger = Website::start().await?;
        let script = "Dramac('embed', { siteId, moduleId, type: 'inline', container: '#place', onError: (error) => log.push(error.code) })";
        stage.browser.open(&stranger.put("/", stage.page(script))).await?;
        stage.browser.until("a card with Retry was shown", "shown(deep('[role=alert]')[0]) && deep('[role=alert] button').some(shown)").await?;
        assert_eq!(stage.log().await?, serde_json::json!(["origin_not_allowed"]));
        assert_eq!(stage.browser.value("deep('iframe').some(shown)").await?, false);
        let console = stage.browser.console().await?.join("\n");
        assert!(console.contains("[Dramac] ") && console.contains("domain add"), "{console}");

        // Once the domain is on the list, Retry is enough.
        stage.installation.allow(&stage.site, &stage.module, stranger.port, &[]).await?;
        let retry = "deep('[role=alert] button').find(shown)?.click(), shown(deep('iframe')[0])";
        stage.browser.until("Retry brought the module", retry).await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_page_that_may_embed_inline_only_gets_no_popup() -> Result<()> {
    story(async |stage| {
        let inline_only = Website::start().await?;
        stage
            .installation
            .allow(&stage.site, &stage.module, inline_only.port, &["--types", "inline"])
            .await?;
        let origin = inline_only.origin();
        let frame = |kind| inline_only.put("/", hand_made(stage, &origin, kind));
        wait::until("the server knew the new domain", wait::LIMIT, async || {
            Ok((heading(stage, &frame("inline")).await? == "Bridge").then_some(()))
        })
        .await?;
        assert_eq!(heading(stage, &frame("popup")).await?, Value::Null);

        let script =
            "Dramac('embed', { siteId, moduleId, type: 'popup', onError: (error) => log.push(error.code) })";
        stage.browser.open(&inline_only.put("/", stage.page(script))).await?;
        stage.browser.until("the page heard why", "log.includes('type_not_allowed')").await?;
        stage.log().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_removed_domain_is_a_stranger_within_two_seconds() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline'").await?;
        let domain = format!("localhost:{}", stage.website.port);
        stage
            .installation
            .run(&["domain", "remove", &domain, "--site", &stage.site, "--module", &stage.module])
            .await?;
        let part = frame::part(&stage.site, "light", "inline", &stage.website.origin());
        let document = format!("/embed/{}/{part}/", stage.module);
        let host = format!("{}.localhost", stage.module);
        wait::until("the document could not be framed any more", Duration::from_secs(2), async || {
            let answer = server::get(stage.installation.port, &host, &document).await?;
            Ok(answer.contains("frame-ancestors 'none'").then_some(()))
        })
        .await?;
        stage.embed_unready("type: 'inline'").await?;
        stage.browser.until("the card was shown", "shown(deep('[role=alert]')[0])").await?;
        Ok(())
    })
    .await
}
