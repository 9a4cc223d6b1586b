//! The preview of a module, in a frame that only the console may show, for an hour. The module gets no embed token, so
//! nothing is saved.

use crate::ConsoleState;
use chrono::{DateTime, Utc};
use embed_core::modules::Module;
use embed_protocol::frame;
use maud::{Markup, html};

/// The frame that shows a module.
pub struct PreviewFrame {
    /// The frame's origin, which the page's policy must allow.
    pub origin: String,
    address: String,
    /// What the module's handshake has to show.
    nonce: String,
    /// Whether the module has an origin of its own, so that it may use storage.
    has_own_origin: bool,
}

/// Makes a frame that works for an hour.
pub fn make_frame(console: &ConsoleState, module: &Module, now: DateTime<Utc>) -> PreviewFrame {
    let settings = &console.0.services.context.settings;
    let own = settings.server.module_host.as_ref().map(|host| host.origin(module.id));
    let has_own_origin = own.is_some();
    let origin = own.unwrap_or_else(|| settings.server.public_url.clone());
    let permission = format!("preview.{}", console.0.preview.seal(module.id, now));
    let part = frame::part(&permission, "auto", "inline", console.origin());
    let address = format!("{origin}{}/{part}/", frame::path(&module.id.to_string()));
    let nonce = console.0.services.context.random.hex_token();
    PreviewFrame { origin, address, nonce, has_own_origin }
}

/// Renders the frame.
pub fn render(frame: &PreviewFrame, module: &Module) -> Markup {
    let own = if frame.has_own_origin { " allow-same-origin" } else { "" };
    html! {
        p.hint { "The module as it is served now. The preview works for an hour; reload the page to extend it. Nothing you do in it is saved." }
        iframe.preview src=(frame.address) name=(frame.nonce) title={ "Preview of " (module.name) } loading="lazy"
            sandbox={ "allow-scripts allow-forms allow-popups" (own) }
            data-preview data-origin=(frame.origin) data-site=(module.site_id) data-module=(module.id) {}
    }
}
