//! The embed server: publishes modules, and decides which websites may embed them.
//!
//! `ARCHITECTURE.md` at the root of the repository is the map. Arrows point down: [`app`] and [`cli`] know the
//! capabilities, these know [`http`], [`events`], [`db`] and what is below, and nothing points up.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod crypto;
pub mod db;
pub mod error;
pub mod http;
pub mod outbound;
pub mod state;

pub use error::{Error, Result};
