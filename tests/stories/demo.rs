//! `embed-server demo`: what a newcomer sees first.

use crate::consent::decide;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use stories::{Browser, installation, port, server, wait};
use tempfile::{NamedTempFile, TempDir};
use tokio::process::{Child, Command};

/// A running demo on free ports, with a temporary folder of its own for its temporary folder.
pub struct Demo {
    process: Child,
    temporary: TempDir,
    server: u16,
    /// The port of the website that may embed.
    pub website: u16,
    /// The port of the one that may not.
    pub stranger: u16,
    app: u16,
    /// What it prints, as JSON.
    guide: NamedTempFile,
}

/// The demo's command, told where it may leave temporary files.
fn demo(temporary: &Path, ports: [u16; 4]) -> Command {
    let mut command = installation::embed_server();
    let [server, website, stranger, app] = ports.map(|port| port.to_string());
    command
        .args(["demo", "--port", &server, "--site-port", &website, "--stranger-port", &stranger])
        .args(["--app-port", &app])
        .current_dir(temporary)
        .env("TMPDIR", temporary)
        .stdin(Stdio::null());
    command
}

impl Demo {
    /// Starts it and waits until its ports answer.
    pub async fn start() -> Result<Self> {
        let temporary = tempfile::Builder::new().prefix("embed-demo-story-").tempdir()?;
        let ports = [port::free()?, port::free()?, port::free()?, port::free()?];
        let [server, website, stranger, app] = ports;
        let guide = NamedTempFile::new()?;
        let mut command = demo(temporary.path(), ports);
        command.arg("--json").stdout(guide.reopen()?).stderr(Stdio::null());
        let mut demo = Self { process: command.spawn()?, temporary, server, website, stranger, app, guide };
        wait::until("the demo's ports answered", wait::LIMIT, async || {
            ensure!(demo.process.try_wait()?.is_none(), "the demo ended by itself");
            Ok(ports.into_iter().all(port::taken).then_some(()))
        })
        .await?;
        Ok(demo)
    }

    /// The root page of a website.
    pub fn root(port: u16) -> String {
        format!("http://localhost:{port}/")
    }

    /// What it has printed, once it has.
    async fn guide(&self) -> Result<Value> {
        wait::until("the demo printed its guide", wait::LIMIT, async || {
            Ok(serde_json::from_slice(&std::fs::read(self.guide.path())?).ok())
        })
        .await
    }

    /// Ctrl-C, and everything that was there is gone.
    pub async fn interrupt(mut self) -> Result<()> {
        server::signal(&self.process, "INT").await?;
        let status = tokio::time::timeout(wait::LIMIT, self.process.wait()).await;
        let status = status.context("waited in vain until the demo had ended")??;
        ensure!(status.success(), "the demo ended with {status}");
        let left: Vec<_> = std::fs::read_dir(self.temporary.path())?.collect::<Result<_, _>>()?;
        ensure!(left.is_empty(), "the demo left {left:?}");
        for port in [self.server, self.website, self.stranger, self.app] {
            ensure!(!port::taken(port), "somebody still listens on {port}");
        }
        Ok(())
    }
}

#[tokio::test]
async fn every_page_of_the_allowed_website_shows_a_module_within_five_seconds() -> Result<()> {
    let demo = Demo::start().await?;
    let browser = Browser::start().await?;
    let seen = every_page_shows_a_module(&browser, &Demo::root(demo.website)).await;
    browser.close().await?;
    seen?;
    demo.interrupt().await
}

async fn every_page_shows_a_module(browser: &Browser, root: &str) -> Result<()> {
    browser.open(root).await?;
    browser.screenshot("demo-root").await?;
    let links = browser.value("[...document.links].map((link) => link.href)").await?;
    let links: Vec<String> = serde_json::from_value(links)?;
    let pages: Vec<_> = links.iter().filter(|link| link.starts_with(root)).collect();
    ensure!(pages.len() >= 5, "the root page links to too little: {links:?}");
    for page in pages {
        shows_a_module(browser, page).await.with_context(|| format!("{page} shows no module"))?;
        let name = page[root.len()..].replace(['/', '.'], "-");
        browser.screenshot(&format!("demo-{name}")).await?;
    }
    Ok(())
}

