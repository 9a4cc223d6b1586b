//! What most stories begin with: a running server with one published module, one website that may embed it, and an
//! empty browser.

use crate::{Browser, Engine, Installation, Server, Website, module, output, server, wait};
use anyhow::{Context, Result, ensure};
use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::pin::pin;
use std::task::Poll;

/// Where a page asks whether it may embed.
const VERIFY: &str = "/api/embed/verify";

/// Before the loader: the SDK comes when the page calls `come`.
pub const SDK_LATE: &str = "<script>
  const real = fetch
  window.fetch = (url, options) => !String(url).endsWith('.wasm') ? real(url, options) : new Promise((resolve) => {
    window.come = () => resolve(real(url, options))
  })
</script>";

/// A running server, an allowed website and a browser.
pub struct Stage {
    /// Where the command line works.
    pub installation: Installation,
    _server: Server,
    /// A website that may embed the module.
    pub website: Website,
    /// The id of the one site.
    pub site: String,
    /// The id of the module that answers over the bridge.
    pub module: String,
    /// The browser.
    pub browser: Browser,
}

/// Runs a story on a fresh stage and takes the stage down, however the story ends. Where it fails, a screenshot, the
/// console and the server's log say how it looked. Its browser is a fresh context of a Chromium that other stories used.
pub async fn story(body: impl AsyncFnOnce(&Stage) -> Result<()>) -> Result<()> {
    story_on(Installation::new()?, body).await
}

/// Like [`story`], on an installation with settings of its own.
pub async fn story_on(
    installation: Installation,
    body: impl AsyncFnOnce(&Stage) -> Result<()>,
) -> Result<()> {
    tell(installation, Browser::in_context(), body).await
}

/// Like [`story`], in a Chromium that nobody has used: for what is about its focus, history, memory or idleness.
pub async fn story_alone(body: impl AsyncFnOnce(&Stage) -> Result<()>) -> Result<()> {
    story_in(Engine::Chromium, Installation::new()?, body).await
}

/// Like [`story_on`], in a browser of this engine that nobody has used.
pub async fn story_in(
    engine: Engine,
    installation: Installation,
    body: impl AsyncFnOnce(&Stage) -> Result<()>,
) -> Result<()> {
    tell(installation, Browser::start_in(engine), body).await
}

