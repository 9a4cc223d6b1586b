//! What every capability of the embed server is built from: database, settings, HTTP, files, limits, and what a test
//! must control: time, randomness, DNS and outgoing HTTP. This crate knows no capability.

pub mod cache;
pub mod change;
pub mod clock;
pub mod config;
pub mod context;
pub mod crypto;
pub mod db;
pub mod disk;
pub mod error;
pub mod events;
pub mod files;
pub mod http;
pub mod ids;
pub mod jobs;
pub mod limits;
pub mod mail;
pub mod metrics;
pub mod names;
pub mod net;
pub mod open_files;
pub mod outbound;
pub mod secrets;
pub mod subscriber;
pub mod work;

pub use change::{Change, Tenant};
pub use context::Context;
pub use error::{Code, Error, Result};
