//! The placeholders of `embed.js`.
//!
//! `cdn build` fills in the names and digests of the files that it makes. The program that serves or
//! publishes the loader fills in the server's URL.

use alloc::string::String;

/// The placeholder in `embed.js` for the server's public URL, without a trailing slash.
pub const SERVER: &str = "__DRAMAC_SERVER__";
/// The placeholder for the pattern of module origins, e.g. `https://*.modules.example.com`; empty where modules are
/// served sandboxed from the server's own origin.
pub const MODULES: &str = "__DRAMAC_MODULES__";

/// The loader for one server.
pub fn fill(template: &str, server: &str, modules: &str) -> String {
    template.replace(SERVER, server).replace(MODULES, modules)
}
