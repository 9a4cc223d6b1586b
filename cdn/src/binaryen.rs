//! Binaryen's `wasm-opt` and `wasm2js`, which npm installs as WebAssembly, in one version for every machine.
//!
//! `cdn/binaryen/package-lock.json` pins version and digest. Only optimised builds use it, so only they need Node.js.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::npm;

/// The features that rustc and wasm-bindgen use today. With `--all-features` Binaryen would write code that browsers cannot read.
const FEATURES: [&str; 7] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Features without a JavaScript operation.
const LOWERED: [&str; 3] =
    ["--llvm-nontrapping-fptoint-lowering", "--signext-lowering", "--llvm-memory-copy-fill-lowering"];

/// An installation of Binaryen.
pub struct Binaryen {
    bin: PathBuf,
}

impl Binaryen {
    /// Installs it below `cache`, if it is missing.
    pub fn install(workspace: &Path, cache: &Path) -> Result<Self> {
        let installed = npm::run(Command::new("node").arg("--version"))
            .and_then(|()| npm::install(&workspace.join("cdn/binaryen"), cache));
        let modules = installed.context("--optimize needs Binaryen, which runs on Node.js")?;
        Ok(Binaryen { bin: modules.join("binaryen/bin") })
    }

    /// Optimises the WebAssembly for size.
    pub fn optimize(&self, wasm: &[u8]) -> Result<Vec<u8>> {
        self.transform("wasm-opt", wasm, FEATURES.iter().chain(&["-Oz", "--converge"]))
    }

    /// Lowers it to the WebAssembly of 2017.
    pub fn lower(&self, wasm: &[u8]) -> Result<Vec<u8>> {
        self.transform("wasm-opt", wasm, FEATURES.iter().chain(&["-Oz"]).chain(&LOWERED))
    }

    /// Translates WebAssembly of 2017 to a JavaScript module.
    pub fn to_javascript(&self, wasm: &[u8]) -> Result<String> {
        Ok(String::from_utf8(self.transform("wasm2js", wasm, ["-Oz"].iter())?)?)
    }

    fn transform<'a>(
        &self,
        tool: &str,
        wasm: &[u8],
        options: impl Iterator<Item = &'a &'a str>,
    ) -> Result<Vec<u8>> {
        let folder = tempfile::tempdir()?;
        let (input, output) = (folder.path().join("input.wasm"), folder.path().join("output"));
        fs::write(&input, wasm)?;
        let mut command = Command::new("node");
        command.arg(self.bin.join(tool)).args(options).arg(&input).arg("--output").arg(&output);
        npm::run(&mut command).with_context(|| format!("Binaryen's {tool} failed on the SDK"))?;
        Ok(fs::read(&output)?)
    }
}
