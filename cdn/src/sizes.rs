//! Measures the size of each part of the SDK.
//!
//! A function counts for the module that its name belongs to; an inlined function counts for its callers. Each part is
//! compressed separately, so the parts add up to more than the whole: the figures are for comparison.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use walrus::Module;

use crate::bind::{self, Names};
use crate::bundle::Sources;
use crate::{Engine, compile, compress, minify, shrink};

/// The file with the functions that the loader calls.
const ROOT: &str = "sdk/src/lib.rs";

/// One part; sizes are in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// A file of the sources, a crate, or a few words.
    pub name: String,
    /// Uncompressed.
    pub bytes: usize,
    /// Compressed separately with brotli.
    pub brotli: usize,
}

/// The parts in two groups, each ordered by size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parts {
    /// The JavaScript.
    pub scripts: Vec<Part>,
    /// The WebAssembly.
    pub wasm: Vec<Part>,
}

/// Builds the SDK as [`build`](crate::build) does in its plain mode, but with names, and measures it. Writes only the
/// compiler's files, to `target_dir`.
///
/// # Errors
/// As those of [`build`](crate::build).
pub fn measure(workspace: &Path, target_dir: &Path) -> Result<Parts> {
    let sources = Sources::read(workspace)?;
    let wasm = compile::compile(workspace, target_dir, Engine::WebAssembly)?;
    let bound = bind::bind(wasm, &sources.element, Engine::WebAssembly, Names::Kept)?;
    let sdk = shrink::shrink(bound)?;
    let mut scripts = Vec::new();
    // The minifier would drop an expression without effect.
    let element = format!("Dramac._(0, {})", sources.element);
    for (name, script) in [
        ("cdn/loader/embed.js", &sources.loader),
        ("cdn/loader/element.js", &element),
        ("glue, with element.js", &sdk.glue),
        ("cdn/module/module.js", &sources.module),
    ] {
        scripts.push(part(name.to_owned(), minify::minify(name, script)?.as_bytes())?);
    }
    let root = fs::read_to_string(workspace.join(ROOT)).with_context(|| format!("Cannot read {ROOT}"))?;
    let is_file = |path: &str| workspace.join(path).is_file();
    let is_export = |name: &str| root.contains(&format!("\npub fn {name}("));
    let mut code: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let module = Module::from_buffer(&sdk.wasm).context("The SDK with names cannot be read")?;
    for (id, function) in module.funcs.iter_local() {
        let range = function.original_range.clone().context("A function has no place in the SDK")?;
        let name = module.funcs.get(id).name.as_deref().unwrap_or_default();
        code.entry(place(name, &is_file, &is_export)).or_default().extend(&sdk.wasm[range]);
    }
    let data: Vec<u8> = module.data.iter().flat_map(|data| data.value.clone()).collect();
    code.insert("data: texts, style sheet, tables".to_owned(), data);
    let wasm = code.into_iter().map(|(name, bytes)| part(name, &bytes));
    Ok(Parts { scripts: sorted(scripts), wasm: sorted(wasm.collect::<Result<_>>()?) })
}

fn part(name: String, bytes: &[u8]) -> Result<Part> {
    Ok(Part { name, bytes: bytes.len(), brotli: compress::brotli(bytes)?.len() })
}

fn sorted(mut parts: Vec<Part>) -> Vec<Part> {
    parts.sort_by_key(|part| std::cmp::Reverse(part.bytes));
    parts
}

/// Where a function was written: one of the SDK's files, a crate, or what the tools add. `is_file` and `is_export` know the
/// sources.
fn place(name: &str, is_file: &dyn Fn(&str) -> bool, is_export: &dyn Fn(&str) -> bool) -> String {
    if let Some((_, path)) = name.split_once("embed_sdk::") {
        let is_word = |text: &&str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let words: Vec<&str> = path.split("::").take_while(is_word).collect();
        for depth in (1..=words.len()).rev() {
            let module = format!("sdk/src/{}", words[..depth].join("/"));
            let files = [format!("{module}.rs"), format!("{module}/mod.rs")];
            if let Some(file) = files.into_iter().find(|file| is_file(file)) {
                return file;
            }
        }
        return ROOT.to_owned();
    }
    let name = name.trim_start_matches(['<', '&', '(']);
    match name.split_once("::") {
        // The standard library's own functions have a hash behind their crate.
        Some((krate, _)) => format!("crate {}", krate.split('[').next().unwrap_or(krate)),
        None if is_export(name) => ROOT.to_owned(),
        None => "adapters and memory".to_owned(),
    }
}

impl fmt::Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<36}{:>9}{:>9}", "part", "bytes", "brotli")?;
        for part in self.scripts.iter().chain(&self.wasm) {
            write!(f, "\n{:<36}{:>9}{:>9}", part.name, part.bytes, part.brotli)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn a_function_counts_for_the_file_or_crate_that_it_was_written_in() {
        let is_file = |path: &str| {
            ["sdk/src/bridge.rs", "sdk/src/embed/mod.rs", "sdk/src/embed/mount.rs"].contains(&path)
        };
        let is_export = |name: &str| name == "take";
        for (name, file) in [
            ("embed_sdk::bridge::Bridge::send::h0123456789abcdef", "sdk/src/bridge.rs"),
            (
                "embed_sdk::embed::mount::<impl embed_sdk::embed::Embed>::listen::{{closure}}::h0",
                "sdk/src/embed/mount.rs",
            ),
            ("<embed_sdk::embed::Embed as core::ops::drop::Drop>::drop", "sdk/src/embed/mod.rs"),
            ("embed_sdk::forget::h0", "sdk/src/lib.rs"),
            ("take", "sdk/src/lib.rs"),
            ("<alloc::vec::Vec<T> as core::clone::Clone>::clone::h0", "crate alloc"),
            ("js_sys::Object::keys", "crate js_sys"),
            ("core[c5930c85a12de822]::slice::memchr::memchr_aligned", "crate core"),
            ("<js_sys::ArrayIter<T> as core::iter::Iterator>::next", "crate js_sys"),
            ("__wbindgen_malloc", "adapters and memory"),
        ] {
            assert_eq!(place(name, &is_file, &is_export), file, "{name}");
        }
    }
}