async fn shows_a_module(browser: &Browser, page: &str) -> Result<()> {
    browser.open(page).await?;
    let buttons = browser.value("[...document.querySelectorAll('button')].filter(shown).length").await?;
    let shown = "deep('iframe').some((frame) => shown(frame) && frame.getRootNode() !== document)";
    if buttons == 1 && browser.value(shown).await? == false {
        browser.click("[...document.querySelectorAll('button')].find(shown)").await?;
    }
    browser.until_within(Duration::from_secs(5), "a module was shown", shown).await?;
    browser.enter("deep('iframe').find(shown)").await?;
    browser.until("the module had something to say", "document.body.innerText.trim().length > 10").await?;
    browser.leave().await?;
    let ours: Vec<_> =
        browser.console().await?.into_iter().filter(|line| line.starts_with("SEVERE")).collect();
    ensure!(ours.is_empty(), "the console complains: {ours:#?}");
    Ok(())
}

#[tokio::test]
async fn what_a_visitor_sends_is_read_by_a_page_of_another_origin() -> Result<()> {
    let demo = Demo::start().await?;
    let browser = Browser::start().await?;
    let seen = sends_and_reads(&browser, &Demo::root(demo.website)).await;
    browser.close().await?;
    seen?;
    demo.interrupt().await
}

async fn sends_and_reads(browser: &Browser, root: &str) -> Result<()> {
    browser.open(&format!("{root}api/")).await?;
    browser.until("the form was shown", "deep('iframe').some(shown)").await?;
    for (rating, comment) in [(4, "Quick and kind."), (1, "<b>The door</b> was locked.")] {
        browser.enter("deep('iframe').find(shown)").await?;
        browser.until("the form was ready", "window.Dramac?.module?.context").await?;
        let fill = format!(
            "const form = document.querySelector('form'); form.elements.rating.value = {rating}
            form.elements.comment.value = '{comment}'; form.querySelector('button:not([type])').click()"
        );
        browser.run(&fill, ()).await?;
        browser.until("the form was sent", "!document.querySelector('#thanks').hidden").await?;
        browser.run("document.querySelector('#thanks button').click()", ()).await?;
        browser.leave().await?;
        let first = format!("document.querySelector('#entries p')?.textContent === {comment:?}");
        browser.until("the page read the newest entry first", &first).await?;
    }
    browser.click("document.querySelector('#worst')").await?;
    let order = "[...document.querySelectorAll('#entries strong')].map((stars) => stars.textContent).join()";
    browser.until("the worst came first", &format!("{order} === '1 of 5,3 of 5,4 of 5,5 of 5'")).await?;
    browser.screenshot("demo-api-entries").await?;
    Ok(())
}

#[tokio::test]
async fn an_app_reads_what_its_person_allows() -> Result<()> {
    let demo = Demo::start().await?;
    let guide = demo.guide().await?;
    let browser = Browser::start().await?;
    let seen = signs_in_and_reads(&browser, &guide).await;
    browser.close().await?;
    seen?;
    demo.interrupt().await
}

