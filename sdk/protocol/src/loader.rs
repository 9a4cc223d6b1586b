//! The blanks of `embed.js`.
//!
//! `cdn build` fills in the names and digests of the files that it makes. Where the server is, only whoever serves
//! or publishes the loader knows.

use alloc::string::String;

/// Stands in `embed.js` where the server's public URL belongs, without a trailing slash.
pub const SERVER: &str = "__DRAMAC_SERVER__";
/// Stands where the pattern of module origins belongs, e.g. `https://*.modules.example.com`; empty where modules are
/// served sandboxed from the server's own origin.
pub const MODULES: &str = "__DRAMAC_MODULES__";

/// The loader for one server.
pub fn fill(template: &str, server: &str, modules: &str) -> String {
    template.replace(SERVER, server).replace(MODULES, modules)
}
