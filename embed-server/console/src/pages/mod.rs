//! The pages, one file a subject.

pub mod account;
pub mod activity;
mod client_snippets;
pub mod clients;
pub mod connected_apps;
pub mod consent;
pub mod domains;
pub mod modules;
pub mod overview;
pub mod people;
pub mod preview;
pub mod requests;
pub mod sign_in;
pub mod sites;
pub mod snippets;
pub mod tokens;

pub use sign_in::ATTEMPTS as SIGN_IN_ATTEMPTS;
