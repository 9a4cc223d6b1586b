//! How soon after the navigation is an inline frame inserted, visible and ready?
//!
//! *Inserted*: it is in the document. *Visible*: it is not hidden, and its document has painted its first content.
//! *Ready*: the embed's own event says so (for the bare script: the first message of the frame).

use super::packages::Packages;
use super::report::{Duel, Goal, Table, publish};
use super::scene::{BARE, CAL, OURS, Scene, TYPEFORM};
use anyhow::{Context, Result};
use serde_json::json;
use std::time::Duration;

/// Navigations to each page under each condition; one more before them warms everything up.
const ROUNDS: usize = 15;
/// Round trip times that are added to every connection, in milliseconds, and how much slower the page's processor is.
const LATENCIES: [u64; 2] = [0, 50];
const THROTTLES: [u32; 2] = [1, 4];

const PAGES: [&str; 4] = [OURS, BARE, CAL, TYPEFORM];
const PEERS: [&str; 3] = ["bare script", "Cal.com", "Typeform"];
const MOMENTS: [&str; 3] = ["inserted", "visible", "ready"];

/// Takes the times. It does the same work on every page.
const OBSERVER: &str = "
const marks = {};
let finish;
const finished = new Promise((resolve) => { finish = resolve });
const mark = (name) => {
  marks[name] ??= performance.now();
  if (marks.inserted && marks.drawn && marks.ready) finish(marks);
};
const deep = (root) => root.querySelector('iframe')
  ?? [...root.querySelectorAll('*')].map((e) => e.shadowRoot && deep(e.shadowRoot)).find(Boolean);
let frame;
const look = () => {
  frame ??= deep(document);
  if (!frame) return;
  mark('inserted');
  if (marks.shown || !frame.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return;
  mark('shown');
  requestAnimationFrame(() => setTimeout(mark, 0, 'drawn'));
};
const watch = (root) => new MutationObserver(look).observe(root, { childList: true, subtree: true, attributes: true });
const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (init) { const root = attach.call(this, init); watch(root); return root };
watch(document);
const tick = () => { look(); if (!marks.shown) requestAnimationFrame(tick) };
tick();
";

/// When the frame's document painted its first content, on a clock that page and frame share.
const PAINTED: &str = "
return new Promise((resolve) => new PerformanceObserver((list) => {
  const [first] = list.getEntriesByName('first-contentful-paint');
  if (first) resolve(performance.timeOrigin + first.startTime);
}).observe({ type: 'paint', buffered: true }));
";

/// For each page, for each moment, the samples in milliseconds.
type Samples = [[Vec<f64>; MOMENTS.len()]; PAGES.len()];

/// Measures and publishes.
pub async fn measure(packages: &Packages) -> Result<()> {
    let mut duels = Vec::new();
    for latency in LATENCIES {
        let scene = Scene::set(packages, Duration::from_millis(latency), OBSERVER).await?;
        for throttle in THROTTLES {
            scene.browser.devtools("Emulation.setCPUThrottlingRate", json!({ "rate": throttle })).await?;
            let samples = rounds(&scene).await?;
            duels.extend(compare(&samples, &format!("+{latency} ms, {throttle}×")));
        }
        scene.browser.close().await?;
    }
    publish("start", &Table::of(&duels, "ms"), &duels)
}

async fn rounds(scene: &Scene) -> Result<Samples> {
    let mut samples = Samples::default();
    for round in 0..=ROUNDS {
        for turn in 0..PAGES.len() {
            // Each round begins with another page.
            let page = (turn + round) % PAGES.len();
            let times = navigate(scene, PAGES[page]).await.with_context(|| format!("on {}", PAGES[page]))?;
            if round > 0 {
                samples[page].iter_mut().zip(times).for_each(|(moment, time)| moment.push(time));
            }
        }
    }
    Ok(samples)
}

async fn navigate(scene: &Scene, page: &str) -> Result<[f64; MOMENTS.len()]> {
    scene.open(page).await?;
    let browser = &scene.browser;
    let marks = browser
        .run("return finished.then((marks) => ({ ...marks, origin: performance.timeOrigin }))", ())
        .await?;
    browser.enter("deep('iframe')[0]").await?;
    let painted = browser.run(PAINTED, ()).await?;
    browser.leave().await?;
    let time = |name: &str| marks[name].as_f64().with_context(|| format!("{name} is a time in {marks}"));
    let painted = painted.as_f64().context("the paint has a time")? - time("origin")?;
    Ok([time("inserted")?, painted.max(time("drawn")?), time("ready")?])
}

fn compare(samples: &Samples, condition: &str) -> Vec<Duel> {
    let [ours, theirs @ ..] = samples;
    let mut duels = Vec::new();
    for (moment, name) in MOMENTS.into_iter().enumerate() {
        for (peer, samples) in PEERS.into_iter().zip(theirs) {
            let goal = match (peer, name) {
                // The bare script is ready without having asked anybody for permission.
                ("bare script", "ready") => Goal::None,
                ("bare script", _) => Goal::AtMost(1.1),
                _ => Goal::Below(1.0),
            };
            duels.push(Duel::new(
                format!("{name}, {condition}"),
                peer,
                &ours[moment],
                &samples[moment],
                goal,
            ));
        }
    }
    duels
}
