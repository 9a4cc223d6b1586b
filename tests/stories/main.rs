//! The product's promises, each told as a story through the real thing.

mod accessibility;
mod axe;
mod bridge;
mod command_line;
mod comparison;
mod console;
mod csp;
mod custom_element;
mod data_attributes;
mod demo;
mod destroy;
mod dialogs;
mod engines;
mod failures;
mod fenced;
mod forgery;
mod framing;
mod fuzz;
mod github;
mod grants;
mod idle;
mod keyboard;
mod leaks;
mod letters;
mod looks;
mod manners;
#[path = "../../embed-server/tests/server/internet/name_server.rs"]
mod name_server;
mod npm;
mod openapi;
mod opening;
mod policies;
mod preferences;
mod published;
mod react;
mod readme;
mod recipes;
mod records;
mod resize;
mod sdk_readme;
mod startup;
mod translated;
#[path = "../../embed-server/tests/server/internet/web_server.rs"]
mod web_server;
mod window_messages;
mod wrong_options;
