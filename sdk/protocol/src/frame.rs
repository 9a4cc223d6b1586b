//! The URL of a module's pages in a frame, `/embed/{moduleId}/{part}/{path}`.

use alloc::string::String;

/// The path before the frame's part, `/embed/{moduleId}`.
pub fn path(module_id: &str) -> String {
    let mut path = String::from("/embed/");
    path.push_str(module_id);
    path
}

/// The origin of a module under a host pattern: `https://*.modules.example.com` with the id in place of the `*`.
pub fn origin(pattern: &str, module_id: &str) -> String {
    pattern.replacen('*', module_id, 1)
}

/// The frame's part: `~{subject}~{theme}~{type}~{origin}`, with a `~` for the `://` of the host page's origin. The subject is
/// a site's id, or what the console shows a preview with. Below it are the module's pages, the entry page at `/`.
pub fn part(subject: &str, theme: &str, embed_type: &str, origin: &str) -> String {
    let origin = origin.replacen("://", "~", 1);
    ["", subject, theme, embed_type, &origin].join("~")
}
