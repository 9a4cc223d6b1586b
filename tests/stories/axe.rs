//! axe-core, which looks for barriers in a page and in the frames on it.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use stories::{Browser, repository};

/// Every rule that is on by default counts, and the one of WCAG 2.2 that is not.
fn rules() -> Value {
    json!({ "rules": { "target-size": { "enabled": true } } })
}

/// What is left to look for in a whole page, once each of its documents has been looked at.
const FINISH: &str = "return axe.finishRun(arguments[0], arguments[1]).then(({ violations }) =>
  violations.flatMap(({ id, help, nodes }) => nodes.map(({ target, failureSummary }) => `${id} (${help}) at ${target.flat()}: ${failureSummary}`)))";

/// A copy of axe-core, of the version that its lock file says.
pub struct Axe {
    script: String,
}

impl Axe {
    /// Fetches it from npm where that has not happened yet.
    pub fn fetch() -> Result<Self> {
        let modules = cdn::npm::install(&repository("tests/axe"), &repository("target/npm"))?;
        let script = std::fs::read_to_string(modules.join("axe-core/axe.min.js"))
            .context("axe-core has its script")?;
        Ok(Self { script })
    }

    /// Nothing is wrong with the page, nor with what a person can see in its frames. `state` says what that is.
    ///
    /// axe cannot look into a frame of another origin by itself: it has to be taken there.
    pub async fn finds_nothing(&self, browser: &Browser, state: &str) -> Result<()> {
        let (page, frames) = self.look_at_page(browser).await?;
        let mut parts = vec![page];
        for frame in frames.as_array().into_iter().flatten() {
            browser.enter(&format!("axe.utils.shadowSelect({})", frame["frameSelector"])).await?;
            let part = self.look_inside(browser, &frame["frameContext"]).await;
            browser.leave().await?;
            parts.push(part?);
        }
        let barriers: Vec<String> =
            serde_json::from_value(browser.run(FINISH, [json!(parts), rules()]).await?)?;
        ensure!(barriers.is_empty(), "{state}:\n{}", barriers.join("\n"));
        Ok(())
    }

    /// What it finds in the page itself, and the frames that were there: one that comes meanwhile, because the page has
    /// moved it near the window, would be taken for another.
    async fn look_at_page(&self, browser: &Browser) -> Result<(Value, Value)> {
        const FRAMES: &str = "axe.utils.getFrameContexts()";
        let mut before = Value::Null;
        loop {
            let page = self.look(browser, Value::Null).await?;
            let frames = browser.value(FRAMES).await?;
            if frames == before {
                return Ok((page, frames));
            }
            before = frames;
        }
    }

    async fn look_inside(&self, browser: &Browser, context: &Value) -> Result<Value> {
        // The browser's own page in place of one that it refused is not ours.
        if browser.value("location.protocol.startsWith('http')").await? == false {
            return Ok(Value::Null);
        }
        browser
            .until("the module had something to say", "document.body?.innerText.trim().length > 10")
            .await?;
        self.look(browser, context.clone()).await
    }

    /// It measures colours, which are others while they change.
    async fn look(&self, browser: &Browser, context: Value) -> Result<Value> {
        browser.until_still().await?;
        if browser.value("window.axe === undefined").await? == true {
            browser.run(&self.script, ()).await?;
        }
        browser.run("return axe.runPartial(arguments[0] ?? document, arguments[1])", [context, rules()]).await
    }
}
