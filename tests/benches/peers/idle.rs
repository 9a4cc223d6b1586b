//! What does an embed cost in ten seconds in which nothing happens to it?
//!
//! Counted on the page's own main thread. Layout shift is also told for the time before, in which the embed arrives.

use super::packages::Packages;
use super::report::{Table, publish};
use super::scene::{BARE, CAL, EMPTY, OURS, RESERVED, Scene, TYPEFORM};
use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;
use stories::figures::Spread;

/// How often each page is watched.
const ROUNDS: usize = 5;
/// For how long each time, in milliseconds.
const WATCHED: u32 = 10_000;

const PAGES: [(&str, &str); 6] = [
    ("no embed", EMPTY),
    ("Dramac", OURS),
    ("Dramac, height reserved by the page", RESERVED),
    ("bare script", BARE),
    ("Cal.com", CAL),
    ("Typeform", TYPEFORM),
];

/// Counts what runs by itself, before anybody else has a hold of the clock.
const COUNTER: &str = "
const counted = { timers: 0, frames: 0, shift: 0, long: 0 };
let finish;
const finished = new Promise((resolve) => { finish = resolve });
const mark = finish;
const later = setTimeout;
const counting = (name, key) => {
  const original = window[name];
  window[name] = (callback, ...rest) =>
    original.call(window, (...args) => { counted[key] += 1; return callback(...args) }, ...rest);
};
for (const name of ['setTimeout', 'setInterval', 'requestIdleCallback']) counting(name, 'timers');
counting('requestAnimationFrame', 'frames');
const watch = (type, take) => new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true });
watch('layout-shift', (entry) => { counted.shift += entry.value });
watch('longtask', (entry) => { counted.long = Math.max(counted.long, entry.duration) });
";

/// Lets the load end, then takes the counts before and after the time in which nothing happens.
const SETTLED: &str = "return finished
  .then(() => document.readyState === 'complete' || new Promise((resolve) => addEventListener('load', resolve)))
  .then(() => new Promise((resolve) => later.call(window, resolve, 1000)))
  .then(() => { const arrival = counted.shift; Object.assign(counted, { timers: 0, frames: 0, shift: 0, long: 0 }); return arrival })";
const WATCH: &str =
    "return new Promise((resolve) => later.call(window, () => resolve(counted), arguments[0]))";

/// The columns: where each comes from, and what it is called.
const COLUMNS: [(&str, &str); 9] = [
    ("TaskDuration", "main thread, ms"),
    ("ScriptDuration", "script, ms"),
    ("timers", "timers fired"),
    ("frames", "animation frames"),
    ("RecalcStyleCount", "style recalculations"),
    ("long", "longest task over 50 ms, ms"),
    ("shift", "layout shift"),
    ("arrival", "layout shift on arrival"),
    ("JSEventListeners", "listeners"),
];

/// What was seen on one page.
#[derive(Serialize)]
struct Cost {
    page: &'static str,
    figures: HashMap<&'static str, Spread>,
}

/// Measures and publishes.
pub async fn measure(packages: &Packages) -> Result<()> {
    let scene = Scene::set(packages, Duration::ZERO, COUNTER).await?;
    scene.browser.devtools("Performance.enable", json!({})).await?;
    let mut samples: [HashMap<&str, Vec<f64>>; PAGES.len()] = Default::default();
    for round in 0..ROUNDS {
        for turn in 0..PAGES.len() {
            let page = (turn + round) % PAGES.len();
            for (figure, value) in watch(&scene, PAGES[page].1).await? {
                samples[page].entry(figure).or_default().push(value);
            }
        }
    }
    scene.browser.close().await?;

    let costs = PAGES.into_iter().zip(samples).map(|((page, _), samples)| Cost {
        page,
        figures: samples.into_iter().map(|(figure, samples)| (figure, Spread::of(&samples))).collect(),
    });
    let costs: Vec<Cost> = costs.collect();
    publish("idle", &table(&costs), &costs)
}

/// One page: its figures by the names of [`COLUMNS`].
async fn watch(scene: &Scene, page: &str) -> Result<Vec<(&'static str, f64)>> {
    let browser = &scene.browser;
    scene.open(page).await?;
    let arrival = browser.run(SETTLED, ()).await?;
    let before = metrics(scene).await?;
    let counted = browser.run(WATCH, [json!(WATCHED)]).await?;
    let after = metrics(scene).await?;
    let figure = |name: &'static str| {
        let metric = |metrics: &HashMap<String, f64>| metrics.get(name).copied();
        let value = match name {
            "arrival" => arrival.as_f64(),
            "JSEventListeners" => metric(&after),
            "TaskDuration" | "ScriptDuration" => {
                metric(&after).zip(metric(&before)).map(|(b, a)| (b - a) * 1000.0)
            }
            "RecalcStyleCount" => metric(&after).zip(metric(&before)).map(|(b, a)| b - a),
            _ => counted[name].as_f64(),
        };
        Ok((name, value.with_context(|| format!("{name} was not counted"))?))
    };
    COLUMNS.into_iter().map(|(name, _)| figure(name)).collect()
}

async fn metrics(scene: &Scene) -> Result<HashMap<String, f64>> {
    let answer = scene.browser.devtools("Performance.getMetrics", json!({})).await?;
    let metrics = answer["metrics"].as_array().with_context(|| format!("no metrics in {answer}"))?;
    let pair = |metric: &Value| Some((metric["name"].as_str()?.to_owned(), metric["value"].as_f64()?));
    Ok(metrics.iter().filter_map(pair).collect())
}

fn table(costs: &[Cost]) -> Table {
    let head = [""].into_iter().chain(COLUMNS.into_iter().map(|(_, column)| column));
    let row = |cost: &Cost| {
        let cells = COLUMNS.into_iter().map(|(name, _)| cell(cost.figures[name]));
        [cost.page.to_owned()].into_iter().chain(cells).collect()
    };
    let ours = &costs[1].figures;
    let nothing = ["timers", "frames", "long", "shift", "arrival"];
    let lost = COLUMNS.into_iter().filter(|(name, _)| nothing.contains(name) && ours[name].max > 0.0);
    let sentence =
        |(name, column): (&str, &str)| format!("{column}: {} where nothing is the goal.", cell(ours[name]));
    Table {
        head: head.map(str::to_owned).collect(),
        rows: costs.iter().map(row).collect(),
        lost: lost.map(sentence).collect(),
    }
}

/// A spread, or one number where every sample was the same.
fn cell(spread: Spread) -> String {
    if spread.min == spread.max {
        format!("{:.3}", spread.median).trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        spread.to_string()
    }
}
