//! Files: how they are stored, by the hash of their content, and how they are served, compressed ahead of the request.

mod content;
mod storage;

pub use content::{Content, Encoding};
pub use storage::{Digest, Storage};