async fn tell(
    installation: Installation,
    browser: impl Future<Output = Result<Browser>>,
    body: impl AsyncFnOnce(&Stage) -> Result<()>,
) -> Result<()> {
    let stage = Stage::set(installation, browser).await?;
    let outcome = caught(body(&stage)).await;
    if !matches!(outcome, Ok(Ok(()))) {
        stage.describe().await;
    }
    stage.browser.close().await?;
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Awaits a future and turns its panic into an error, so that what must be taken down is taken down.
async fn caught<T>(future: impl Future<Output = T>) -> Result<T, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

impl Stage {
    async fn set(installation: Installation, browser: impl Future<Output = Result<Browser>>) -> Result<Self> {
        let site = installation.create_site().await?;
        let module = installation.publish(&site, &module::bridge()).await?;
        let website = Website::start().await?;
        installation.allow(&site, &module, website.port, &[]).await?;
        let _server = Server::start(&installation).await?;
        let browser = browser.await?;
        Ok(Self { installation, _server, website, site, module, browser })
    }

    /// Leaves what a person needs to understand a failure in the output folder and on standard error.
    async fn describe(&self) {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("story").replace("::", "-");
        let shot = self.browser.screenshot(&format!("failed-{name}")).await;
        let console = self.browser.console().await.unwrap_or_default().join("\n");
        let log = output().join(format!("failed-{name}.log"));
        let copied = std::fs::copy(self.installation.folder().join("server.log"), &log);
        eprintln!("{name} failed (screenshot: {}, server log: {})", shot.is_ok(), copied.is_ok());
        eprintln!("the browser's console:\n{console}");
    }

    /// Publishes one more module, allows it on the website, and waits until the running server knows.
    pub async fn publish(&self, folder: &Path) -> Result<String> {
        let module = self.installation.publish(&self.site, folder).await?;
        self.admit(&self.website, &module).await?;
        Ok(module)
    }

    /// Allows a module on a website, and waits until the running server knows.
    pub async fn admit(&self, website: &Website, module: &str) -> Result<()> {
        self.installation.allow(&self.site, module, website.port, &[]).await?;
        let origin = website.origin();
        let question = serde_json::json!({ "siteId": self.site, "moduleId": module, "origin": origin, "type": "inline" });
        wait::until("the server knew what was allowed", wait::LIMIT, async || {
            let answer = server::post(self.installation.port, VERIFY, &origin, &question.to_string()).await?;
            Ok(answer.starts_with("HTTP/1.1 200").then_some(()))
        })
        .await
    }

    /// The HTML of a page with the loader, a `<main id="place">`, and a script of its own. Uncaught errors of the page
    /// are kept in `faults`, and what a script wants to remember may go to `log`.
    pub fn page(&self, script: &str) -> String {
        self.page_with_loader(&self.loader("async"), script)
    }

    /// The script element that brings the loader, with more attributes.
    pub fn loader(&self, attributes: &str) -> String {
        format!("<script {attributes} src=\"{}/v1/embed.js\"></script>", self.installation.origin())
    }

    /// Like [`Stage::page`], with another script element in place of the usual one.
    pub fn page_with_loader(&self, loader: &str, script: &str) -> String {
        format!(
            r#"<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Host</title><link rel="icon" href="data:,">
<script>
  window.log = []; window.faults = []
  addEventListener('error', (event) => faults.push(event.message))
  addEventListener('unhandledrejection', (event) => faults.push(String(event.reason)))
  window.Dramac = window.Dramac || function () {{ (Dramac.q = Dramac.q || []).push(arguments) }}
  const siteId = '{site}', moduleId = '{module}'
</script>
{loader}</head>
<body><button id="before">Before</button><main id="place"></main><script>{script}</script></body></html>"#,
            site = self.site,
            module = self.module,
        )
    }

    /// Opens a page that embeds the module with this configuration, as `window.embed`, and waits until it is ready.
    pub async fn embed(&self, config: &str) -> Result<()> {
        self.embed_unready(config).await?;
        self.ready().await
    }

    /// Waits until `window.embed` is ready, and what it has told its module, where that listens, has arrived there.
    pub async fn ready(&self) -> Result<()> {
        self.browser.until("the module was ready", "['ready', 'open'].includes(window.embed?.state)").await?;
        self.browser.enter("deep('iframe')[0]").await?;
        let told = "!window.Dramac?.module || Dramac.module.context";
        self.browser.until("the module had its context", told).await?;
        self.browser.leave().await
    }

    /// The calls and faults of the page: what its script pushed to `log`, and that nothing threw.
    pub async fn log(&self) -> Result<serde_json::Value> {
        let faults = self.browser.value("faults").await?;
        ensure!(faults == serde_json::json!([]), "the page threw: {faults}");
        self.browser.value("log").await
    }

    /// Runs a script inside the first frame, and returns to the page.
    pub async fn inside(&self, script: &str) -> Result<serde_json::Value> {
        self.browser.enter("deep('iframe')[0]").await?;
        let result = self.browser.run(script, ()).await;
        self.browser.leave().await?;
        result
    }

    /// Like [`Stage::embed`], for an embed that may fail: returns once the page has made it.
    pub async fn embed_unready(&self, config: &str) -> Result<()> {
        let script = format!(
            "Dramac('ready', () => {{ window.embed = Dramac.embed({{ siteId, moduleId, container: '#place', {config} }}) }})"
        );
        self.browser.open(&self.website.put("/", self.page(&script))).await?;
        self.browser.until("the page had its handle", "window.embed").await?;
        Ok(())
    }
}

impl Installation {
    /// Makes a site and returns its id.
    pub async fn create_site(&self) -> Result<String> {
        id(&self.run(&["site", "create", "Acme"]).await?)
    }

    /// Publishes a module of a site and returns its id.
    pub async fn publish(&self, site: &str, folder: &Path) -> Result<String> {
        let folder = folder.to_str().context("the folder's path is UTF-8")?;
        id(&self.run(&["module", "publish", folder, "--site", site]).await?)
    }

    /// Allows `localhost:PORT`, which needs no proof in development, and returns the domain's id. `more` are flags of
    /// `domain add`.
    pub async fn allow(&self, site: &str, module: &str, port: u16, more: &[&str]) -> Result<String> {
        let domain = format!("localhost:{port}");
        let mut add = vec!["domain", "add", &domain, "--site", site, "--module", module];
        add.extend(more);
        id(&self.run(&add).await?)
    }
}

fn id(answer: &serde_json::Value) -> Result<String> {
    Ok(answer["id"].as_str().with_context(|| format!("no id in {answer}"))?.to_owned())
}
