//! What the two sides of an embed say to each other: the SDK on a host page, the module inside its iframe, and
//! the server behind both.
//!
//! This crate holds words, not behaviour: the JSON bodies of `POST /api/embed/verify` ([`verify`]), the messages of
//! the bridge ([`message`]), the URL of the iframe ([`frame`]), and the two blanks of the loader that a server fills
//! ([`loader`]). It does no I/O and knows neither browser nor HTTP.

#![forbid(unsafe_code)]
#![no_std]
#![warn(missing_docs)]

extern crate alloc;

pub mod code;
pub mod frame;
pub mod loader;
pub mod message;
pub mod verify;
mod words;

pub use code::Code;
pub use words::{EmbedType, Position, Theme};

/// The version of the bridge's handshake, sent by `module.js` in [`message::READY`].
pub const PROTOCOL: u32 = 1;
