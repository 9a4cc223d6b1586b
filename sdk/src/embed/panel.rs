//! Opening and closing a widget or popup. For an inline embed nothing here does anything.

use super::Embed;
use crate::chrome::Floating;
use crate::dom;
use embed_protocol::message as words;
use std::cell::RefCell;
use wasm_bindgen::prelude::*;
use web_sys::{Element, Event, KeyboardEvent, MouseEvent};

thread_local! {
    /// The embeds that are open, the one on top last: Esc closes that alone.
    static OPENED: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(extends = Event)]
    type Pointer;
    #[wasm_bindgen(method, getter, js_name = pointerType)]
    fn kind(this: &Pointer) -> JsValue;
}

/// Removes an embed from the list of open ones.
pub(super) fn forget(id: u32) {
    OPENED.with_borrow_mut(|opened| opened.retain(|other| *other != id));
}

impl Embed {
    pub(super) fn is_open(&self) -> bool {
        self.floating().is_some_and(Floating::is_open)
    }

    /// `handle.open()`
    pub fn open(&self) {
        let Some(floating) = self.floating() else { return self.wants_open.set(self.chrome.get().is_none()) };
        if floating.is_open() {
            return;
        }
        self.ensure_frame();
        floating.open();
        OPENED.with_borrow_mut(|opened| opened.push(self.id()));
        if let Some(frame) = self.slot.frame() {
            let _ = frame.focus();
        }
        // While Firefox handles a key, such as the Enter that opened it, it moves the focus into no frame of another origin.
        let again = self.later(Embed::focus_frame);
        self.timer.replace(Some(dom::after(0, Box::new(again))));
        let mut listeners = vec![self.on(&dom::window(), "keydown", Embed::on_key)];
        if floating.launcher.is_some() {
            listeners.push(self.on(&floating.narrow, "change", |embed, _| embed.on_turned()));
        }
        self.open_listeners.replace(listeners);
        self.show_state();
        self.bridge.tell(words::OPEN, &JsValue::UNDEFINED);
        self.fire_own(words::OPEN, &JsValue::UNDEFINED);
    }

    fn on_key(&self, event: &Event) {
        let event: &KeyboardEvent = event.unchecked_ref();
        let is_on_top = OPENED.with_borrow(|opened| opened.last() == Some(&self.id()));
        if event.key() == "Escape" && is_on_top && !event.default_prevented() {
            // Otherwise a dialog of the page below this one would close too.
            event.prevent_default();
            self.close();
        }
    }

    /// The screen has become narrow or wide while a widget is open.
    fn on_turned(&self) {
        if let Some(floating) = self.floating() {
            floating.show_anew();
            self.focus_frame();
        }
    }

    /// Moves focus from the panel into the module, which can take it only once its frame is to be seen. Not where the
    /// visitor has gone elsewhere meanwhile.
    pub(super) fn focus_frame(&self) {
        let (Some(chrome), Some(frame)) = (self.chrome.get(), self.slot.frame()) else { return };
        if self.is_open() && chrome.has_focus_beside(&frame) {
            let _ = frame.focus();
        }
    }

    /// `handle.close()`
    pub fn close(&self) {
        self.wants_open.set(false);
        let Some(floating) = self.floating() else { return };
        if !floating.is_open() {
            return;
        }
        self.is_hovered.set(false);
        self.open_listeners.take();
        forget(self.id());
        floating.close();
        self.show_state();
        self.bridge.tell(words::CLOSE, &JsValue::UNDEFINED);
        self.fire_own(words::CLOSE, &JsValue::UNDEFINED);
    }

    /// `handle.toggle()`
    pub fn toggle(&self) {
        if self.is_open() || self.wants_open.get() { self.close() } else { self.open() }
    }

    /// A press on the launcher. It does not close a panel that the pointer has just opened by hovering.
    pub(super) fn on_launcher(&self) {
        if !self.is_hovered.take() || !self.is_open() {
            self.toggle();
        }
    }

    /// Opens when what `openOn` names happens.
    pub(super) fn wait_for_opening(&self) {
        let (Some(floating), Some(open_on)) = (self.floating(), self.config().options.text("openOn")) else {
            return;
        };
        let window = dom::window();
        let listener = match &*open_on {
            "load" => return self.open(),
            "hover" => {
                let Some(launcher) = &floating.launcher else { return };
                let leave = self.on(&launcher.button, "pointerleave", |embed, _| embed.is_hovered.set(false));
                self.listeners.borrow_mut().push(leave);
                self.on(&launcher.button, "pointerenter", Embed::on_hovered)
            }
            "exit-intent" => self.on(&window, "mouseout", Embed::on_left),
            _ => self.on(&window, "click", Embed::on_clicked),
        };
        let _ = self.open_on.set(open_on);
        self.listeners.borrow_mut().push(listener);
    }

    /// A finger that touches is one that presses.
    fn on_hovered(&self, event: &Event) {
        if event.unchecked_ref::<Pointer>().kind() == *"mouse" && !self.is_open() {
            self.open();
            self.is_hovered.set(true);
        }
    }

    /// Exit intent opens the embed only once, so that a visitor who has closed it is not asked again.
    fn on_left(&self, event: &Event) {
        let event: &MouseEvent = event.unchecked_ref();
        let leaves = event.related_target().is_none() && event.client_y() <= 0;
        if leaves && !self.has_left.replace(true) {
            self.open();
        }
    }

    /// Handles a click on an element that the selector matches, unless it opens another tab.
    fn on_clicked(&self, event: &Event) {
        let event: &MouseEvent = event.unchecked_ref();
        let is_ours =
            !(event.default_prevented() || event.ctrl_key() || event.meta_key() || event.shift_key());
        let target = event.target().map(JsValue::from).filter(dom::is_node);
        if let (true, Some(target), Some(selector)) = (is_ours, target, self.open_on.get())
            && let Ok(Some(_)) = target.unchecked_ref::<Element>().closest(selector)
        {
            event.prevent_default();
            self.open();
        }
    }
}
