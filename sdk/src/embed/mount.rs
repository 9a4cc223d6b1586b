//! Finds an embed's container, and creates its frame.

use super::Embed;
use crate::chrome::Chrome;
use crate::dom;
use crate::fault::Fault;
use crate::link::Verdict;
use crate::policy;
use embed_protocol::{Code, EmbedType};
use js_sys::{Array, Object, Promise};
use wasm_bindgen::prelude::*;
use web_sys::{Event, KeyboardEvent, Node};

impl Embed {
    /// Starts after the page's current script, so that it can add handlers before the first event.
    pub fn mount_soon(&self) {
        let mount = self.later(Embed::mount);
        dom::then(&Promise::resolve(&JsValue::UNDEFINED), &dom::once(Box::new(move |_| mount())));
    }

    /// Finds the container and starts; waits if the page is still being parsed.
    fn mount(&self) {
        let config = self.config();
        let container = config.options.get("container");
        let document = dom::document();
        let parent = match container.as_string() {
            _ if config.embed_type != EmbedType::Inline => dom::body().map(JsValue::from),
            Some(selector) => dom::find(&selector).map(JsValue::from),
            None if container.is_object() => Some(container.clone()),
            None => dom::body().map(JsValue::from),
        };
        let Some(parent) = parent else {
            if document.ready_state() == "loading" {
                let listener = self.on(&dom::window(), "DOMContentLoaded", |embed, _| embed.mount());
                self.listeners.borrow_mut().push(listener);
            } else {
                let selector = dom::text(&container);
                let advice = "”: correct it, or embed once the element is there.";
                let text = ["No element of this page matches the container “", &selector, advice];
                self.fail(Fault::new("container_not_found", &text));
            }
            return;
        };
        // What is no node has no document.
        if parent.unchecked_ref::<Node>().owner_document() != Some(document) {
            return self.refuse_container();
        }
        if config.embed_type == EmbedType::Inline && crate::is_taken(&parent) {
            let text =
                "There is an embed in this container already: destroy it first, or use another element.";
            return self.fail(Fault::new("container_taken", &[text]));
        }
        match Chrome::build(&self.link, &self.slot, config.embed_type, parent.unchecked_ref()) {
            Some(chrome) => {
                if self.chrome.set(chrome).is_ok() {
                    self.container.replace(parent);
                    self.dress();
                    self.listen();
                    self.first_frame();
                    self.follow_verdict();
                    self.wait_for_opening();
                    if self.wants_open.take() {
                        self.open();
                    }
                }
            }
            None => self.refuse_container(),
        }
    }

    /// The page's policy has refused the frame.
    fn on_refused(&self) {
        // Without an origin of its own it comes from the server.
        let origin = match dom::text(&self.slot.origin()) {
            none if none.is_empty() => dom::text(&self.link.server()),
            origin => origin,
        };
        let text = "This page's Content-Security-Policy forbids the module's frame: add ";
        self.fail(Fault::new("csp_frame", &[text, &origin, " to its ", policy::FRAME_SRC, "."]));
    }

    fn refuse_container(&self) {
        self.fail(Fault::new(
            "invalid_option",
            &["The container has to be an element of this page, or its selector."],
        ));
    }

    fn listen(&self) {
        let mut listeners =
            vec![self.on(&dom::window(), "message", |embed, event| {
                embed.on_window_message(event.unchecked_ref())
            })];
        if let Some(floating) = self.floating() {
            listeners.push(self.on(&floating.close, "click", |embed, _| embed.close()));
            // The browser closes a modal dialog on Esc by itself; what else closing means is ours.
            listeners.push(self.on(&floating.dialog, "cancel", |embed, event| {
                event.prevent_default();
                embed.close();
            }));
            listeners.push(self.on(&floating.guard, "focus", |embed, _| {
                if let Some(floating) = embed.floating() {
                    floating.turn_back();
                }
            }));
            listeners.push(self.on(&floating.close, "keydown", |embed, event| {
                let event: &KeyboardEvent = event.unchecked_ref();
                // With Shift, WebKit's port to GTK does not know the key by its name.
                if event.code() == "Tab"
                    && event.shift_key()
                    && let Some(floating) = embed.floating()
                {
                    floating.go_back();
                }
            }));
            if let Some(launcher) = &floating.launcher {
                listeners.push(self.on(&launcher.button, "click", |embed, _| embed.on_launcher()));
                for hint in ["pointerenter", "focus"] {
                    listeners.push(self.on(&launcher.button, hint, |embed, _| embed.ensure_frame()));
                }
            } else {
                // A click on the dialog itself is one beside its content: on the backdrop.
                listeners.push(self.on(&floating.dialog, "click", |embed, event| {
                    let dialog = embed.floating().map(|floating| floating.dialog.as_ref());
                    if event.target().is_some_and(|target| dialog == Some(target.unchecked_ref::<JsValue>()))
                    {
                        embed.close();
                    }
                }));
            }
        }
        self.listeners.borrow_mut().extend(listeners);
    }

