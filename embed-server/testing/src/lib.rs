//! What the suites run the server beside: a database for each test, servers of names, websites, mail and Redis, and waiting
//! for a condition. It knows `embed-base` alone.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there, and says where")]

mod database;
pub mod duration;
mod mail;
mod name_server;
mod redis;
mod wait;
mod web_server;

pub use database::{Database, postgres_url};
pub use mail::MailServer;
pub use name_server::NameServer;
pub use redis::{Redis, free_port};
pub use wait::until;
pub use web_server::WebServer;
