//! Takes out of the SDK what can never run on a page, and gives the two halves short names for each other.
//!
//! Nothing here guesses. What goes is unreachable, or is a panic, which on this target traps without a word anyway:
//! there is no standard error in a browser, and the SDK installs no panic hook. rustc cannot leave these out itself, as
//! the standard library comes compiled.

mod dead;
mod locations;
mod names;
mod panics;

use anyhow::{Context, Result};
use walrus::Module;

use crate::bind::Bound;

/// The SDK's two halves as they are published, but for the minifier.
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
    // A dead function may be all that held an import, its glue all that held an export, and so on.
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
