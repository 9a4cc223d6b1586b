//! A module as it looks, in a frame that only the console may show, for five minutes. Nothing that it does there is kept:
//! it gets no embed token.

use crate::Console;
use chrono::{DateTime, Utc};
use embed_core::modules::Module;
use embed_protocol::frame;
use maud::{Markup, html};
use url::form_urlencoded::Serializer;

/// What a page shows of a module.
pub struct Frame {
    /// The frame's origin, which the page's policy names.
    pub origin: String,
    address: String,
    /// Whether the module has an origin of its own, on which it may have what it stores.
    is_apart: bool,
}

/// A frame for the next five minutes.
pub fn frame(console: &Console, module: &Module, now: DateTime<Utc>) -> Frame {
    let settings = &console.0.context.settings;
    let own = settings.server.module_host.as_ref().map(|host| host.origin(module.id));
    let is_apart = own.is_some();
    let origin = own.unwrap_or_else(|| settings.server.public_url.clone());
    let query = Serializer::new(String::new())
        .append_pair("site", &module.site_id.to_string())
        .append_pair("origin", console.origin())
        .append_pair("theme", "auto")
        .append_pair("type", "inline")
        .append_pair("preview", &console.0.preview.seal(module.id, now))
        .finish();
    let nonce = console.0.context.random.hex_token();
    let address = format!("{origin}{}?{query}#{nonce}", frame::path(&module.id.to_string()));
    Frame { origin, address, is_apart }
}

/// The frame, as part of a page.
pub fn shown(frame: &Frame, module: &Module) -> Markup {
    let own = if frame.is_apart { " allow-same-origin" } else { "" };
    html! {
        p.hint { "As it is served now. It may be looked at here for five minutes; load the page again for more. What you do in it is not kept." }
        iframe.preview src=(frame.address) title={ "Preview of " (module.name) } loading="lazy"
            sandbox={ "allow-scripts allow-forms allow-popups" (own) }
            data-preview data-origin=(frame.origin) data-site=(module.site_id) data-module=(module.id) {}
    }
}
