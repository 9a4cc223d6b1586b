//! What `cdn` builds and the examples, as bytes, so that one binary is a whole installation. The only crate of the
//! server that builds `cdn`: a change of it or of the SDK compiles nothing else again.

pub use include_dir::{Dir, File};

use include_dir::include_dir;

/// The files that customers' pages load, below `v1/`, and the npm package, below `npm/`.
pub static BUNDLE: Dir<'static> = include_dir!("$OUT_DIR/bundle");

/// The examples: module bundles below `modules/`, websites below `sites/`.
pub static EXAMPLES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../examples");
