//! The embed server as a library: the whole application, its command line and its demo.
//!
//! `ARCHITECTURE.md` at the root of the repository is the map.

pub mod app;
pub mod cli;
mod demo;
mod log;
mod open;
mod output;
mod shutdown;

pub use open::{open, open_with};
