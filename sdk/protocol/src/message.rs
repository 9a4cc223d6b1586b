//! The messages of the bridge between host page and module.
//!
//! Every message is `{type, payload}`. A request is `{id, type, payload}`, its answer `{id, result}` or
//! `{id, error: {code, message}}`. `send("x")` on either side arrives as type `dramac:x`; what a module emits keeps
//! its own name. Payloads cross as structured clones.

/// Module → page: the module is there. With `module.js` it carries `protocol` (see [`PROTOCOL`](crate::PROTOCOL)), the
/// `nonce` that is the frame's name, and one transferred port; as a bare window message it has none of these.
pub const READY: &str = "dramac:ready";
/// Page → module, first on the port: `{siteId, moduleId, type, theme, params, locale, dir, token, expiresIn, server}`.
pub const CONTEXT: &str = "dramac:context";
/// Module → page: show the panel or dialog.
pub const OPEN: &str = "dramac:open";
/// Module → page: hide the panel or dialog. Page → module: it was hidden.
pub const CLOSE: &str = "dramac:close";
/// Module → page: `{height}` in CSS pixels that the content needs.
pub const RESIZE: &str = "dramac:resize";
/// Module → page: `{count}` of unread items for the launcher's badge.
pub const BADGE: &str = "dramac:badge";
/// Page → module: `{theme}`, one of [`Theme`](crate::Theme)'s words.
pub const THEME: &str = "dramac:theme";

/// Page → module: `{params, locale, dir}` as they are now.
pub const UPDATE: &str = "dramac:update";

/// Module → page, a request: ask the server again whether this page may embed the module. The answer is the server's, see
/// [`verify`](crate::verify): a new token, or why there is none.
pub const RENEW: &str = "dramac:renew";

/// Module → page, last on the port: this document goes.
pub const GONE: &str = "dramac:gone";

/// What `send` and the handle's own messages put before an action's name.
pub const PREFIX: &str = "dramac:";

/// The error code of a request that the frame's reload or end cut off.
pub const DISCONNECTED: &str = "disconnected";
/// The error code of a request that got no answer in time.
pub const TIMEOUT: &str = "timeout";
/// The error code of a request for which the other side has no handler.
pub const NO_HANDLER: &str = "no_handler";
