//! The modules that stories publish.

use crate::repository;
use std::path::PathBuf;

/// A module with `module.js`: answers `echo`, `fail` and `never`, and keeps what it hears as `note`.
pub fn bridge() -> PathBuf {
    repository("tests/modules/bridge")
}

/// A module without any script: what it says, a story says inside its frame.
pub fn blank() -> PathBuf {
    repository("tests/modules/blank")
}

/// An example module, by its folder's name.
pub fn example(name: &str) -> PathBuf {
    repository("examples/modules").join(name)
}
