//! The product's promises, each told as a story through the real thing.

mod bridge;
mod command_line;
mod demo;
mod destroy;
mod dialogs;
mod failures;
mod forgery;
mod framing;
mod resize;
mod startup;
mod window_messages;
