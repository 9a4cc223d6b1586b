//! What a page downloads before its first embed, after brotli at its best.

use super::packages::Packages;
use super::report::{Table, publish, put};
use anyhow::Result;
use cdn::sizes::{self, Part};
use cdn::{Build, Manifest, Mode};
use serde::Serialize;
use std::path::PathBuf;
use stories::repository;

/// The limits of `cdn -- check`, in bytes.
const LOADER: [(usize, &str); 2] = [(2 * 1024, "budget"), (1536, "mark to beat")];
const TOTAL: [(usize, &str); 2] = [(34 * 1024, "budget"), (27 * 1024, "mark to beat")];
const FALLBACK: (usize, &str) = (36 * 1024, "budget");

/// Parts of fewer bytes are one line together.
const SMALL: usize = 300;

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
    let (plain, optimised) = (built(Mode::Plain)?, built(Mode::Optimized)?);
    let ours = |what, manifest: &Manifest, files: &[&str]| {
        let files = files.iter().filter_map(|file| manifest.files.get(*file));
        let (bytes, brotli) =
            files.fold((0, 0), |(bytes, brotli), file| (bytes + file.bytes, brotli + file.brotli));
        Weight { what, bytes, brotli }
    };
    let page = ["embed.js", "sdk.js", "sdk.wasm"];
    let loader = ours("Dramac: the loader, all that a first inline frame waits for", &plain, &page[..1]);
    let total = ours("Dramac: loader, glue and WebAssembly", &plain, &page);
    let small = ours("Dramac: the same, built with --optimize", &optimised, &page);
    let fallback =
        ours("Dramac, where a policy forbids WebAssembly", &optimised, &["embed.js", "sdk.fallback.js"]);
    let module = ours("Dramac, in the frame: module.js", &plain, &["module.js"]);

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

    let alone = [&loader, &total, &small, &fallback].map(|weight| (weight, None));
    let weights = alone
        .into_iter()
        .chain(embeds.iter().map(|peer| (peer, Some(&total))))
        .chain([(&module, None)])
        .chain(in_frames.iter().map(|peer| (peer, Some(&module))));
    let mut table = Table { head: HEAD.map(str::to_owned).to_vec(), rows: Vec::new(), lost: Vec::new() };
    let limited = [(&loader, &LOADER[..]), (&total, &TOTAL), (&small, &TOTAL), (&fallback, &[FALLBACK])];
    for (weight, limits) in limited {
        for &(limit, name) in limits {
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
    publish("bytes", &table, &figures)?;
    put("parts", &parts()?)
}

/// Builds the bundle to a folder of its own, so that both modes can be weighed, whatever is in `cdn/dist`.
fn built(mode: Mode) -> Result<Manifest> {
    let out = tempfile::tempdir()?;
    cdn::build(&Build {
        workspace: &repository("."),
        target_dir: &target_dir(),
        out: out.path(),
        mode,
        progress: &|_| {},
    })
}

/// Where `cdn` builds the SDK, so that it need not be compiled twice.
fn target_dir() -> PathBuf {
    repository("target/bundle")
}

/// What each part of ours weighs, by itself.
fn parts() -> Result<String> {
    let parts = sizes::measure(&repository("."), &target_dir())?;
    let (large, small): (Vec<Part>, Vec<Part>) =
        parts.scripts.into_iter().chain(parts.wasm).partition(|part| part.bytes >= SMALL);
    let mut text = "| part | bytes | brotli 11, by itself |\n| --- | --- | --- |\n".to_owned();
    let mut row = |name: &str, bytes: usize, brotli: usize| {
        text.push_str(&format!("| {name} | {bytes} | {brotli} |\n"));
    };
    for Part { name, bytes, brotli } in large {
        let is_file = name.contains('/');
        row(&if is_file { format!("`{name}`") } else { name }, bytes, brotli);
    }
    let sum = |of: fn(&Part) -> usize| small.iter().map(of).sum();
    row("all smaller parts", sum(|part| part.bytes), sum(|part| part.brotli));
    Ok(text)
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
