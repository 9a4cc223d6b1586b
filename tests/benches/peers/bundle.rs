//! The bundle as `cdn` has built it: what is weighed is also what is measured.

use anyhow::{Context, Result};
use serde_json::Value;
use stories::{Installation, repository};

/// A file of the bundle, by its path in it.
pub fn read(path: &str) -> Result<Vec<u8>> {
    let file = repository("cdn/dist").join(path);
    std::fs::read(&file)
        .with_context(|| format!("{} is not there: run `cargo run -p cdn -- check`", file.display()))
}

/// An installation that serves this bundle in place of the one inside the server's binary.
pub fn serve(installation: Installation) -> Installation {
    installation.with("EMBED_BUNDLE_DIR", repository("cdn/dist").to_string_lossy())
}

/// Its `manifest.json`: the size of each file, plain and compressed.
fn manifest() -> Result<Value> {
    Ok(serde_json::from_slice(&read("v1/manifest.json")?)?)
}

/// The paths of its files, which begin with `v1/`.
pub fn paths() -> Result<Vec<String>> {
    let manifest = manifest()?;
    let files = manifest["files"].as_object().context("the bundle's manifest lists its files")?;
    let path = |file: &Value| Some(file["path"].as_str()?.to_owned());
    Ok(files.values().filter_map(path).collect())
}
