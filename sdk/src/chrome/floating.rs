//! A widget's launcher and panel, and a popup's dialog.
//!
//! The panel is a `<dialog>`: the browser moves focus back when it closes, and where it is modal makes the page behind it
//! inert and closes it on Esc. A popup is modal, and so is a widget's panel while it fills a narrow screen. Tab would still
//! leave it, to the page or to the browser's own buttons, so a guard element at its end moves focus back to its beginning.

use crate::config::Config;
use crate::dom;
use crate::link::Module;
use crate::translations::Words;
use embed_protocol::EmbedType;
use std::cell::{Cell, RefCell};
use wasm_bindgen::prelude::*;
use web_sys::{Element, EventTarget, HtmlDialogElement, HtmlElement, Node, ShadowRoot};

/// A speech bubble on a 24 × 24 grid, for modules that bring no icon of their own.
const CHAT: &str = "M3 3h18a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H9l-5 5v-5H3a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1z";
/// Screens on which every panel fills the screen, as `style.css` says.
const NARROW: &str = "(max-width:480px)";
const CROSS: &str = "M6 4 12 10 18 4 20 6 14 12 20 18 18 20 12 14 6 20 4 18 10 12 4 6z";

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(extends = HtmlDialogElement)]
    type Panel;
    #[wasm_bindgen(method)]
    fn show(this: &Panel);

    /// A media query that fires `change` events.
    #[wasm_bindgen(extends = EventTarget)]
    pub type Media;
    #[wasm_bindgen(method, getter)]
    fn matches(this: &Media) -> bool;
    #[wasm_bindgen(js_name = matchMedia)]
    fn media(query: &str) -> Media;
}

/// The elements of a widget or popup.
pub struct Floating {
    pub dialog: HtmlDialogElement,
    pub close: HtmlElement,
    /// The focus guard: Tab moves to it after the last control, and Shift+Tab continues from it. It stays the last child.
    pub guard: HtmlElement,
    /// A widget's button; a popup is opened by the page.
    pub launcher: Option<Launcher>,
    /// Whether the screen is narrow.
    pub narrow: Media,
    /// Whether focus only passes the guard, on its way backwards.
    is_passed: Cell<bool>,
}

/// The button that opens a widget.
pub struct Launcher {
    pub button: HtmlElement,
    icon: Element,
    badge: HtmlElement,
    label: RefCell<String>,
    unread: Cell<f64>,
    /// How many the page has said that there are; what the module says later counts.
    of_page: Cell<Option<f64>>,
}

impl Floating {
    /// Builds the dialog, closed, and a widget's launcher.
    pub fn build(root: &ShadowRoot, kind: EmbedType) -> Option<Self> {
        let launcher = match kind {
            EmbedType::Widget => Some(Launcher::build(root)?),
            _ => None,
        };
        let dialog: HtmlDialogElement = dom::append(root, "dialog", "")?.unchecked_into();
        let close = button(&dialog, "close", CROSS)?.0;
        let guard = dom::append(&dialog, "span", "")?;
        guard.set_tab_index(0);
        Some(Floating { dialog, close, guard, launcher, narrow: media(NARROW), is_passed: Cell::new(false) })
    }

    /// Takes over what the page may change, and what the module's manifest says where the page says nothing.
    pub fn apply(&self, config: &Config, words: &Words, name: &str, module: Option<&Module>) {
        let corner = config.position.as_str().replace('-', " ");
        let is_widget = self.launcher.is_some();
        self.dialog.set_class_name(&dom::joined(&["panel ", if is_widget { &corner } else { "popup" }]));
        dom::set(&self.dialog, "aria-label", name);
        dom::set(&self.close, "aria-label", words.close);
        dom::style(&self.dialog, "width", &config.options.length("width").unwrap_or_default());
        dom::style(&self.dialog, "height", &config.options.length("height").unwrap_or_default());
        let Some(launcher) = &self.launcher else { return };
        let look = module.map(Module::launcher);
        let of_module = |get: fn(&crate::link::Launcher) -> JsValue| get(look.as_ref()?).as_string();
        let page = &config.launcher;
        let label = page.text("label").or_else(|| of_module(crate::link::Launcher::label));
        let icon = page.text("icon").or_else(|| of_module(crate::link::Launcher::icon));
        let color = page.text("color").or_else(|| of_module(crate::link::Launcher::color));
        launcher.button.set_class_name(&dom::joined(&["launcher ", &corner]));
        launcher.button.set_hidden(page.flag("hidden", false));
        // Before the module's name is known, the button is named after its action.
        let named = if look.is_some() { name } else { words.open };
        launcher.label.replace(label.unwrap_or_else(|| named.into()));
        dom::set(&launcher.icon, "d", icon.as_deref().unwrap_or(CHAT));
        dom::style(&launcher.button, "--color", color.as_deref().unwrap_or_default());
        let of_page = page.number("badge");
        let is_news = of_page != launcher.of_page.replace(of_page);
        launcher.badge(of_page.filter(|_| is_news).unwrap_or(launcher.unread.get()), words);
    }

