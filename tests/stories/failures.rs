//! Where the SDK cannot come, or the server does not answer, the page hears of it, its developer reads what to do, and its
//! visitors can try again. (What a page's own policy forbids is told in `policies.rs`.)

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::http::{StatusCode, header};
use serde_json::{Value, json};
use stories::{Stage, Website, module, port, server, story};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// An inline embed that tells of its failure, once for each way in which a page can hear of it.
pub const EMBED: &str = "Dramac('embed', { siteId, moduleId, type: 'inline', container: '#place', onError: (error) => log.push([error instanceof Error, error.code]) })";

/// Waits for `onError`, and for a line on the console that contains all `words`.
pub async fn says(stage: &Stage, code: &str, words: &[&str]) -> Result<()> {
    stage.browser.until("the page heard of the failure", "log.length").await?;
    assert_eq!(stage.log().await?, json!([[true, code]]));
    let console = stage.browser.console().await?;
    let line = console.iter().find(|line| line.contains("\"[Dramac] "));
    let line = line.with_context(|| format!("no line of ours in {console:#?}"))?;
    for word in words {
        ensure!(line.contains(word), "{word} is not in {line}");
    }
    Ok(())
}

/// Waits until the visitor sees the card with its code and a button, and no frame.
pub async fn shows_a_card(stage: &Stage, code: &str) -> Result<()> {
    let card = format!(
        "deep('[role=alert]').some((card) => shown(card) && card.textContent.includes('{code}') && card.querySelector('button'))"
    );
    stage.browser.until("the card was shown", &card).await?;
    assert_eq!(stage.browser.value("deep('iframe').length").await?, 0);
    Ok(())
}

/// What the server answers to a request for this path.
async fn body(stage: &Stage, path: &str) -> Result<String> {
    let answer = server::get(stage.installation.port, "localhost", path).await?;
    Ok(answer.split_once("\r\n\r\n").context("an answer has a body")?.1.to_owned())
}

/// A website that serves the server's loader from its own origin, as a CDN would.
pub async fn copy_of_the_cdn(stage: &Stage) -> Result<(Website, Value)> {
    let cdn = Website::start().await?;
    cdn.put("/v1/embed.js", body(stage, "/v1/embed.js").await?);
    let manifest = serde_json::from_str(&body(stage, "/v1/manifest.json").await?)?;
    Ok((cdn, manifest))
}

/// Where a file of the manifest is below the origin.
fn path(manifest: &Value, file: &str) -> Result<String> {
    let path = manifest["files"][file]["path"].as_str().context("the manifest names the file")?;
    Ok(format!("/v1/{}", path.trim_start_matches('/').trim_start_matches("v1/")))
}

/// Opens a page that brings the loader from elsewhere.
async fn open_with_loader_of(stage: &Stage, origin: &str) -> Result<()> {
    let loader = format!("<script async src=\"{origin}/v1/embed.js\"></script>");
    stage.browser.open(&stage.website.put("/", stage.page_with_loader(&loader, EMBED))).await
}

/// Opens a page whose server, and whose modules, are at another origin.
async fn open_with_server(stage: &Stage, origin: &str) -> Result<()> {
    let elsewhere = format!("async data-dramac-server=\"{origin}\" data-dramac-modules=\"{origin}\"");
    let page = stage.page_with_loader(&stage.loader(&elsewhere), EMBED);
    stage.browser.open(&stage.website.put("/", page)).await
}

