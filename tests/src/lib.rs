//! What the stories and the measurements stand on: a real server started from its real binary, real websites on
//! origins of their own, and real browsers.
//!
//! The stories are in `stories/`, one module for each promise; the measurements in `benches/`. `./run` installs what
//! they need, builds the binary and runs the stories; `./run NAME` runs those whose name contains `NAME`. By hand:
//!
//! ```sh
//! cargo build && cargo test -p stories
//! cargo build --release && cargo bench -p stories -- frame
//! ```
//!
//! Screenshots, server logs of failed stories, and the measurements' JSON go to `output/`.

pub mod browser;
mod chromium;
pub mod engine;
pub mod figures;
pub mod installation;
pub mod load;
pub mod module;
pub mod port;
pub mod server;
pub mod slow_line;
pub mod stage;
pub mod wait;
pub mod website;

pub use browser::Browser;
pub use engine::Engine;
pub use installation::Installation;
pub use server::Server;
pub use stage::{SDK_LATE, Stage, story, story_alone, story_in, story_on};
pub use website::{Page, Website};

use std::path::PathBuf;

/// The folder in which everything that a person may want to look at afterwards is left.
pub fn output() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("output");
    std::fs::create_dir_all(&folder).expect("the tests' output folder can be made");
    folder
}

/// A file or folder of the repository.
pub fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
