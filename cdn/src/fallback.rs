//! The SDK for pages that forbid WebAssembly: translated to JavaScript, and in one script with its glue.
//!
//! The script needs no more from a page's Content-Security-Policy than the loader: it evaluates no text as code.

use std::fmt::Write;

use anyhow::{Context, Result, bail};
use walrus::ir::Value;
use walrus::{ConstExpr, DataKind, ExportItem, ImportKind, Module, ValType};

use crate::binaryen::Binaryen;
use crate::minify;
use crate::shrink::Shrunk;

/// The function in the script of `wasm2js` that takes the imports and gives the exports.
const FUNCTION: &str = "function asmFunc(imports)";
/// The line after it, which calls it.
const CALL: &str = "var retasmFunc = ";
/// The place where the script switches to a larger memory.
const GROWN: &str = "buffer = newBuffer;";
/// Detaches the old buffer, as WebAssembly does, so that the glue notices that its views are stale. Otherwise it would write to
/// memory that is no longer used.
const DETACHED: &str = "structuredClone(buffer, {transfer: [buffer]}); buffer = newBuffer;";

/// Glue and translated code as one classic script, not yet minified. `sdk` is bound for `Engine::JavaScript`.
pub fn translate(binaryen: &Binaryen, sdk: &Shrunk) -> Result<String> {
    let mut module = Module::from_buffer(&binaryen.lower(&sdk.wasm)?)?;
    refuse_wide_numbers(&module)?;
    let memory = exported_memory(&module)?;
    let data = take_data(&mut module)?;
    let translated = binaryen.to_javascript(&module.emit_wasm())?;
    join(&translated, &memory, &data, &sdk.glue)
}

/// Minifies to ASCII, because a page in another encoding may read the script in that encoding.
pub fn minify(script: &str) -> Result<String> {
    let mut ascii = String::new();
    for character in minify::minify("the translated SDK", script)?.chars() {
        match u32::from(character) {
            0..0x80 => ascii.push(character),
            code @ 0x80..0x100 => write!(ascii, "\\x{code:02x}")?,
            code => write!(ascii, "\\u{{{code:x}}}")?,
        }
    }
    Ok(ascii)
}

fn join(translated: &str, memory: &str, data: &str, glue: &str) -> Result<String> {
    let (function, _) = translated.split_once(CALL).context(SHAPE)?;
    let function: String =
        function.lines().filter(|line| !line.starts_with("import ")).flat_map(|line| [line, "\n"]).collect();
    if !function.contains(FUNCTION) || function.matches(GROWN).count() != 1 {
        bail!(SHAPE);
    }
    let function = function.replace(GROWN, DETACHED);
    Ok(format!(
        "(() => {{
            {function}
            function translated(imports) {{
                const exports = asmFunc(imports);
                const bytes = new Uint8Array(exports.{memory}.buffer);
                for (let [address, text] of [{data}]) for (const unit of text) bytes[address++] = unit.charCodeAt();
                return exports;
            }}
            {glue}
        }})()"
    ))
}

const SHAPE: &str = "The script of wasm2js has a new shape: adapt cdn/src/fallback.rs to this version.";

/// JavaScript's numbers hold 53 bits, and glue and translated code would represent 64-bit values differently.
fn refuse_wide_numbers(module: &Module) -> Result<()> {
    let imports = module.imports.iter().filter_map(|import| match import.kind {
        ImportKind::Function(function) => Some((&import.name, function)),
        _ => None,
    });
    let exports = module.exports.iter().filter_map(|export| match export.item {
        ExportItem::Function(function) => Some((&export.name, function)),
        _ => None,
    });
    for (name, function) in imports.chain(exports) {
        let ty = module.types.get(module.funcs.get(function).ty());
        if ty.params().iter().chain(ty.results()).any(|ty| *ty == ValType::I64) {
            bail!(
                "A function that the SDK shares with JavaScript ({name} in the shrunk glue) takes or gives a 64-bit \
                 integer, which the translated SDK cannot: use u32 or f64 there."
            );
        }
    }
    Ok(())
}

