//! What an embed shows around its frame.
//!
//! Everything lives in the shadow root of one `<dramac-frame>` element: for an inline embed inside its container,
//! for the others at the end of the body. Styles come from one constructable stylesheet, so that a strict `style-src`
//! holds; the few values that a page chooses are set as properties from script. The page's own rules do not reach the element:
//! `:host` with `!important` wins over all of them. Of what it inherits, only what hides it counts.

mod card;
mod floating;

pub use floating::Floating;

use crate::config::Config;
use crate::dom;
use crate::fault::Fault;
use crate::link::{Host, Link, Module, Slot};
use crate::translations::{self, Words};
use embed_protocol::{EmbedType, Theme};
use js_sys::Array;
use std::cell::{Cell, RefCell};
use web_sys::{CssStyleSheet, HtmlElement, HtmlIFrameElement, Node, ShadowRoot};

thread_local! {
    /// The one stylesheet of all embeds, made when the first needs it.
    static SHEET: RefCell<Option<CssStyleSheet>> = const { RefCell::new(None) };
}

fn sheet() -> Option<CssStyleSheet> {
    SHEET.with_borrow_mut(|sheet| {
        if sheet.is_none() {
            let made = CssStyleSheet::new().ok()?;
            made.replace_sync(include_str!("style.css")).ok()?;
            *sheet = Some(made);
        }
        sheet.clone()
    })
}

/// The elements of one embed.
pub struct Chrome {
    host: Host,
    root: ShadowRoot,
    /// The launcher and the dialog; `None` for an inline embed.
    pub floating: Option<Floating>,
    /// The element over the frame's place: a skeleton or the error card.
    cover: RefCell<Option<HtmlElement>>,
    /// Whether the module has said how tall an inline embed is, so that no height is reserved for it any more.
    is_sized: Cell<bool>,
}

impl Chrome {
    /// Builds the chrome at the end of `parent`, or around what the loader has put there already.
    pub fn build(link: &Link, slot: &Slot, kind: EmbedType, parent: &Node) -> Option<Self> {
        let host = match slot.host() {
            Some(host) => host,
            None => {
                let host = link.host().ok()?;
                parent.append_child(&host).ok()?;
                host
            }
        };
        let root = host.root();
        root.set_adopted_style_sheets(&Array::of1(&sheet()?.into()));
        let floating = match kind {
            EmbedType::Inline => None,
            kind => {
                host.set_class_name("floating");
                Some(Floating::build(&root, kind)?)
            }
        };
        Some(Chrome { host, root, floating, cover: RefCell::new(None), is_sized: Cell::new(false) })
    }

    /// Takes over what the page may change while the embed lives. `name` is what the content is called.
    pub fn apply(
        &self,
        config: &Config,
        words: &Words,
        name: &str,
        module: Option<&Module>,
        frame: Option<&HtmlIFrameElement>,
    ) {
        let scheme = match config.theme {
            Theme::Auto => "light dark",
            theme => theme.as_str(),
        };
        dom::style(&self.host, "--scheme", scheme);
        let z_index = config.options.number("zIndex").map(|z_index| dom::text(&z_index.into()));
        dom::style(&self.host, "--z", &z_index.unwrap_or_default());
        dom::set(&self.host, "lang", words.lang);
        // Without a language of its own it follows the page.
        match config.options.text("locale") {
            Some(locale) => dom::set(&self.host, "dir", translations::direction(&locale)),
            None => {
                let _ = self.host.remove_attribute("dir");
            }
        }
        match &self.floating {
            Some(floating) => floating.apply(config, words, name, module),
            None => {
                dom::style(
                    &self.host,
                    "--width",
                    config.options.length("width").as_deref().unwrap_or("100%"),
                );
                let reserved = match config.options.length("height") {
                    _ if self.is_sized.get() => "0".into(),
                    height => height.unwrap_or_else(|| "500px".into()),
                };
                dom::style(&self.host, "--height", &reserved);
                if let Some(frame) = frame.filter(|_| !self.is_sized.get()) {
                    dom::style(frame, "height", &reserved);
                }
            }
        }
    }

    /// The element that contains the frame.
    fn place(&self) -> &Node {
        match &self.floating {
            Some(floating) => &floating.dialog,
            None => &self.root,
        }
    }

    /// Whether the place of an inline embed is far below what the visitor sees, or is not to be seen at all.
    pub fn is_out_of_sight(&self) -> bool {
        let viewport = dom::window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or(0.0);
        let top = self.host.get_bounding_client_rect().top();
        // An element that is not displayed has position 0; a displayed element at 0 is soon reported as visible.
        top == 0.0 || top > viewport + 200.0
    }

    /// The element that scrolls into view.
    pub fn host(&self) -> &HtmlElement {
        &self.host
    }

    /// Whether the page's focus is somewhere in here.
    pub fn has_focus(&self) -> bool {
        self.root.active_element().is_some()
    }

    /// Whether it is somewhere in here, but not in the frame.
    pub fn has_focus_beside(&self, frame: &HtmlElement) -> bool {
        self.root.active_element().is_some_and(|active| active != **frame)
    }

    /// Puts the frame in its place, under a skeleton.
    pub fn insert_frame(&self, link: &Link, slot: &Slot) {
        link.frame(slot, self.place());
        self.show_skeleton();
    }

    /// A skeleton where the frame will be.
    pub fn show_skeleton(&self) {
        self.cover_with(dom::append(self.place(), "div", "cover skeleton"));
    }

    /// Removes the skeleton or card.
    pub fn uncover(&self) {
        if let Some(cover) = self.cover.take() {
            cover.remove();
        }
    }

    /// The error card in place of the frame, and its button, which gets the focus if what was there had it.
    pub fn show_card(&self, fault: &Fault, words: &Words, had_focus: bool) -> Option<HtmlElement> {
        let (card, button) = card::build(self.place(), fault, words).unzip();
        self.cover_with(card);
        // The frame is gone, and with it the height that the module gave the place.
        self.is_sized.set(false);
        let button = button?;
        if had_focus {
            let _ = button.focus();
        }
        Some(button)
    }

    /// Replaces the skeleton or card.
    fn cover_with(&self, cover: Option<HtmlElement>) {
        self.uncover();
        self.cover.replace(cover);
        if let Some(floating) = &self.floating {
            let _ = floating.dialog.append_child(&floating.guard);
        }
    }

    /// An inline frame becomes as tall as its content.
    pub fn resize(&self, slot: &Slot, height: f64) {
        if let Some(frame) = slot.frame().filter(|_| self.floating.is_none()) {
            let height = dom::joined(&[&dom::text(&height.into()), "px"]);
            dom::style(&frame, "height", &height);
            dom::style(&self.host, "--height", "0");
            self.is_sized.set(true);
        }
    }

    /// Removes everything from the page.
    pub fn remove(&self) {
        self.uncover();
        discard(&self.host);
    }
}

/// Removes a host element for good: else it would come back (`cdn/loader/element.js`).
pub fn discard(host: &HtmlElement) {
    host.set_class_name("gone");
    host.remove();
}
