//! The bodies of `POST /api/embed/verify`.
//!
//! The SDK posts a [`Request`] as `text/plain`, so that the browser asks no preflight. The server answers 200 with
//! [`Allowed`], or a problem document (RFC 9457) that also holds `"allowed": false` and a [`Code`](crate::Code).
//! The *browser's* `Origin` header decides; [`Request::origin`] only has to agree with it.

/// The path of the question, below the server's public URL.
pub const PATH: &str = "/api/embed/verify";

/// How long an embed token lives, in seconds.
pub const TOKEN_SECONDS: u32 = 3600;

#[cfg(feature = "serde")]
mod bodies {
    use crate::EmbedType;
    use alloc::string::String;
    use alloc::vec::Vec;
    use serde::{Deserialize, Serialize};

    /// May this page embed this module?
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "VerifyRequest"))]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    pub struct Request {
        /// The site's id, a UUID.
        pub site_id: String,
        /// The module's id, a UUID.
        pub module_id: String,
        /// `location.origin` of the host page.
        pub origin: String,
        /// How the module would appear; absent asks for any type.
        #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
        pub embed_type: Option<EmbedType>,
    }

    /// The page may embed the module.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    #[serde(rename_all = "camelCase")]
    pub struct Allowed {
        /// Always `true`.
        pub allowed: bool,
        /// The embed token: opaque to everyone but the server.
        pub token: String,
        /// Seconds until the token ends.
        pub expires_in: u32,
        /// Where the module's pages are: the frame's URL without the part that says for whom it is, and what follows.
        pub embed_url: String,
        /// What the page needs to know of the module.
        pub module: Module,
        /// The origins of websites that may frame the page with the module in it, where there are any.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub ancestors: Vec<String>,
    }

    /// The part of a module's manifest that a host page sees.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "EmbeddedModule"))]
    #[serde(rename_all = "camelCase")]
    pub struct Module {
        /// The module's name; the title of its frame and dialog.
        pub name: String,
        /// How its launcher button looks, where the module says so.
        pub launcher: Launcher,
    }

    /// The launcher button of a widget, each part optional.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    pub struct Launcher {
        /// The button's accessible name, e.g. "Chat with us".
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub label: Option<String>,
        /// The path of one SVG shape on a 24 × 24 grid (the `d` attribute).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub icon: Option<String>,
        /// The button's background as `#rrggbb`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub color: Option<String>,
    }
}

#[cfg(feature = "serde")]
pub use bodies::{Allowed, Launcher, Module, Request};