    /// The frame that the loader has made, or its time to come: at once, near the viewport, or when the page is idle.
    fn first_frame(&self) {
        let Some(chrome) = self.chrome.get() else { return };
        if self.slot.verdict().is_none() {
            self.slot.set_verdict(&self.link.ask(&self.slot.config()));
        }
        if self.slot.frame().is_some() {
            chrome.show_skeleton();
            self.adopt_frame();
        } else if chrome.floating.is_some() {
            self.link.idle(self.id());
        } else if self.config().options.flag("lazy", true) && chrome.is_out_of_sight() {
            chrome.show_skeleton();
            self.link.near(self.id(), chrome.host());
        } else {
            self.ensure_frame();
        }
    }

    /// Acts on the verdict of this attempt when it comes.
    pub(super) fn follow_verdict(&self) {
        let Some(verdict) = self.slot.verdict() else { return };
        let attempt = self.attempt.get();
        let me = self.me.clone();
        let settled = dom::once(Box::new(move |verdict| {
            if let Some(embed) =
                me.upgrade().filter(|embed| !embed.is_over.get() && embed.attempt.get() == attempt)
            {
                embed.on_verdict(verdict);
            }
        }));
        dom::then(&verdict, &settled);
    }

    /// The server's answer can be any JSON.
    fn on_verdict(&self, verdict: JsValue) {
        let verdict: Verdict =
            if verdict.is_object() { verdict } else { Object::new().into() }.unchecked_into();
        if verdict.allows().is_none() {
            let code = verdict.code().as_string().unwrap_or_else(|| Code::Unavailable.as_str().into());
            let detail = verdict.detail().as_string().unwrap_or_else(|| {
                let server = dom::text(&self.link.server());
                dom::joined(&[
                    &server,
                    " gave no valid answer: check data-dramac-server, the network, and connect-src.",
                ])
            });
            let fault = Fault { code, detail };
            // A module that is already shown continues without a token.
            if fault.code != Code::Unavailable.as_str() || !self.bridge.is_connected() {
                return self.fail(fault);
            }
            fault.log();
        }
        self.verdict.replace(Some(verdict));
        self.dress();
        if self.slot.frame().is_some() {
            self.show_frame();
        }
        self.get_ready();
    }

    /// The frame, if it is not there yet.
    pub fn ensure_frame(&self) {
        self.link.rest(self.id());
        let Some(chrome) = self.chrome.get() else { return };
        if self.slot.frame().is_some() || self.failure.borrow().is_some() {
            return;
        }
        chrome.insert_frame(&self.link, &self.slot);
        self.adopt_frame();
        self.dress();
        if self.verdict.borrow().is_some() {
            self.show_frame();
        }
    }

    fn adopt_frame(&self) {
        let Some(frame) = self.slot.frame() else { return };
        let listeners = vec![
            self.on(&frame, "load", |embed, _| embed.on_load()),
            self.on(&dom::window(), policy::VIOLATION, |embed, event| {
                if embed.slot.frame().is_some_and(|frame| policy::refuses(event, &frame)) {
                    embed.on_refused();
                }
            }),
        ];
        self.frame_listeners.replace(listeners);
        let kept = self.slot.messages();
        self.slot.set_messages(&Array::new());
        for event in kept.iter() {
            let event: Event = event.unchecked_into();
            match &*event.type_() {
                policy::VIOLATION if policy::refuses(&event, &frame) => return self.on_refused(),
                _ => self.on_window_message(event.unchecked_ref()),
            }
        }
    }
}
