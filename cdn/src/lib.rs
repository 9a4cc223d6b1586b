//! Builds what runs on customers' pages: `embed.js`, `module.js`, and the SDK as WebAssembly with its glue.
//!
//! [`build`] needs only a Rust toolchain, and Node.js for an optimised build. The same source gives the same bytes in
//! any folder, and the output folder holds a whole bundle or none. [`publish`](mod@publish) puts it where pages load it
//! from.

#![forbid(unsafe_code)]

mod binaryen;
mod bind;
pub mod budget;
mod bundle;
mod compile;
mod compress;
mod fallback;
mod manifest;
mod minify;
pub mod npm;
#[cfg(feature = "publish")]
pub mod publish;
mod shrink;
pub mod sizes;

use std::path::Path;

use anyhow::Result;
use binaryen::Binaryen;
use bind::Names;

pub use manifest::{File, Manifest, Release, Total, integrity};

/// The options of a build.
pub struct Build<'a> {
    /// The root of the workspace, the folder of `Cargo.toml`, `sdk/` and `cdn/`.
    pub workspace: &'a Path,
    /// Cargo's target directory for the SDK. It must not be that of a running build: a build script that uses
    /// the outer one would wait for itself.
    pub target_dir: &'a Path,
    /// The folder that receives `v1/` and the npm package, `npm/`; what was there before is replaced.
    pub out: &'a Path,
    /// Plain or optimised.
    pub mode: Mode,
    /// Called when a step begins.
    pub progress: &'a dyn Fn(Step),
}

/// How far a build optimises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// With Rust alone.
    Plain,
    /// With Binaryen, which needs Node.js: smaller WebAssembly, and `sdk.fallback.js` for pages that forbid it.
    Optimized,
}

/// The engine that runs the SDK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Engine {
    WebAssembly,
    JavaScript,
}

/// The steps of a build, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Cargo compiles the SDK; from nothing this is nearly all of the time.
    Compile,
    /// wasm-bindgen makes the glue.
    Bind,
    /// Dead code is removed from the WebAssembly.
    Shrink,
    /// Binaryen optimises the WebAssembly.
    Optimize,
    /// The SDK is compiled once more and translated to JavaScript.
    Translate,
    /// The JavaScript is minified.
    Minify,
    /// Files are compressed, named and written.
    Write,
}

impl Step {
    /// Every step of a build.
    pub const fn all(mode: Mode) -> &'static [Step] {
        use Step::*;
        match mode {
            Mode::Plain => &[Compile, Bind, Shrink, Minify, Write],
            Mode::Optimized => &[Compile, Bind, Shrink, Optimize, Translate, Minify, Write],
        }
    }

    /// The step as a text for progress output.
    pub const fn label(self) -> &'static str {
        match self {
            Step::Compile => "Compiling the SDK to WebAssembly",
            Step::Bind => "Generating the glue",
            Step::Shrink => "Shrinking the WebAssembly",
            Step::Optimize => "Optimising the WebAssembly",
            Step::Translate => "Translating the SDK to JavaScript",
            Step::Minify => "Minifying the JavaScript",
            Step::Write => "Compressing and writing the files",
        }
    }
}

/// Builds the bundle and returns its manifest.
///
/// # Errors
/// A sentence that says which step failed on what, and what to do. `out` is then as it was.
pub fn build(build: &Build) -> Result<Manifest> {
    let enter = build.progress;
    let sources = bundle::Sources::read(build.workspace)?;
    enter(Step::Compile);
    // Missing tools are reported before a minute of compiling.
    let binaryen = match build.mode {
        Mode::Plain => None,
        Mode::Optimized => Some(Binaryen::install(build.workspace, build.target_dir)?),
    };
    let wasm = compile::compile(build.workspace, build.target_dir, Engine::WebAssembly)?;
    enter(Step::Bind);
    let bound = bind::bind(wasm, &sources.element, Engine::WebAssembly, Names::Dropped)?;
    enter(Step::Shrink);
    let mut sdk = shrink::shrink(bound)?;
    let mut fallback = None;
    if let Some(binaryen) = &binaryen {
        enter(Step::Optimize);
        sdk.wasm = binaryen.optimize(&sdk.wasm)?;
        enter(Step::Translate);
        let wasm = compile::compile(build.workspace, build.target_dir, Engine::JavaScript)?;
        let bound = bind::bind(wasm, &sources.element, Engine::JavaScript, Names::Dropped)?;
        fallback = Some(fallback::translate(binaryen, &shrink::shrink(bound)?)?);
    }
    enter(Step::Minify);
    let scripts = bundle::Scripts {
        sdk: minify::minify("the glue", &sdk.glue)?,
        fallback: fallback.map(|script| fallback::minify(&script)).transpose()?,
        module: minify::minify(bundle::MODULE, &sources.module)?,
        loader: sources.loader,
    };
    enter(Step::Write);
    bundle::assemble(scripts, sdk.wasm)?.with_package(sources.package)?.write(build.out)
}
