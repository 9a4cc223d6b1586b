//! The URL of a module's document.

use alloc::string::String;

/// The path of a module's document on its origin, `/embed/{moduleId}`.
pub fn path(module_id: &str) -> String {
    let mut path = String::from("/embed/");
    path.push_str(module_id);
    path
}

/// The origin of a module under a host pattern: `https://*.modules.example.com` with the id in place of the `*`.
pub fn origin(pattern: &str, module_id: &str) -> String {
    pattern.replacen('*', module_id, 1)
}
