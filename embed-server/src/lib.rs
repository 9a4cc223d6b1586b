//! The embed server: publishes modules, and decides which websites may embed them.
//!
//! `ARCHITECTURE.md` at the root of the repository is the map. Arrows point down: [`app`] and [`cli`] know the
//! capabilities, these know [`http`], [`events`], [`db`] and what is below, and nothing points up.

pub mod accounts;
pub mod activity;
pub mod app;
pub mod assets;
pub mod bearer;
pub mod cli;
pub mod clock;
pub mod config;
pub mod console;
pub mod crypto;
pub mod db;
pub mod domains;
pub mod embed;
pub mod error;
pub mod events;
pub mod http;
pub mod ids;
pub mod mail;
pub mod metrics;
pub mod modules;
pub mod names;
pub mod outbound;
pub mod records;
pub mod requests;
pub mod sites;
pub mod state;
pub mod storage;
pub mod tokens;
pub mod views;

pub use error::{Error, Result};