    /// Moves focus from the guard to the first control of the panel.
    pub fn turn_back(&self) {
        if !self.is_passed.replace(false) {
            let _ = self.close.focus();
        }
    }

    /// From the first control the browser goes on backwards from the guard, to the last one of the panel.
    pub fn go_back(&self) {
        self.is_passed.set(true);
        let _ = self.guard.focus();
    }

    /// Whether the panel is to be seen.
    pub fn is_open(&self) -> bool {
        self.dialog.open()
    }

    /// Shows the panel and moves focus into it.
    pub fn open(&self) {
        let _ = self.dialog.remove_attribute("inert");
        // What is not modal is inert while a dialog of the page is.
        let is_modal = self.launcher.is_none() || self.narrow.matches() || dom::find(":modal").is_some();
        dom::set(&self.dialog, "aria-modal", if is_modal { "true" } else { "false" });
        if is_modal {
            let _ = self.dialog.show_modal();
        } else {
            self.dialog.unchecked_ref::<Panel>().show();
        }
        if let Some(launcher) = &self.launcher {
            dom::set(&launcher.button, "aria-expanded", "true");
        }
    }

    /// Adapts the open panel to the screen. A modal dialog can only become non-modal by being shown again.
    pub fn show_anew(&self) {
        self.dialog.close();
        self.open();
    }

    /// Hides the panel; focus goes back to where it was.
    pub fn close(&self) {
        self.dialog.close();
        // While it fades out it can be seen, but no Tab shall lead there.
        dom::set(&self.dialog, "inert", "");
        if let Some(launcher) = &self.launcher {
            dom::set(&launcher.button, "aria-expanded", "false");
        }
    }
}

impl Launcher {
    fn build(root: &ShadowRoot) -> Option<Self> {
        let (button, icon) = button(root, "", CHAT)?;
        dom::set(&button, "aria-haspopup", "dialog");
        dom::set(&button, "aria-expanded", "false");
        let badge = dom::append(&button, "span", "badge")?;
        let label = RefCell::default();
        Some(Launcher { button, icon, badge, label, unread: Cell::new(0.0), of_page: Cell::new(None) })
    }

    /// The page says again how many there are.
    pub fn forget_badge_of_page(&self) {
        self.of_page.set(None);
    }

    /// The number of unread items on the button and in its name; nothing for none.
    pub fn badge(&self, count: f64, words: &Words) {
        self.unread.set(count);
        let text = if count > 99.0 { "99+".into() } else { dom::text(&count.into()) };
        let is_shown = count > 0.0;
        self.badge.set_text_content(is_shown.then_some(&text));
        // A button's accessible name must contain its visible text, for users of speech control.
        let label = self.label.borrow();
        let named =
            if is_shown { dom::joined(&[&label, ", ", &text, " ", words.unread]) } else { label.clone() };
        dom::set(&self.button, "aria-label", &named);
    }
}

/// A button with an icon: the button and the icon's path.
fn button(parent: &Node, class: &str, path: &str) -> Option<(HtmlElement, Element)> {
    let button = dom::append(parent, "button", class)?;
    dom::set(&button, "type", "button");
    let svg = dom::create_svg("svg")?;
    dom::set(&svg, "viewBox", "0 0 24 24");
    dom::set(&svg, "aria-hidden", "true");
    let icon = dom::create_svg("path")?;
    dom::set(&icon, "d", path);
    svg.append_child(&icon).ok()?;
    button.append_child(&svg).ok()?;
    Some((button, icon))
}