async fn signs_in_and_reads(browser: &Browser, guide: &Value) -> Result<()> {
    let address = |name: &str| guide[name].as_str().with_context(|| format!("no {name} in {guide}"));
    browser.open(address("console")?).await?;
    browser.open(&format!("{}/", address("app")?)).await?;
    browser.screenshot("demo-app").await?;

    browser.click("document.querySelector('#sign-in')").await?;
    decide(browser, "deny").await?;
    let back = format!("location.origin === '{}' && location.search === ''", address("app")?);
    browser.until("the browser was back", &back).await?;
    browser.until("the page said why", "document.querySelector('#problem').textContent").await?;
    assert_eq!(browser.value("shown(document.querySelector('#entries'))").await?, false);

    browser.click("document.querySelector('#sign-in')").await?;
    decide(browser, "allow").await?;
    let read = "shown(document.querySelector('#entries'))
      && document.querySelector('#entries p')?.textContent === 'Booked in a minute.'";
    browser.until("the page read the newest entry first", read).await?;
    browser.screenshot("demo-app-entries").await?;
    assert_eq!(browser.value(&back).await?, true, "no code stays in the address");
    let who = browser.value("document.querySelector('#who').textContent").await?;
    ensure!(who.as_str().is_some_and(|who| who.contains("owner@example.com")), "{who}");

    // An hour later the access token has expired.
    let refreshed =
        "performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('/oauth/token')).length";
    assert_eq!(browser.value(refreshed).await?, 1);
    browser.run("const now = Date.now; Date.now = () => now() + 3_600_000", ()).await?;
    browser.run("document.querySelector('#entries').replaceChildren()", ()).await?;
    browser.click("document.querySelector('#read')").await?;
    browser.until("the page read again", read).await?;
    assert_eq!(browser.value(refreshed).await?, 2);

    browser.click("document.querySelector('#sign-out')").await?;
    browser.until("the person was signed out", "shown(document.querySelector('#sign-in'))").await?;
    assert_eq!(browser.value("shown(document.querySelector('#entries'))").await?, false);
    let complaints = browser.console().await?;
    ensure!(
        !complaints.iter().any(|line| line.starts_with("SEVERE")),
        "the console complains: {complaints:#?}"
    );
    Ok(())
}

#[tokio::test]
async fn the_strangers_website_shows_a_card_and_no_module() -> Result<()> {
    let demo = Demo::start().await?;
    let browser = Browser::start().await?;
    let seen = only_a_card(&browser, &Demo::root(demo.stranger)).await;
    browser.close().await?;
    seen?;
    demo.interrupt().await
}

async fn only_a_card(browser: &Browser, root: &str) -> Result<()> {
    browser.open(root).await?;
    browser.until("the card was shown", "shown(deep('[role=alert]')[0])").await?;
    browser.screenshot("demo-stranger").await?;
    assert_eq!(
        browser.value("deep('[role=alert] button').filter(shown).map((b) => b.textContent)").await?[0],
        "Retry"
    );
    assert_eq!(browser.value("deep('iframe').some(shown)").await?, false);
    let console = browser.console().await?;
    let line = console.iter().find(|line| line.contains("\"[Dramac] "));
    let line = line.with_context(|| format!("no line of ours in {console:#?}"))?;
    ensure!(line.contains("domain add"), "{line} does not say what to do");

    let links = browser.value("[...document.links].map((link) => link.href)").await?;
    let links: Vec<String> = serde_json::from_value(links)?;
    for link in links.iter().filter(|link| link.starts_with(root) && *link != root) {
        browser.open(link).await?;
        let frames = browser.value("document.querySelectorAll('iframe').length").await?.as_u64().unwrap_or(0);
        for n in 0..frames {
            browser.enter(&format!("document.querySelectorAll('iframe')[{n}]")).await?;
            let inside = browser.value("document.querySelector('main, form')").await?;
            browser.leave().await?;
            ensure!(inside.is_null(), "frame {n} of {link} is not empty");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_port_in_use_is_named_and_nothing_is_left() -> Result<()> {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let busy = taken.local_addr()?.port();
    for position in 0..4 {
        let temporary = tempfile::Builder::new().prefix("embed-demo-story-").tempdir()?;
        let mut ports = [port::free()?, port::free()?, port::free()?, port::free()?];
        ports[position] = busy;
        let output = demo(temporary.path(), ports).output().await?;
        ensure!(!output.status.success(), "the demo started on a port in use");
        let sentence = String::from_utf8(output.stderr)?;
        ensure!(sentence.contains(&busy.to_string()), "{sentence:?} does not name the port");
        ensure!(sentence.trim().lines().count() == 1, "more than a line: {sentence}");
        assert_eq!(std::fs::read_dir(temporary.path())?.count(), 0, "nothing is left");
    }
    Ok(())
}
