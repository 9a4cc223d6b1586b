//! Files, stored by the hash of their content and served compressed.

mod content;
mod storage;

pub use content::{Content, Encoding};
pub use storage::{Digest, Storage};
