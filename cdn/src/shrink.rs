//! Removes code that can never run on a page, and shortens the names by which glue and WebAssembly call each other.
//!
//! Nothing is guessed: only unreachable code and panics are removed. A panic traps without a message on this target anyway, since
//! a browser has no standard error and the SDK installs no panic hook. rustc cannot remove this code itself, because the standard
//! library is precompiled.

mod dead;
mod locations;
mod names;
mod panics;

use anyhow::{Context, Result};
use walrus::Module;

use crate::bind::Bound;

/// The SDK's two halves as published, but not minified.
pub struct Shrunk {
    /// A classic script.
    pub glue: String,
    /// Valid WebAssembly; with names where those were kept.
    pub wasm: Vec<u8>,
}

/// Shrinks both halves together.
pub fn shrink(bound: Bound) -> Result<Shrunk> {
    let Bound { mut glue, mut module } = bound;
    panics::become_traps(&mut module)?;
    locations::blank(&mut module);
    // Removing a function can make an import unused, its glue an export, and so on.
    loop {
        dead::remove(&mut module);
        let before = (module.imports.iter().count(), module.exports.iter().count());
        glue = names::drop_unused(&glue, &mut module)?;
        if before == (module.imports.iter().count(), module.exports.iter().count()) {
            break;
        }
    }
    let glue = names::shorten(&glue, &mut module)?;
    let sections: Vec<String> = module.customs.iter().map(|(_, section)| section.name().to_owned()).collect();
    for section in sections {
        module.customs.remove_raw(&section);
    }
    let wasm = module.emit_wasm();
    Module::from_buffer(&wasm)
        .context("The shrunk WebAssembly is not valid; this is a fault of cdn/src/shrink")?;
    Ok(Shrunk { glue, wasm })
}
