//! Opening and closing a widget or popup. For an inline embed nothing here does anything.

use super::Embed;
use crate::chrome::Floating;
use crate::dom;
use crate::fault::Fault;
use embed_protocol::message as words;
use gloo_events::{EventListener, EventListenerOptions};
use wasm_bindgen::prelude::*;
use web_sys::{Element, KeyboardEvent, MouseEvent};

impl Embed {
    pub(super) fn is_open(&self) -> bool {
        self.floating().is_some_and(Floating::is_open)
    }

    /// `handle.open()`
    pub fn open(&self) {
        let Some(floating) = self.floating() else { return };
        if floating.is_open() {
            return;
        }
        self.ensure_frame();
        floating.open();
        if let Some(frame) = self.slot.frame() {
            let _ = frame.focus();
        }
        // While Firefox handles a key, such as the Enter that opened it, it moves the focus into no frame of another origin.
        let again = self.later(Embed::focus_frame);
        self.timer.replace(Some(dom::after(0, Box::new(again))));
        let close = self.later(Embed::close);
        let mut listeners = vec![EventListener::new(&dom::document(), "keydown", move |event| {
            let event: &KeyboardEvent = event.unchecked_ref();
            if event.key() == "Escape" && !event.default_prevented() {
                close();
            }
        })];
        if floating.launcher.is_some() {
            let turned = self.later(Embed::on_turned);
            listeners.push(EventListener::new(&floating.narrow, "change", move |_| turned()));
        }
        self.open_listeners.replace(listeners);
        self.show_state();
        self.bridge.tell(words::OPEN, &JsValue::UNDEFINED);
        self.fire_own(words::OPEN, &JsValue::UNDEFINED);
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
        let Some(floating) = self.floating() else { return };
        if !floating.is_open() {
            return;
        }
        self.open_listeners.take();
        floating.close();
        self.show_state();
        self.bridge.tell(words::CLOSE, &JsValue::UNDEFINED);
        self.fire_own(words::CLOSE, &JsValue::UNDEFINED);
    }

    /// `handle.toggle()`
    pub fn toggle(&self) {
        if self.is_open() { self.close() } else { self.open() }
    }

    /// Opens when what `openOn` names happens.
    pub(super) fn wait_for_opening(&self) {
        let (Some(floating), Some(open_on)) = (self.floating(), self.config().options.text("openOn")) else {
            return;
        };
        let open = self.later(Embed::open);
        let document = dom::document();
        let listener = match &*open_on {
            "load" => return self.open(),
            "hover" => {
                let Some(launcher) = &floating.launcher else { return };
                EventListener::new(&launcher.button, "pointerenter", move |_| open())
            }
            "exit-intent" => EventListener::new(&document, "mouseout", move |event| {
                let event: &MouseEvent = event.unchecked_ref();
                if event.related_target().is_none() && event.client_y() <= 0 {
                    open();
                }
            }),
            _ => {
                if document.query_selector(&open_on).is_err() {
                    let text = [
                        "The option openOn is “",
                        &open_on,
                        "”, but it has to be load, hover, exit-intent or a selector.",
                    ];
                    return self.fail(Fault::new("invalid_option", &text));
                }
                let options = EventListenerOptions::enable_prevent_default();
                EventListener::new_with_options(&document, "click", options, move |event| {
                    let target = event.target().map(JsValue::from).filter(dom::is_node);
                    let target = target.map(|target| target.unchecked_into::<Element>());
                    if target.is_some_and(|target| matches!(target.closest(&open_on), Ok(Some(_)))) {
                        event.prevent_default();
                        open();
                    }
                })
            }
        };
        self.listeners.borrow_mut().push(listener);
    }
}