fn exported_memory(module: &Module) -> Result<String> {
    let memory = module.exports.iter().find(|export| matches!(export.item, ExportItem::Memory(_)));
    Ok(memory.context("The SDK exports no memory, which its glue needs")?.name.clone())
}

/// Takes the constants out of a module: pairs of an address and a string with one character for each byte. `wasm2js`
/// would write them in base 64, which compresses badly.
fn take_data(module: &mut Module) -> Result<String> {
    let mut pairs = String::new();
    for data in module.data.iter() {
        let DataKind::Active { offset: ConstExpr::Value(Value::I32(address)), .. } = data.kind else {
            bail!("The SDK has data without an address: adapt cdn/src/fallback.rs.");
        };
        let text: String = data.value.iter().map(|byte| char::from(*byte)).collect();
        write!(pairs, "[{address},{}],", serde_json::to_string(&text)?)?;
    }
    let ids: Vec<_> = module.data.iter().map(|data| data.id()).collect();
    for memory in module.memories.iter_mut() {
        memory.data_segments.clear();
    }
    ids.into_iter().for_each(|id| module.data.delete(id));
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use walrus::FunctionBuilder;
    use walrus::ir::{MemArg, StoreKind};

    use super::*;

    /// A module with a text at 1024, and `grow`, which doubles the memory and writes 42 behind the old end.
    fn module() -> Module {
        let mut module = Module::default();
        let memory = module.memories.add_local(false, false, 1, None, None);
        let address = ConstExpr::Value(Value::I32(1024));
        let data = module.data.add(DataKind::Active { memory, offset: address }, "\0“é".into());
        module.memories.get_mut(memory).data_segments.insert(data);
        module.exports.add("memory", memory);
        let mut grow = FunctionBuilder::new(&mut module.types, &[], &[]);
        grow.func_body().i32_const(1).memory_grow(memory).drop().i32_const(65536).i32_const(42).store(
            memory,
            StoreKind::I32 { atomic: false },
            MemArg { align: 4, offset: 0 },
        );
        let grow = grow.finish(vec![], &mut module.funcs);
        module.exports.add("grow", grow);
        module
    }

    #[test]
    fn memory_that_grows_keeps_its_content_and_tells_the_glue() {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
        let binaryen = Binaryen::install(workspace, &workspace.join("target/bundle")).expect("installed");
        let glue = "
            const wasm = translated({});
            const old = new Uint8Array(wasm.memory.buffer);
            wasm.grow();
            const grown = new Uint8Array(wasm.memory.buffer);
            print(JSON.stringify([old.length, grown.length, grown[65536], Array.from(grown.slice(1024, 1031))]));";
        let sdk = Shrunk { glue: glue.to_owned(), wasm: module().emit_wasm() };
        let script = minify(&translate(&binaryen, &sdk).expect("translated")).expect("minified");
        assert!(script.is_ascii(), "{script}");

        // As strict as a page's policy: `eval`, `Function` and WebAssembly throw.
        let page = "require('vm').runInNewContext(process.argv[1], {print: console.log, structuredClone}, {
                contextCodeGeneration: {strings: false, wasm: false}
            })";
        let output = Command::new("node").args(["-e", page, &script]).output().expect("node");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout).trim(),
            "[0,131072,42,[0,226,128,156,195,169,0]]",
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    #[test]
    fn a_64_bit_integer_between_the_halves_stops_the_build() {
        let mut module = module();
        let mut wide = FunctionBuilder::new(&mut module.types, &[ValType::I64], &[]);
        wide.func_body().unreachable();
        let argument = module.locals.add(ValType::I64);
        let wide = wide.finish(vec![argument], &mut module.funcs);
        module.exports.add("wide", wide);
        let error = refuse_wide_numbers(&module).expect_err("refused");
        assert!(error.to_string().contains("(wide in the shrunk glue)"), "{error}");
    }

    #[test]
    fn a_script_of_another_shape_is_refused_with_the_file_to_look_at() {
        let error = join("export default 1", "memory", "", "").expect_err("another shape");
        assert!(error.to_string().contains("cdn/src/fallback.rs"), "{error}");
    }
}
