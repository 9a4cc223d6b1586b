//! Runs wasm-bindgen, and turns its glue into one classic script that defines no global.
//!
//! wasm-bindgen writes `let wasm_bindgen = (function(exports) { … })({…})`, with loading code for every environment. Here
//! the items in the middle are kept and wrapped in one call: `Dramac._(init, define)`, where `init({module_or_path})` takes a
//! `Response` or a `BufferSource`, or a promise of either. Its promise resolves to the SDK's exports, which
//! are then also properties of `init`, as in wasm-bindgen's own glue. `define` is the expression of `cdn/loader/element.js`.
//! Where the SDK is translated to JavaScript, `init` takes nothing, and calls what `crate::fallback` adds.

use anyhow::{Context, Result};
use walrus::Module;
use wasm_bindgen_cli_support::Bindgen;

use crate::Engine;

/// The SDK's two halves, not yet shrunk.
pub struct Bound {
    /// A classic script.
    pub glue: String,
    /// The WebAssembly.
    pub module: Module,
}

/// The last line of the code that finds the script's own URL, which is not needed.
const HEAD_END: &str = "script_src = new URL(document.currentScript.src, location.href).toString();";
/// The first line of the loading code, to the end of the script.
const TAIL_START: &str = "let wasmModule, wasmInstance, wasm;";
/// Code for browsers without `TextEncoder.encodeInto` (before 2021).
const POLYFILL_START: &str = "if (!('encodeInto' in cachedTextEncoder)) {";
const POLYFILL_END: &str = "let WASM_VECTOR_LEN";
/// The branch for browsers without finalisation (before 2021).
const NO_REGISTRY: &str = "(typeof FinalizationRegistry === 'undefined')";

/// Whether the WebAssembly is written with the names of its functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// For measuring the size of each function.
    Kept,
    /// For pages.
    Dropped,
}

/// Generates glue and WebAssembly from the compiler's output. `element` is a JavaScript expression.
pub fn bind(wasm: Vec<u8>, element: &str, engine: Engine, names: Names) -> Result<Bound> {
    let mut output = Bindgen::new()
        .input_bytes("sdk", wasm)
        .no_modules(true)?
        .typescript(false)
        .omit_default_module_path(true)
        .remove_name_section(names == Names::Dropped)
        .remove_producers_section(true)
        .generate_output()
        .context("wasm-bindgen cannot read the SDK")?;
    let glue = wrap(output.js(), element, engine)?;
    Ok(Bound { glue, module: std::mem::take(output.wasm_mut()) })
}

fn wrap(generated: &str, element: &str, engine: Engine) -> Result<String> {
    let (_, rest) = generated.split_once(HEAD_END).context(SHAPE)?;
    let (_, rest) = rest.split_once('}').context(SHAPE)?;
    let (items, tail) = rest.split_once(TAIL_START).context(SHAPE)?;
    let start = if tail.contains("wasm.__wbindgen_start();") { "wasm.__wbindgen_start();" } else { "" };
    let items = without(items, POLYFILL_START, POLYFILL_END).replace(NO_REGISTRY, "false");
    let (parameter, instantiate) = match engine {
        Engine::WebAssembly => ("{module_or_path: source}", INSTANTIATE),
        Engine::JavaScript => ("", TRANSLATED),
    };
    Ok(format!(
        "Dramac._(async function exports({parameter}) {{
            let wasm;
            {items}
            {instantiate}
            {start}
            return exports;
        }}, {element})"
    ))
}

/// Falls back to loading without streaming if a server sends the wrong content type for WebAssembly.
const INSTANTIATE: &str = "
    source = await source;
    const imports = __wbg_get_imports();
    const {instance} = await (
        source instanceof Response && source.headers.get('content-type') == 'application/wasm'
            ? WebAssembly.instantiateStreaming(source, imports)
            : WebAssembly.instantiate(source.arrayBuffer ? await source.arrayBuffer() : source, imports)
    );
    wasm = instance.exports;";

/// `crate::fallback` adds a function with this name before the glue.
const TRANSLATED: &str = "wasm = translated(__wbg_get_imports());";

const SHAPE: &str = "The glue of wasm-bindgen has a new shape: adapt cdn/src/bind.rs to this version.";

/// `text` without the part from `start` up to `end`, if both occur.
fn without(text: &str, start: &str, end: &str) -> String {
    match text.split_once(start) {
        Some((before, rest)) if rest.contains(end) => {
            let after = &rest[rest.find(end).unwrap_or_default()..];
            format!("{before}{after}")
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glue_of_another_shape_is_refused_with_the_file_to_look_at() {
        let error =
            wrap("export function start() {}", "element", Engine::WebAssembly).expect_err("another shape");
        assert!(error.to_string().contains("cdn/src/bind.rs"), "{error}");
    }

    #[test]
    fn the_glue_becomes_one_call_of_the_loader() {
        let generated = format!(
            "let wasm_bindgen = (function(exports) {{ let script_src; if (document) {{ {HEAD_END} }}
            function start() {{ wasm.start(); }} exports.start = start;
            {TAIL_START} wasm.__wbindgen_start(); rest }})()"
        );
        let script =
            wrap(&generated, "(link, sdk) => customElements.define('a-b', sdk)", Engine::WebAssembly)
                .expect("the known shape");
        assert!(script.starts_with("Dramac._(async function exports("), "{script}");
        assert!(script.contains("exports.start = start;") && !script.contains("script_src"), "{script}");
        let minified = crate::minify::minify("the glue", &script).expect("a valid script");
        assert!(minified.contains("customElements.define"), "{minified}");
    }
}
