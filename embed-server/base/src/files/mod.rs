//! Files, stored by the hash of their content and served compressed.

mod content;
mod forms;
mod range;
mod storage;

pub use content::{Content, Encoding};
pub use forms::{Form, Forms};
pub use storage::{Digest, Storage};
