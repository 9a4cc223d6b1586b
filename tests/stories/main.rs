//! The product's promises, each told as a story through the real thing.

mod bridge;
mod command_line;
mod comparison;
mod csp;
mod custom_element;
mod demo;
mod destroy;
mod dialogs;
mod engines;
mod failures;
mod fenced;
mod forgery;
mod framing;
mod manners;
mod opening;
mod policies;
mod preferences;
mod published;
mod react;
mod recipes;
mod resize;
mod sdk_readme;
mod startup;
mod translated;
mod window_messages;
mod wrong_options;
