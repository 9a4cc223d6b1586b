//! What a page grants a module's frame, and what the module gets of it.

use anyhow::Result;
use serde_json::{Value, json};
use stories::{Stage, story};

/// Publishes a module whose manifest asks for these permissions.
async fn module_that_asks_for(stage: &Stage, permissions: Value) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let manifest = json!({ "name": "Call", "version": "1.0.0", "permissions": permissions });
    std::fs::write(folder.path().join("module.json"), manifest.to_string())?;
    let page = "<!doctype html><title>Call</title><script src=\"/v1/module.js\"></script><p>Call</p>";
    std::fs::write(folder.path().join("index.html"), page)?;
    stage.publish(folder.path()).await
}

/// Which of these the frame's document may use.
async fn granted(stage: &Stage, options: &str) -> Result<Value> {
    stage.embed(&format!("type: 'inline', {options}")).await?;
    let features = "return ['camera', 'microphone', 'geolocation', 'clipboard-write'].filter((f) => document.featurePolicy.allowsFeature(f))";
    stage.inside(features).await
}

#[tokio::test]
async fn a_module_may_use_what_both_the_page_grants_and_its_manifest_asks_for() -> Result<()> {
    story(async |stage| {
        let call = module_that_asks_for(stage, json!(["camera", "microphone", "clipboard-write"])).await?;
        let module = format!("moduleId: '{call}'");
        assert_eq!(granted(stage, &module).await?, json!(["clipboard-write"]), "unless the page says more");
        let more = format!("{module}, allow: 'camera; geolocation'");
        assert_eq!(granted(stage, &more).await?, json!(["camera"]), "geolocation was not asked for");
        assert_eq!(granted(stage, &format!("{module}, allow: ''")).await?, json!([]));
        assert_eq!(
            granted(stage, "allow: 'camera; microphone'").await?,
            json!([]),
            "this module asks for nothing"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_sandbox_is_the_pages_choice() -> Result<()> {
    story(async |stage| {
        let sandbox = "[...deep('iframe')[0].sandbox].sort()";
        stage.embed("type: 'inline'").await?;
        let usual = json!([
            "allow-downloads",
            "allow-forms",
            "allow-modals",
            "allow-popups",
            "allow-popups-to-escape-sandbox",
            "allow-same-origin",
            "allow-scripts"
        ]);
        assert_eq!(stage.browser.value(sandbox).await?, usual);

        stage.embed("type: 'inline', sandbox: 'allow-scripts allow-same-origin'").await?;
        assert_eq!(stage.browser.value(sandbox).await?, json!(["allow-same-origin", "allow-scripts"]));
        // A dialog of the browser would stand in the way of everything that follows.
        assert_eq!(
            stage.inside("return [confirm('May I?'), open('about:blank')]").await?,
            json!([false, null])
        );
        assert_eq!(stage.browser.run("return embed.request('echo', 'here')", ()).await?, "here");
        Ok(())
    })
    .await
}
