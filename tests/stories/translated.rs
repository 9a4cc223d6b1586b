//! Where a page's policy forbids WebAssembly, the SDK translated to JavaScript does what the other one does. That every kind
//! of embed comes up so is told in `csp.rs`.

use anyhow::{Result, ensure};
use serde_json::json;
use stories::{Installation, Page, Stage, story_on};

/// Runs a story with an optimised bundle, on a page whose policy has no `'wasm-unsafe-eval'`, with a ready inline embed.
async fn without_webassembly(body: impl AsyncFnOnce(&Stage) -> Result<()>) -> Result<()> {
    story_on(Installation::optimised()?, async |stage| {
        let server = stage.installation.origin();
        let script = "Dramac('ready', () => {
            window.embed = Dramac.embed({ siteId, moduleId, type: 'inline', container: '#place', params: { name: 'Ada' } })
        })";
        let csp = Some(format!("script-src 'unsafe-inline' {server}"));
        let html = stage.page(script);
        stage.browser.open(&stage.website.put_page("/", Page { html, csp })).await?;
        stage.ready().await?;
        let loaded = "performance.getEntriesByType('resource').map(({ name }) => name.split('/').pop())";
        let loaded = stage.browser.value(loaded).await?.to_string();
        ensure!(loaded.contains("sdk.fallback.js") && !loaded.contains("sdk.wasm"), "the page loaded {loaded}");
        body(stage).await
    })
    .await
}

#[tokio::test]
async fn messages_cross_and_a_destroyed_embed_is_gone() -> Result<()> {
    without_webassembly(async |stage| {
        let params = stage.inside("return Dramac.module.context.params").await?;
        assert_eq!(params, json!({ "name": "Ada" }));
        let answer = stage.browser.run("return embed.request('echo', { at: [1, 2.5, 'ä€😀'] })", ()).await?;
        assert_eq!(answer, json!({ "at": [1, 2.5, "ä€😀"] }));
        stage.browser.run("embed.update({ theme: 'dark', height: '410.5px', zIndex: 12 })", ()).await?;
        stage.browser.run("embed.destroy()", ()).await?;
        assert_eq!(
            stage.browser.value("[embed.state, deep('iframe').length]").await?,
            json!(["destroyed", 0])
        );
        stage.log().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn memory_grows_under_texts_that_are_longer_than_it_was() -> Result<()> {
    without_webassembly(async |stage| {
        // The name of an event is a text that the SDK reads; the memory begins with little more than one megabyte.
        let script = "for (const length of [1e6, 3e6, 9e6]) {
              const name = 'ä'.repeat(length)
              embed.on(name, (payload) => log.push([name.length, payload]))
              await embed.request('echo', 1)
            }
            embed.on('pong', (payload) => log.push(payload))
            const long = 'ä'.repeat(3e6)
            try { embed.update({ theme: long }) } catch (error) { log.push(error.code, error.message.includes('ää')) }
            return embed.request('echo', 'still here')";
        let answer = stage.browser.run(&format!("return (async () => {{ {script} }})()"), ()).await?;
        assert_eq!(answer, json!("still here"));
        assert_eq!(stage.log().await?, json!(["invalid_option", true]));
        Ok(())
    })
    .await
}
