//! How soon does an inline embed appear, against a bare script that inserts the same iframe?
//!
//! `cargo build --release && cargo bench -p stories -- frame`. Both pages lead to the same document on the same
//! module origin; both scripts come `async` from an origin that is not the page's. Every connection goes through a line
//! with the latency of the row, and before every navigation the cache is emptied and the connections are cut.

use anyhow::{Context, Result};
use embed_protocol::frame;
use serde_json::json;
use std::time::Duration;
use stories::figures::{Row, Spread, publish};
use stories::slow_line::SlowLine;
use stories::{Browser, Installation, Server, Website, module, port};

/// Pairs of navigations for each latency.
const PAIRS: usize = 21;

/// Takes the times at which the first iframe is in the document, and at which it is not hidden and has loaded. It does
/// the same work on both pages.
const OBSERVER: &str = "
const marks = {};
const mark = (name) => { marks[name] ??= performance.now() };
const deep = (root) => root.querySelector('iframe')
  ?? [...root.querySelectorAll('*')].map((e) => e.shadowRoot && deep(e.shadowRoot)).find(Boolean);
let frame;
const look = () => {
  if (!frame) {
    frame = deep(document);
    if (!frame) return;
    mark('inserted');
    frame.addEventListener('load', () => { mark('loaded'); look() });
  }
  if (frame.checkVisibility({ opacityProperty: true, visibilityProperty: true })) mark('shown');
  if (marks.shown && marks.loaded) mark('visible');
};
const watch = (root) => new MutationObserver(look).observe(root, { childList: true, subtree: true, attributes: true });
const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (init) { const root = attach.call(this, init); watch(root); return root };
watch(document);
const tick = () => { look(); if (!marks.visible) requestAnimationFrame(tick) };
tick();
";

pub async fn measure() -> Result<()> {
    let mut rows = Vec::new();
    for latency in [0, 50] {
        rows.extend(measure_behind(Duration::from_millis(latency)).await?);
    }
    publish("frame", "ms after navigation", &rows)
}

async fn measure_behind(latency: Duration) -> Result<Vec<Row>> {
    let (server_port, page_port, script_port) = (port::free()?, port::free()?, port::free()?);
    let installation = Installation::behind(port::free()?, server_port)?;
    let site = installation.create_site().await?;
    let module = installation.publish(&site, &module::bridge()).await?;
    installation.allow(&site, &module, page_port, &[]).await?;
    let _server = Server::start(&installation).await?;
    let (pages, scripts) = (Website::start().await?, Website::start().await?);
    let lines = [
        SlowLine::start(server_port, installation.port, latency).await?,
        SlowLine::start(page_port, pages.port, latency).await?,
        SlowLine::start(script_port, scripts.port, latency).await?,
    ];

    let origin = format!("http://localhost:{page_port}");
    let page = |script: String, body: String| {
        format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Host</title><link rel=\"icon\" href=\"data:,\">\
             <script>{OBSERVER}</script><script async src=\"{script}\"></script></head><body>{body}</body></html>"
        )
    };
    let server = installation.origin();
    let place = format!("<div data-dramac-embed=\"{module}\" data-site-id=\"{site}\"></div>");
    pages.put("/ours", page(format!("{server}/v1/embed.js"), place));
    pages.put(
        "/bare",
        page(format!("http://localhost:{script_port}/bare.js"), "<div id=\"place\"></div>".into()),
    );
    let part = frame::part(&site, "light", "inline", &origin);
    let frame = format!("{}/embed/{module}/{part}/", installation.module_origin(&module));
    scripts.put(
        "/bare.js",
        format!(
            "{{ const frame = document.createElement('iframe'); frame.name = 'bare'; frame.src = '{frame}'; frame.style.cssText = 'border:0;width:100%;height:500px';
             const insert = () => document.getElementById('place').append(frame);
             document.getElementById('place') ? insert() : addEventListener('DOMContentLoaded', insert) }}"
        ),
    );

    let browser = Browser::start().await?;
    let [mut ours, mut bare] = [Times::default(), Times::default()];
    for pair in 0..=PAIRS {
        // Who goes first alternates, so that no order wins.
        let order = if pair % 2 == 0 { ["ours", "bare"] } else { ["bare", "ours"] };
        for which in order {
            browser.open("about:blank").await?;
            browser.devtools("Network.clearBrowserCache", json!({})).await?;
            lines.iter().for_each(SlowLine::hang_up);
            browser.open(&format!("{origin}/{which}")).await?;
            let marks = browser.until("the frame was visible", "marks.visible && marks").await?;
            // The first pair warms the machine up.
            if pair > 0 {
                let times = if which == "ours" { &mut ours } else { &mut bare };
                times.inserted.push(marks["inserted"].as_f64().context("inserted is a time")?);
                times.visible.push(marks["visible"].as_f64().context("visible is a time")?);
            }
        }
    }
    browser.close().await?;
    Ok(vec![
        row(format!("frame inserted, + {} ms", latency.as_millis()), &ours.inserted, &bare.inserted),
        row(format!("frame visible, + {} ms", latency.as_millis()), &ours.visible, &bare.visible),
    ])
}

#[derive(Default)]
struct Times {
    inserted: Vec<f64>,
    visible: Vec<f64>,
}

fn row(what: String, ours: &[f64], bare: &[f64]) -> Row {
    let ratio = Spread::of_ratios(ours, bare);
    let reached = ratio.median <= 1.1;
    Row { what, ours: Spread::of(ours), theirs: Spread::of(bare), ratio, goal: "≤ 1.1", reached }
}
