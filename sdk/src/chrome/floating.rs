//! A widget's launcher and panel, and a popup's dialog.
//!
//! The panel is a `<dialog>`: the browser moves focus back when it closes, and for a popup keeps focus inside, makes
//! the page behind it inert, and closes it on Esc.

use crate::config::Config;
use crate::dom;
use crate::link::Launcher;
use embed_protocol::EmbedType;
use wasm_bindgen::prelude::*;
use web_sys::{Element, HtmlDialogElement, HtmlElement, ShadowRoot};

const SVG: &str = "http://www.w3.org/2000/svg";
/// A speech bubble on a 24 × 24 grid, for modules that bring no icon of their own.
const CHAT: &str = "M3 3h18a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H9l-5 5v-5H3a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1z";
const CROSS: &str = "M6 4 12 10 18 4 20 6 14 12 20 18 18 20 12 14 6 20 4 18 10 12 4 6z";

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(extends = HtmlDialogElement)]
    type Panel;
    #[wasm_bindgen(method)]
    fn show(this: &Panel);
}

/// The elements of a widget or popup.
pub struct Floating {
    pub dialog: HtmlDialogElement,
    pub close: HtmlElement,
    /// A widget's button; a popup is opened by the page.
    pub launcher: Option<HtmlElement>,
    icon: Option<Element>,
    badge: Option<HtmlElement>,
}

impl Floating {
    /// Builds the dialog, closed, and a widget's launcher.
    pub fn build(root: &ShadowRoot, config: &Config, kind: EmbedType) -> Option<Self> {
        let corner = config.position.as_str().replace('-', " ");
        let is_widget = kind == EmbedType::Widget;
        let mut launcher = None;
        let mut icon = None;
        let mut badge = None;
        if is_widget {
            let button = button(root, &["launcher ", &corner].concat(), "Open", CHAT)?;
            dom::set(&button.0, "aria-haspopup", "dialog");
            dom::set(&button.0, "aria-expanded", "false");
            badge = Some(dom::append(&button.0, "span", "badge")?);
            launcher = Some(button.0);
            icon = Some(button.1);
        }
        let class = if is_widget { ["panel ", &corner].concat() } else { "panel popup".into() };
        let dialog: HtmlDialogElement = dom::append(root, "dialog", &class)?.unchecked_into();
        dom::set(&dialog, "aria-modal", if is_widget { "false" } else { "true" });
        for (property, length) in [("width", &config.width), ("height", &config.height)] {
            if let Some(length) = length {
                dom::style(&dialog, property, length);
            }
        }
        let close = button(&dialog, "close", "Close", CROSS)?.0;
        Some(Floating { dialog, close, launcher, icon, badge })
    }

    /// Whether the panel is to be seen.
    pub fn is_open(&self) -> bool {
        self.dialog.open()
    }

    /// Shows the panel and moves focus into it.
    pub fn open(&self) {
        match &self.launcher {
            Some(launcher) => {
                self.dialog.unchecked_ref::<Panel>().show();
                dom::set(launcher, "aria-expanded", "true");
            }
            None => {
                let _ = self.dialog.show_modal();
            }
        }
    }

    /// Hides the panel; focus goes back to where it was.
    pub fn close(&self) {
        self.dialog.close();
        if let Some(launcher) = &self.launcher {
            dom::set(launcher, "aria-expanded", "false");
        }
    }

    /// The module's name and the look of its launcher.
    pub fn name(&self, name: &str, look: &Launcher) {
        dom::set(&self.dialog, "aria-label", name);
        let (Some(launcher), Some(icon)) = (&self.launcher, &self.icon) else { return };
        dom::set(launcher, "aria-label", &look.label().unwrap_or_else(|| name.into()));
        if let Some(path) = look.icon() {
            dom::set(icon, "d", &path);
        }
        if let Some(color) = look.color() {
            dom::style(launcher, "--color", &color);
        }
    }

    /// The number of unread items on the launcher; nothing for none.
    pub fn badge(&self, count: f64) {
        let (Some(badge), Some(launcher)) = (&self.badge, &self.launcher) else { return };
        let text = if count > 99.0 { "99+".into() } else { dom::text(&count.into()) };
        badge.set_text_content((count > 0.0).then_some(&text));
        let description = if count > 0.0 { [&text, " unread"].concat() } else { String::new() };
        dom::set(launcher, "aria-description", &description);
    }
}

/// A button with an icon: the button and the icon's path.
fn button(parent: &web_sys::Node, class: &str, label: &str, path: &str) -> Option<(HtmlElement, Element)> {
    let button = dom::append(parent, "button", class)?;
    dom::set(&button, "type", "button");
    dom::set(&button, "aria-label", label);
    let document = dom::document();
    let svg = document.create_element_ns(Some(SVG), "svg").ok()?;
    dom::set(&svg, "viewBox", "0 0 24 24");
    dom::set(&svg, "aria-hidden", "true");
    let icon = document.create_element_ns(Some(SVG), "path").ok()?;
    dom::set(&icon, "d", path);
    svg.append_child(&icon).ok()?;
    button.append_child(&svg).ok()?;
    Some((button, icon))
}
