//! The browser's rows of the budgets, against the npm packages of the peers.
//!
//! `cargo run -p cdn -- check && cargo build --release && cargo bench -p stories -- peers` measures everything and
//! rewrites the tables of `docs/benchmarks.md`; the name of a section after it (`bytes`, `start`, `trips`, `idle`)
//! measures that one alone. The peers are installed once, by npm, below `target/`; everything is served from loopback.

mod bundle;
mod bytes;
mod detour;
mod idle;
mod packages;
mod report;
mod scene;
mod shelf;
mod startup;
mod trips;

use anyhow::{Result, bail};
use packages::Packages;
use serde_json::json;
use stories::Browser;

const SECTIONS: [&str; 4] = ["bytes", "start", "trips", "idle"];

/// Measures the sections of these names; all, where none is named.
pub async fn measure(wished: &[String]) -> Result<()> {
    if let Some(unknown) = wished.iter().find(|wished| !SECTIONS.contains(&wished.as_str())) {
        bail!("there is no section {unknown}: choose from {}", SECTIONS.join(", "));
    }
    let is_wished = |section: &str| wished.is_empty() || wished.iter().any(|wished| wished == section);
    let packages = Packages::install().await?;
    for section in SECTIONS.into_iter().filter(|section| is_wished(section)) {
        match section {
            "bytes" => bytes::measure(&packages).await?,
            "start" => startup::measure(&packages).await?,
            "trips" => trips::measure(&packages).await?,
            _ => idle::measure(&packages).await?,
        }
    }
    report::put("versions", &versions().await?)
}

/// What was compared, in which browser.
async fn versions() -> Result<String> {
    let browser = Browser::start().await?;
    let version = browser.devtools("Browser.getVersion", json!({})).await?;
    browser.close().await?;
    let names: Vec<String> = Packages::names().collect();
    let product = version["product"].as_str().unwrap_or("an unknown browser").replace('/', " ");
    Ok(format!("Last run in {product}, with {}.\n", names.join(", ")))
}
