//! A bundle that was published to a folder, served by a web server that knows nothing of us, from an origin of its own.

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::path::PathBuf;
use stories::{Page, Stage, installation, repository, story};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const EMBED: &str = "Dramac('ready', () => {
    window.embed = Dramac.embed({ siteId, moduleId, type: 'inline', container: '#place' })
})";

/// A static web server over a folder that `cdn publish` fills; it is gone when this goes.
struct Cdn {
    folder: TempDir,
    origin: String,
    task: JoinHandle<()>,
}

impl Cdn {
    async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let origin = format!("http://localhost:{}", listener.local_addr()?.port());
        let router = Router::new().fallback(file).with_state(folder.path().to_owned());
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("the CDN serves until it is aborted");
        });
        Ok(Self { folder, origin, task })
    }

    /// Runs a command of `cdn` on this folder, and returns what it printed.
    async fn run(&self, command: &str, more: &[&str]) -> Result<Value> {
        let folder = self.folder.path().display().to_string();
        let output = installation::cdn().args([command, &folder, "--json"]).args(more).output().await?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Publishes for this stage's server.
    async fn publish(&self, stage: &Stage) -> Result<Value> {
        let bundle = repository("cdn/dist").display().to_string();
        let modules = format!("*.localhost:{}", stage.installation.port);
        let server = stage.installation.origin();
        let target = ["--server", &server, "--module-host", &modules, "--cdn-url", &self.origin];
        self.run("publish", &[&target[..], &["--bundle", &bundle]].concat()).await
    }
}

impl Drop for Cdn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn file(State(folder): State<PathBuf>, uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    let Ok(bytes) = std::fs::read(folder.join(path)) else { return StatusCode::NOT_FOUND.into_response() };
    let kind = if path.ends_with(".wasm") { "application/wasm" } else { "text/javascript" };
    ([(header::CONTENT_TYPE, kind), (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")], bytes).into_response()
}

fn snippet<'a>(published: &'a Value, name: &str) -> Result<&'a str> {
    published[name].as_str().with_context(|| format!("no {name} in {published}"))
}

async fn shows_the_module(stage: &Stage, snippet: &str) -> Result<()> {
    stage.browser.open(&stage.website.put("/", stage.page_with_loader(snippet, EMBED))).await?;
    stage.ready().await
}

#[tokio::test]
async fn the_printed_snippets_embed_from_the_cdn_under_a_policy_that_names_it() -> Result<()> {
    story(async |stage| {
        let cdn = Cdn::start().await?;
        let published = cdn.publish(stage).await?;
        for name in ["snippet", "pinned_snippet"] {
            let html = stage.page_with_loader(snippet(&published, name)?, EMBED);
            let (server, cdn) = (stage.installation.origin(), &cdn.origin);
            let csp = Some(format!(
                "script-src 'unsafe-inline' 'wasm-unsafe-eval' {cdn}; connect-src {cdn} {server}; frame-src {}",
                stage.installation.module_origin(&stage.module)
            ));
            stage.browser.open(&stage.website.put_page("/", Page { html, csp })).await?;
            stage.ready().await.with_context(|| format!("with the {name}"))?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_pinned_page_runs_no_other_loader_and_the_rest_of_the_web_goes_back() -> Result<()> {
    story(async |stage| {
        let cdn = Cdn::start().await?;
        let published = cdn.publish(stage).await?;
        let release = &published["release"];
        let loader = cdn.folder.path().join(release["path"].as_str().context("the release has a path")?);
        let genuine = std::fs::read_to_string(&loader)?;
        std::fs::write(&loader, format!("{genuine};window.hijacked = true"))?;
        let html = stage.page_with_loader(snippet(&published, "pinned_snippet")?, EMBED);
        stage.browser.open(&stage.website.put("/", html)).await?;
        assert_eq!(
            stage.browser.value("[window.hijacked, Dramac.version]").await?,
            serde_json::json!([null, null])
        );
        std::fs::write(&loader, genuine)?;

        // Somebody breaks the loader that pages follow; a rollback mends it.
        std::fs::write(cdn.folder.path().join("v1/embed.js"), "window.broken = true")?;
        let hash = release["hash"].as_str().context("the release has a hash")?;
        cdn.run("rollback", &[hash]).await?;
        shows_the_module(stage, snippet(&published, "snippet")?).await
    })
    .await
}
