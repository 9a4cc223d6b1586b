//! How many requests are asked and answered in a second, between a page and a frame of another origin?
//!
//! All four channels run between the same two documents, so that they share processes, threads and their noise.

use super::bundle;
use super::packages::{Packages, copy};
use super::report::{Duel, Goal, Table, publish};
use super::shelf::Shelf;
use anyhow::{Context, Result};
use serde_json::json;
use stories::{Browser, Installation, Server, repository};

/// Samples of each channel under each load; one more before them warms everything up.
const ROUNDS: usize = 41;
const CHANNELS: [&str; 4] = ["ours", "raw", "penpal", "comlink"];
const PEERS: [&str; 3] = ["raw MessageChannel", "penpal", "comlink"];

/// What is asked: so many requests, so many of them under way at once, with a payload of so many characters.
struct Load {
    name: &'static str,
    count: u32,
    in_flight: u32,
    characters: u32,
}

const LOADS: [Load; 3] = [
    Load { name: "one at a time", count: 300, in_flight: 1, characters: 10 },
    Load { name: "64 in flight", count: 640, in_flight: 64, characters: 10 },
    Load { name: "10 KB, one at a time", count: 300, in_flight: 1, characters: 10_240 },
];

/// The page's ends; the frame's are in `tests/modules/trips/app.js`.
const PAGE_ENDS: &str = "
const frame = deep('iframe')[0];
window.ends = { ours: (payload) => embed.request('echo', payload) };
embed.on('dramac:echo', (payload) => payload);
embed.on('echo', (payload) => payload);
const channels = Array.from({ length: 3 }, () => new MessageChannel());
ends.raw = rawEnd(channels[0].port1);
ends.comlink = comlinkEnd(channels[2].port1, channels[1].port1);
frame.contentWindow.postMessage('ports', '*', channels.map((channel) => channel.port2));
return penpalEnd(frame.contentWindow).then((end) => { ends.penpal = end });
";

/// Measures and publishes.
pub async fn measure(packages: &Packages) -> Result<()> {
    let folder = tempfile::tempdir()?;
    copy(&repository("tests/modules/trips"), folder.path())?;
    let libraries =
        [("penpal.js", "penpal/dist/penpal.min.js"), ("comlink.js", "comlink/dist/umd/comlink.min.js")];
    let pages = Shelf::start().await?;
    for (name, file) in libraries {
        std::fs::write(folder.path().join(name), packages.read(file)?)?;
        pages.put(&format!("/{name}"), packages.read(file)?)?;
    }
    pages.put("/ends.js", &std::fs::read_to_string(folder.path().join("ends.js"))?)?;

    let installation = bundle::serve(Installation::new()?);
    let site = installation.create_site().await?;
    let module = installation.publish(&site, folder.path()).await?;
    installation.allow(&site, &module, pages.port, &[]).await?;
    let _server = Server::start(&installation).await?;
    pages.put(
        "/",
        format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Host</title><link rel=\"icon\" href=\"data:,\">
             <script src=\"penpal.js\"></script><script src=\"comlink.js\"></script><script src=\"ends.js\"></script>
             <script src=\"{}/v1/embed.js\"></script></head><body><main id=\"place\"></main>
             <script>window.embed = Dramac.embed({{ siteId: '{site}', moduleId: '{module}', type: 'inline', container: '#place' }})</script>
             </body></html>",
            installation.origin()
        ),
    )?;

    let browser = Browser::start().await?;
    browser.open(&format!("http://localhost:{}/", pages.port)).await?;
    browser.until("the module was ready", "embed.state === 'open' || embed.state === 'ready'").await?;
    browser.run(PAGE_ENDS, ()).await?;
    let mut duels = Vec::new();
    for direction in ["page asks", "module asks"] {
        if direction == "module asks" {
            browser.enter("deep('iframe')[0]").await?;
        }
        browser.until("every channel was there", "Object.keys(ends).length === 4").await?;
        for load in &LOADS {
            let samples =
                rounds(&browser, load).await.with_context(|| format!("{direction}, {}", load.name))?;
            duels.extend(compare(&samples, &format!("{direction}, {}", load.name)));
        }
    }
    browser.leave().await?;
    browser.close().await?;
    publish("trips", &Table::of(&duels, "trips/s"), &duels)
}

async fn rounds(browser: &Browser, load: &Load) -> Result<[Vec<f64>; CHANNELS.len()]> {
    let mut samples: [Vec<f64>; CHANNELS.len()] = Default::default();
    for round in 0..=ROUNDS {
        for turn in 0..CHANNELS.len() {
            // Each round begins with another channel.
            let channel = (turn + round) % CHANNELS.len();
            let name = CHANNELS[channel];
            let rate = browser
                .run(
                    "return rate(ends[arguments[0]], arguments[1], arguments[2], 'x'.repeat(arguments[3]))",
                    [json!(name), json!(load.count), json!(load.in_flight), json!(load.characters)],
                )
                .await
                .with_context(|| format!("over {name}"))?;
            if round > 0 {
                samples[channel].push(rate.as_f64().context("a rate is a number")?);
            }
        }
    }
    Ok(samples)
}

fn compare(samples: &[Vec<f64>; CHANNELS.len()], what: &str) -> Vec<Duel> {
    let [ours, theirs @ ..] = samples;
    let duel = |(peer, samples): (&'static str, &Vec<f64>)| {
        let goal = if peer == PEERS[0] { Goal::AtLeast(0.9) } else { Goal::Above(1.0) };
        Duel::new(what.to_owned(), peer, ours, samples, goal)
    };
    PEERS.into_iter().zip(theirs).map(duel).collect()
}
