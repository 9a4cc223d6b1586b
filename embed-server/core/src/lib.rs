//! The capabilities of the embed server, one folder each. Each has the same files: `mod.rs` says what it promises and
//! holds the rules, `store.rs` its SQL, `routes.rs` its HTTP.

pub mod accounts;
pub mod activity;
pub mod domains;
pub mod embed;
pub mod modules;
pub mod oauth;
pub mod records;
pub mod requests;
pub mod services;
pub mod sign_in;
pub mod sites;
mod strict_json;
pub mod tokens;
pub mod views;
