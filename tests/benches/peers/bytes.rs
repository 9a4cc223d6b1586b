//! What a page downloads before its first embed, after brotli at its best.

use crate::packages::Packages;
use crate::report::{Table, publish};
use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;
use stories::repository;

/// The budgets of `cdn -- check`, in bytes.
const LOADER: usize = 2 * 1024;
const TOTAL: usize = 34 * 1024;
/// The best that was thought possible before it was tried.
const LOADER_MARK: usize = 1536;
const TOTAL_MARK: usize = 27 * 1024;

/// One thing that a page, or a frame, downloads.
#[derive(Serialize)]
struct Weight {
    what: &'static str,
    bytes: usize,
    brotli: usize,
}

/// Weighs everybody.
pub async fn measure(packages: &Packages) -> Result<()> {
    let manifest = repository("cdn/dist/v1/manifest.json");
    let manifest = std::fs::read(&manifest)
        .with_context(|| format!("{} is not there: run `cargo run -p cdn -- check`", manifest.display()))?;
    let manifest: Value = serde_json::from_slice(&manifest)?;
    let ours = |what, files: &[&str]| {
        let sum = |size: &str| files.iter().filter_map(|file| manifest["files"][file][size].as_u64()).sum::<u64>();
        Weight { what, bytes: sum("bytes") as usize, brotli: sum("brotli") as usize }
    };
    let loader = ours("Dramac: the loader, all that a first inline frame waits for", &["embed.js"]);
    let total = ours("Dramac: loader, glue and WebAssembly", &["embed.js", "sdk.js", "sdk.wasm"]);
    let module = ours("Dramac, in the frame: module.js", &["module.js"]);

    let read = |file| packages.read(file).map(String::into_bytes);
    let peers = [
        weigh(
            "Cal.com: snippet, embed.js",
            &[read("@calcom/embed-snippet/dist/snippet.umd.js")?, read("@calcom/embed-core/dist/embed/embed.js")?],
        )?,
        weigh(
            "Typeform: embed.js, widget.css",
            &[read("@typeform/embed/build/embed.js")?, read("@typeform/embed/build/css/widget.css")?],
        )?,
        weigh("giscus: the web component, bundled with lit", &[packages.bundle("giscus/dist/giscus.mjs").await?])?,
        weigh("iframe-resizer: parent", &[read("@iframe-resizer/parent/index.umd.js")?])?,
        weigh("zoid", &[read("@krakenjs/zoid/dist/zoid.min.js")?])?,
        weigh("penpal: only a bridge", &[read("penpal/dist/penpal.min.js")?])?,
        weigh("comlink: only a bridge", &[read("comlink/dist/esm/comlink.min.mjs")?])?,
        weigh("iframe-resizer, in the frame: child", &[read("@iframe-resizer/child/index.umd.js")?])?,
    ];

    let against = |ours: &Weight, theirs: usize| format!("{:.2}", ours.brotli as f64 / theirs as f64);
    let row = |weight: &Weight, loader: String, total: String| {
        vec![weight.what.to_owned(), weight.bytes.to_string(), weight.brotli.to_string(), loader, total]
    };
    let mut rows = vec![
        row(&loader, "1.00".into(), String::new()),
        row(&total, String::new(), "1.00".into()),
        row(&module, String::new(), String::new()),
    ];
    rows.extend(peers.iter().map(|peer| row(peer, against(&loader, peer.brotli), against(&total, peer.brotli))));

    let mut lost = Vec::new();
    for (weight, budget, mark) in [(&loader, LOADER, LOADER_MARK), (&total, TOTAL, TOTAL_MARK)] {
        for (limit, name) in [(budget, "budget"), (mark, "mark to beat")] {
            if weight.brotli > limit {
                let over = weight.brotli - limit;
                lost.push(format!("{}: {over} bytes over the {name} of {limit}.", weight.what));
            }
        }
    }
    for peer in peers.iter().filter(|peer| peer.brotli < total.brotli) {
        lost.push(format!("Loader, glue and WebAssembly weigh {} × {}.", against(&total, peer.brotli), peer.what));
    }
    let head = ["", "bytes", "brotli 11", "our loader ÷ theirs", "our total ÷ theirs"];
    let table = Table { head: head.map(str::to_owned).to_vec(), rows, lost };
    let figures: Vec<&Weight> = [&loader, &total, &module].into_iter().chain(&peers).collect();
    publish("bytes", &table, &figures)
}

/// The sum of some files, each compressed by itself.
fn weigh(what: &'static str, files: &[Vec<u8>]) -> Result<Weight> {
    let mut brotli = 0;
    for file in files {
        brotli += compress(file)?.len();
    }
    Ok(Weight { what, bytes: files.iter().map(Vec::len).sum(), brotli })
}

/// Brotli as the bundle is compressed: quality 11, window 22.
pub fn compress(bytes: &[u8]) -> Result<Vec<u8>> {
    let params = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, ..Default::default() };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &bytes[..], &mut compressed, &params)?;
    Ok(compressed)
}