/// A server that gives every page the same answer, until the handle is aborted.
async fn server_that_answers(
    status: u16,
    kind: &'static str,
    body: &'static str,
) -> Result<(String, AbortHandle)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let origin = format!("http://localhost:{}", listener.local_addr()?.port());
    let status = StatusCode::from_u16(status)?;
    let headers = [(header::CONTENT_TYPE, kind), (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
    let router = Router::new().fallback(async move || (status, headers, body));
    let task = tokio::spawn(async move { axum::serve(listener, router).await });
    Ok((origin, task.abort_handle()))
}

#[tokio::test]
async fn a_cdn_without_the_sdk_is_named() -> Result<()> {
    story(async |stage| {
        let (cdn, _) = copy_of_the_cdn(stage).await?;
        open_with_loader_of(stage, &cdn.origin()).await?;
        says(stage, "sdk_unavailable", &[&cdn.origin()]).await
    })
    .await
}

#[tokio::test]
async fn an_sdk_that_was_changed_on_its_way_does_not_run() -> Result<()> {
    story(async |stage| {
        let (cdn, manifest) = copy_of_the_cdn(stage).await?;
        cdn.put(&path(&manifest, "sdk.js")?, "window.hijacked = true");
        open_with_loader_of(stage, &cdn.origin()).await?;
        says(stage, "sdk_unavailable", &[&cdn.origin()]).await?;
        assert_eq!(stage.browser.value("window.hijacked").await?, Value::Null);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_page_in_place_of_the_webassembly_is_not_taken_for_it() -> Result<()> {
    story(async |stage| {
        let (cdn, manifest) = copy_of_the_cdn(stage).await?;
        let glue = path(&manifest, "sdk.js")?;
        cdn.put(&glue, body(stage, &glue).await?);
        cdn.put(&path(&manifest, "sdk.wasm")?, "<!doctype html><title>Nothing here</title>");
        open_with_loader_of(stage, &cdn.origin()).await?;
        says(stage, "sdk_unavailable", &[&cdn.origin()]).await
    })
    .await
}

#[tokio::test]
async fn a_cdn_that_goes_down_after_the_loader_is_named() -> Result<()> {
    story(async |stage| {
        let loader = body(stage, "/v1/embed.js").await?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let origin = format!("http://localhost:{}", listener.local_addr()?.port());
        let one_answer = tokio::spawn(async move {
            let (mut line, _) = listener.accept().await?;
            drop(listener);
            let mut request = [0; 4096];
            let _ = line.read(&mut request).await?;
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/javascript\r\nConnection: close";
            line.write_all(format!("{head}\r\nContent-Length: {}\r\n\r\n{loader}", loader.len()).as_bytes())
                .await?;
            line.shutdown().await
        });
        open_with_loader_of(stage, &origin).await?;
        one_answer.await??;
        says(stage, "sdk_unavailable", &[&origin, "Check the network"]).await
    })
    .await
}

#[tokio::test]
async fn a_blocker_that_takes_the_sdk_is_named_as_what_it_takes() -> Result<()> {
    story(async |stage| {
        stage.browser.devtools("Network.enable", json!({})).await?;
        stage.browser.devtools("Network.setBlockedURLs", json!({ "urls": ["*/sdk.*"] })).await?;
        stage.browser.open(&stage.website.put("/", stage.page(EMBED))).await?;
        says(stage, "sdk_unavailable", &[&stage.installation.origin(), "cannot be reached"]).await
    })
    .await
}

#[tokio::test]
async fn without_the_sdk_no_frame_stays_nothing_waits_and_every_handler_is_told() -> Result<()> {
    story(async |stage| {
        let (cdn, _) = copy_of_the_cdn(stage).await?;
        let script = "const options = { siteId, moduleId, type: 'inline', container: '#place' }
            const tell = (name, error) => { log.push(`${name}: ${error?.code}`) }
            window.first = Dramac.embed({ ...options, onError(error) { tell('first', error); throw Error('of the page') } })
            window.second = Dramac.embed({ ...options, type: 'popup', onError: (error) => tell('second', error) })
            first.request('echo', 1).catch((error) => tell('request', error))
            first.send('note'); second.open(); second.destroy().then(() => tell('destroy'))";
        let loader = format!("<script src=\"{}/v1/embed.js\"></script>", cdn.origin());
        let browser = &stage.browser;
        browser.open(&stage.website.put("/", stage.page_with_loader(&loader, script))).await?;
        browser.until("the first module was shown", "shown(deep('iframe')[0])").await?;
        browser.until("everybody had heard", "log.length === 4").await?;
        let told = ["destroy: undefined", "first: sdk_unavailable", "request: sdk_unavailable", "second: sdk_unavailable"];
        assert_eq!(browser.value("log.sort()").await?, json!(told));
        assert_eq!(browser.value("faults").await?, json!(["Uncaught Error: of the page"]));
        assert_eq!(browser.value("place.innerHTML + deep('iframe, dramac-frame').length").await?, "0");

        // What comes later fares no better.
        let late = "const late = Dramac.embed(options)
            late.open(); late.destroy()
            return Promise.allSettled([late.ready, late.request('echo'), first.request('echo')])
              .then((all) => all.map(({ reason }) => reason.code).concat(late.state))";
        let settled = browser.run(late, ()).await?;
        assert_eq!(settled, json!(["sdk_unavailable", "sdk_unavailable", "sdk_unavailable", "error"]));
        assert_eq!(browser.value("place.innerHTML").await?, "");
        Ok(())
    })
    .await
}

/// The state of an embed, and how often its page has asked for a verdict, where the first `failures` answers are 503.
async fn asks(stage: &Stage, module: &str, failures: u32) -> Result<Value> {
    let failing = format!(
        "<script>
          const real = fetch
          window.asked = 0
          window.fetch = (url, options) => !String(url).endsWith('/api/embed/verify') || ++asked > {failures}
            ? real(url, options) : Promise.resolve(new Response('', {{ status: 503 }}))
        </script>"
    );
    let script = format!(
        "window.embed = Dramac.embed({{ siteId, moduleId: '{module}', type: 'inline', container: '#place' }})
        embed.ready.catch(() => {{}}).then(() => {{ window.settled = true }})"
    );
    let page = stage.page_with_loader(&format!("{failing}{}", stage.loader("")), &script);
    stage.browser.open(&stage.website.put("/", page)).await?;
    stage.browser.until("the embed had come or failed", "window.settled").await?;
    stage.browser.value("[embed.state, asked]").await
}

#[tokio::test]
async fn a_server_that_is_busy_for_a_moment_is_asked_again() -> Result<()> {
    story(async |stage| {
        assert_eq!(asks(stage, &stage.module, 2).await?, json!(["ready", 3]));
        stage.ready().await?;
        assert_eq!(stage.inside("return typeof Dramac.module.context.token").await?, "string");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_server_that_stays_busy_is_asked_four_times() -> Result<()> {
    story(async |stage| {
        // A module that shows up would go on without a verdict.
        let blank = stage.publish(&module::blank()).await?;
        assert_eq!(asks(stage, &blank, 1000).await?, json!(["error", 4]));
        shows_a_card(stage, "unavailable").await
    })
    .await
}

#[tokio::test]
async fn a_server_that_is_down_is_named_and_the_visitor_sees_a_card() -> Result<()> {
    story(async |stage| {
        let nobody = format!("http://localhost:{}", port::free()?);
        open_with_server(stage, &nobody).await?;
        says(stage, "unavailable", &[&nobody, "gave no valid answer", "the network"]).await?;
        shows_a_card(stage, "unavailable").await
    })
    .await
}

#[tokio::test]
async fn a_server_that_fails_is_named_with_its_status() -> Result<()> {
    story(async |stage| {
        let (failing, server) =
            server_that_answers(500, "text/html", "<h1>Internal Server Error</h1>").await?;
        open_with_server(stage, &failing).await?;
        says(stage, "unavailable", &[&failing, "gave no valid answer"]).await?;
        shows_a_card(stage, "unavailable").await?;
        server.abort();
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_server_that_is_no_embed_server_is_told_apart() -> Result<()> {
    for (kind, answer, words) in [
        ("text/html", "<!doctype html><title>Welcome</title>", "gave no valid answer"),
        ("application/json", r#"{"welcome": true}"#, "gave no valid answer: check data-dramac-server"),
        ("application/json", "null", "gave no valid answer"),
        ("application/json", r#"{"allowed": true}"#, "gave no valid answer"),
        ("application/json", r#"{"allowed": true, "module": {"name": 7}}"#, "gave no valid answer"),
    ] {
        story(async |stage| {
            let (other, server) = server_that_answers(200, kind, answer).await?;
            open_with_server(stage, &other).await?;
            says(stage, "unavailable", &[&other, words]).await?;
            shows_a_card(stage, "unavailable").await?;
            server.abort();
            Ok(())
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn without_a_network_there_is_a_card_and_retry_is_enough_when_it_is_back() -> Result<()> {
    story(async |stage| {
        let browser = &stage.browser;
        browser.open(&stage.website.put("/", stage.page("Dramac('ready', () => { window.sdk = true })"))).await?;
        browser.until("the SDK was there", "window.sdk").await?;
        let network = |offline: bool| json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
        browser.devtools("Network.enable", json!({})).await?;
        browser.devtools("Network.emulateNetworkConditions", network(true)).await?;
        browser.run(&EMBED.replace("Dramac('embed',", "window.embed = Dramac.embed("), ()).await?;
        says(stage, "unavailable", &[&stage.installation.origin(), "the network"]).await?;
        shows_a_card(stage, "unavailable").await?;

        browser.devtools("Network.emulateNetworkConditions", network(false)).await?;
        browser.click("deep('[role=alert] button')[0]").await?;
        stage.ready().await?;
        assert_eq!(browser.run("return embed.request('echo', 'here')", ()).await?, "here");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_module_that_is_there_goes_on_without_a_verdict() -> Result<()> {
    story(async |stage| {
        stage.browser.devtools("Network.enable", json!({})).await?;
        stage.browser.devtools("Network.setBlockedURLs", json!({ "urls": ["*/api/embed/verify"] })).await?;
        let script = "Dramac('ready', () => { window.embed = Dramac.embed({ siteId, moduleId, type: 'inline', container: '#place' }) })";
        stage.browser.open(&stage.website.put("/", stage.page(script))).await?;
        stage.ready().await?;
        assert_eq!(stage.inside("return Dramac.module.context.token ?? null").await?, json!(null));
        let console = stage.browser.console().await?.join("\n");
        ensure!(console.contains("[Dramac] ") && console.contains("gave no valid answer"), "{console}");
        stage.log().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() -> Result<()> {
    story(async |stage| {
        // A page on which the long wait for this server is a short one, and no other wait: the files come in their own time.
        let silent = "<script>
            const real = fetch, after = AbortSignal.timeout
            AbortSignal.timeout = (wait) => Object.assign(after.call(AbortSignal, wait), { wait })
            window.fetch = (url, options) => !String(url).endsWith('/api/embed/verify') ? real(url, options) : new Promise((_, reject) => {
              window.wait = options.signal.wait
              const short = after.call(AbortSignal, options.signal.wait / 300)
              short.onabort = () => reject(short.reason)
            })
          </script>";
        let page = stage.page_with_loader(&format!("{silent}{}", stage.loader("")), EMBED);
        // A module that shows up would go on without a verdict.
        let blank = stage.publish(&module::blank()).await?;
        let page = page.replace(&stage.module, &blank);
        stage.browser.open(&stage.website.put("/", page)).await?;
        says(stage, "unavailable", &[&stage.installation.origin(), "gave no valid answer"]).await?;
        assert_eq!(stage.browser.value("wait").await?, 30_000);
        shows_a_card(stage, "unavailable").await
    })
    .await
}

#[tokio::test]
async fn a_page_that_has_taken_the_elements_name_is_told() -> Result<()> {
    story(async |stage| {
        let taken = "<script>customElements.define('dramac-embed', class extends HTMLElement {})</script>";
        let page = stage.page_with_loader(&format!("{taken}{}", stage.loader("async")), EMBED);
        stage.browser.open(&stage.website.put("/", page)).await?;
        says(stage, "sdk_unavailable", &["dramac-embed"]).await
    })
    .await
}
