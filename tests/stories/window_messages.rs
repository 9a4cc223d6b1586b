//! A module that loads no script of ours speaks the bridge in window messages.

use anyhow::Result;
use serde_json::json;
use stories::{Stage, module, story};

/// Embeds the example module `hello` and logs what it says.
async fn hello(stage: &Stage, kind: &str) -> Result<()> {
    let hello = stage.publish(&module::example("hello")).await?;
    stage
        .embed_unready(&format!("moduleId: '{hello}', type: '{kind}', onReady: () => log.push('ready')"))
        .await?;
    stage.browser.run("embed.on('hello:wave', (wave) => log.push(wave)); embed.open()", ()).await?;
    stage.browser.until("the module was ready", "log.includes('ready')").await?;
    stage.browser.until("the module was shown", "shown(deep('iframe')[0])").await?;
    Ok(())
}

#[tokio::test]
async fn such_a_module_is_ready_resizes_and_talks() -> Result<()> {
    story(async |stage| {
        hello(stage, "inline").await?;
        stage.browser.enter("deep('iframe')[0]").await?;
        stage.browser.click("document.getElementById('wave')").await?;
        let height = stage.browser.value("Math.ceil(document.body.getBoundingClientRect().height)").await?;
        stage.browser.leave().await?;
        stage.browser.until("the page heard the wave", "log.length > 1").await?;
        assert_eq!(stage.log().await?, json!(["ready", {"waves": 1}]));
        let fits = format!("Math.abs(deep('iframe')[0].getBoundingClientRect().height - {height}) <= 1");
        stage.browser.until("the frame was as tall as its content", &fits).await?;

        stage.browser.run("embed.send('greet', { name: 'Ada' })", ()).await?;
        stage.browser.enter("deep('iframe')[0]").await?;
        stage
            .browser
            .until("the module heard the page", "document.getElementById('name').textContent === 'Ada'")
            .await?;
        stage.browser.leave().await
    })
    .await
}

#[tokio::test]
async fn such_a_module_closes_its_popup() -> Result<()> {
    story(async |stage| {
        hello(stage, "popup").await?;
        stage.browser.enter("deep('iframe')[0]").await?;
        stage.browser.click("document.getElementById('close')").await?;
        stage.browser.leave().await?;
        stage.browser.until("the popup was closed", "!shown(deep('iframe')[0])").await?;
        stage.log().await?;
        Ok(())
    })
    .await
}
