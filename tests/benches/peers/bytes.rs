//! What a page downloads before its first embed, after brotli at its best.

use crate::bundle;
use crate::packages::Packages;
use crate::report::{Table, publish};
use anyhow::Result;
use serde::Serialize;

/// The limits of `cdn -- check`, in bytes.
const LOADER: [(usize, &str); 2] = [(2 * 1024, "budget"), (1536, "mark to beat")];
const TOTAL: [(usize, &str); 2] = [(34 * 1024, "budget"), (27 * 1024, "mark to beat")];

const HEAD: [&str; 4] = ["", "bytes", "brotli 11", "ours ÷ theirs"];

/// One thing that a page, or a frame, downloads.
#[derive(Serialize)]
struct Weight {
    what: &'static str,
    bytes: usize,
    brotli: usize,
}

/// Weighs everybody.
pub async fn measure(packages: &Packages) -> Result<()> {
    let manifest = bundle::manifest()?;
    let ours = |what, files: &[&str]| {
        let sum =
            |size: &str| files.iter().filter_map(|file| manifest["files"][file][size].as_u64()).sum::<u64>();
        Weight { what, bytes: sum("bytes") as usize, brotli: sum("brotli") as usize }
    };
    let loader = ours("Dramac: the loader, all that a first inline frame waits for", &["embed.js"]);
    let total = ours("Dramac: loader, glue and WebAssembly", &["embed.js", "sdk.js", "sdk.wasm"]);
    let module = ours("Dramac, in the frame: module.js", &["module.js"]);

    let read = |file| packages.read(file).map(String::into_bytes);
    let embeds = [
        weigh(
            "Cal.com: snippet, embed.js",
            &[
                read("@calcom/embed-snippet/dist/snippet.umd.js")?,
                read("@calcom/embed-core/dist/embed/embed.js")?,
            ],
        )?,
        weigh(
            "Typeform: embed.js, widget.css",
            &[read("@typeform/embed/build/embed.js")?, read("@typeform/embed/build/css/widget.css")?],
        )?,
        weigh(
            "giscus: the web component, bundled with lit",
            &[packages.bundle("giscus/dist/giscus.mjs").await?],
        )?,
        weigh("iframe-resizer: parent", &[read("@iframe-resizer/parent/index.umd.js")?])?,
        weigh("zoid", &[read("@krakenjs/zoid/dist/zoid.min.js")?])?,
    ];
    let in_frames = [
        weigh("penpal, in the frame", &[read("penpal/dist/penpal.min.js")?])?,
        weigh("comlink, in the frame", &[read("comlink/dist/esm/comlink.min.mjs")?])?,
        weigh("iframe-resizer, in the frame: child", &[read("@iframe-resizer/child/index.umd.js")?])?,
    ];

    let alone = [&loader, &total].map(|weight| (weight, None));
    let weights = alone
        .into_iter()
        .chain(embeds.iter().map(|peer| (peer, Some(&total))))
        .chain([(&module, None)])
        .chain(in_frames.iter().map(|peer| (peer, Some(&module))));
    let mut table = Table { head: HEAD.map(str::to_owned).to_vec(), rows: Vec::new(), lost: Vec::new() };
    for (weight, limits) in [(&loader, LOADER), (&total, TOTAL)] {
        for (limit, name) in limits {
            if let Some(over @ 1..) = weight.brotli.checked_sub(limit) {
                table.lost.push(format!("{}: {over} bytes over the {name} of {limit}.", weight.what));
            }
        }
    }
    let mut figures = Vec::new();
    for (weight, ours) in weights {
        let ratio = ours.map(|ours| ours.brotli as f64 / weight.brotli as f64);
        let shown = ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
        if let (Some(1.0..), Some(ours)) = (ratio, ours) {
            table.lost.push(format!("{} weighs {shown} × {}.", ours.what, weight.what));
        }
        table.rows.push(vec![
            weight.what.to_owned(),
            weight.bytes.to_string(),
            weight.brotli.to_string(),
            shown,
        ]);
        figures.push(weight);
    }
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
