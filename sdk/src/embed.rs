//! The life of one embed: configuration, chrome, verdict, frame, handshake, messages, end.
//!
//! Verdict and handshake come in either order. The frame is shown as soon as one of them has come; the module gets its
//! context, and the page its `ready`, when both have.

use crate::bridge::{self, Bridge};
use crate::chrome::{Chrome, Floating};
use crate::config::{self, Config};
use crate::dom;
use crate::fault::{self, Fault};
use crate::frame::{Loads, Sight};
use crate::link::{Link, Slot, Verdict};
use crate::message::{self, Message, Received};
use embed_protocol::{EmbedType, frame, message as words};
use gloo_events::EventListener;
use js_sys::{Function, Object};
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::{Rc, Weak};
use wasm_bindgen::prelude::*;
use web_sys::HtmlElement;

/// One embed on the page.
pub struct Embed {
    me: Weak<Embed>,
    link: Link,
    slot: Slot,
    config: Config,
    pub bridge: Rc<Bridge>,
    chrome: OnceCell<Chrome>,
    verdict: RefCell<Option<Verdict>>,
    loads: Loads,
    /// Counts the attempts, so that the verdict of an earlier one is told apart.
    attempt: Cell<u32>,
    is_ready: Cell<bool>,
    has_failed: Cell<bool>,
    is_over: Cell<bool>,
    /// What listens as long as the embed lives.
    listeners: RefCell<Vec<EventListener>>,
    /// What listens to the present frame.
    frame_listener: RefCell<Option<EventListener>>,
    /// What listens while the panel is open.
    open_listener: RefCell<Option<EventListener>>,
    /// Waits until an inline embed comes near the viewport.
    sight: RefCell<Option<Sight>>,
}

impl Embed {
    /// Reads the configuration. Where it is wrong, says so and gives `None`.
    pub fn begin(link: Link, slot: Slot) -> Option<Rc<Self>> {
        let raw = slot.config();
        match Config::read(&raw, slot.element().is_some()) {
            Ok(config) => Some(Rc::new_cyclic(|me| Embed {
                me: me.clone(),
                link,
                slot,
                config,
                bridge: Bridge::new(),
                chrome: OnceCell::new(),
                verdict: RefCell::new(None),
                loads: Loads::default(),
                attempt: Cell::new(0),
                is_ready: Cell::new(false),
                has_failed: Cell::new(false),
                is_over: Cell::new(false),
                listeners: RefCell::default(),
                frame_listener: RefCell::new(None),
                open_listener: RefCell::new(None),
                sight: RefCell::new(None),
            })),
            Err(fault) => {
                slot.handle().set_state("error");
                report(&slot, &fault, config::error_handler(&raw));
                None
            }
        }
    }

    pub fn id(&self) -> u32 {
        self.slot.id()
    }

    /// The element with `data-dramac-embed` that this embed stands for.
    pub fn element(&self) -> Option<HtmlElement> {
        self.slot.element()
    }

    /// Runs with this embed, or not at all where it has ended meanwhile.
    fn later(&self, act: fn(&Embed)) -> impl Fn() + use<> {
        let me = self.me.clone();
        move || {
            if let Some(embed) = me.upgrade().filter(|embed| !embed.is_over.get()) {
                act(&embed);
            }
        }
    }

    /// Finds its place on the page and begins; waits for the rest of a page that is still being read.
    pub fn mount(&self) {
        let container = &self.config.container;
        let document = dom::document();
        let parent = match container.as_string() {
            _ if self.config.embed_type != EmbedType::Inline => document.body().map(JsValue::from),
            Some(selector) => document.query_selector(&selector).ok().flatten().map(JsValue::from),
            None if container.is_object() => Some(container.clone()),
            None => document.body().map(JsValue::from),
        };
        let Some(parent) = parent else {
            if document.ready_state() == "loading" {
                let mount = self.later(Embed::mount);
                let listener = EventListener::once(&document, "DOMContentLoaded", move |_| mount());
                self.listeners.borrow_mut().push(listener);
            } else {
                let selector = dom::text(container);
                self.fail(Fault::new(
                    "container_not_found",
                    &[
                        "No element of this page matches the container “",
                        &selector,
                        "”. Call Dramac.embed after the element is there, or correct the selector.",
                    ],
                ));
            }
            return;
        };
        match Chrome::build(&self.slot, &self.config, parent.unchecked_ref()) {
            Some(chrome) => {
                if self.chrome.set(chrome).is_ok() {
                    self.listen();
                    self.try_once();
                }
            }
            None => self.fail(Fault::new(
                "container_not_found",
                &["The container cannot hold an embed: pass an element."],
            )),
        }
    }

    fn listen(&self) {
        let me = self.me.clone();
        let messages = EventListener::new(&dom::window(), "message", move |event| {
            if let Some(embed) = me.upgrade() {
                embed.on_window_message(event.unchecked_ref());
            }
        });
        let mut listeners = vec![messages];
        if let Some(floating) = self.floating() {
            let close = self.later(Embed::close);
            listeners.push(EventListener::new(&floating.close, "click", move |_| close()));
            // The browser closes a modal dialog on Esc by itself; what else closing means is ours.
            let cancel = self.later(Embed::close);
            let options = gloo_events::EventListenerOptions::enable_prevent_default();
            listeners.push(EventListener::new_with_options(
                &floating.dialog,
                "cancel",
                options,
                move |event| {
                    event.prevent_default();
                    cancel();
                },
            ));
            if let Some(launcher) = &floating.launcher {
                let toggle = self.later(Embed::toggle);
                listeners.push(EventListener::new(launcher, "click", move |_| toggle()));
                for hint in ["pointerenter", "focus"] {
                    let warm = self.later(Embed::ensure_frame);
                    listeners.push(EventListener::new(launcher, hint, move |_| warm()));
                }
            } else {
                // A click on the dialog itself is one beside its content: on the backdrop.
                let close = self.later(Embed::close);
                let dialog = floating.dialog.clone();
                listeners.push(EventListener::new(&floating.dialog, "click", move |event| {
                    if event
                        .target()
                        .is_some_and(|target| JsValue::from(target) == *AsRef::<JsValue>::as_ref(&dialog))
                    {
                        close();
                    }
                }));
            }
        }
        self.listeners.borrow_mut().extend(listeners);
    }

    /// Asks for the verdict (unless the loader has) and lets the frame come when its time is there.
    fn try_once(&self) {
        let Some(chrome) = self.chrome.get() else { return };
        let attempt = self.attempt.get();
        let verdict = self.slot.verdict().unwrap_or_else(|| {
            let asked = self.link.ask(&self.slot.config());
            self.slot.set_verdict(&asked);
            asked
        });
        let me = self.me.clone();
        let settled = Closure::once_into_js(move |verdict: Verdict| {
            if let Some(embed) =
                me.upgrade().filter(|embed| !embed.is_over.get() && embed.attempt.get() == attempt)
            {
                embed.on_verdict(verdict);
            }
        });
        if self.slot.frame().is_some() {
            self.adopt_frame();
        } else if chrome.floating.is_some() {
            let warm: Function = Closure::once_into_js(self.later(Embed::ensure_frame)).unchecked_into();
            // Safari has no idle callbacks; hover, focus and opening are enough there.
            let _ = dom::request_idle(&warm);
        } else if self.config.lazy && chrome.is_below_fold() {
            chrome.show_skeleton();
            self.sight.replace(Sight::new(chrome.host(), self.later(Embed::ensure_frame)));
        } else {
            self.ensure_frame();
        }
        bridge::then(&verdict, settled.unchecked_ref());
    }

    /// The frame, if it is not there yet.
    fn ensure_frame(&self) {
        self.sight.take();
        let Some(chrome) = self.chrome.get() else { return };
        if self.slot.frame().is_some() || self.has_failed.get() {
            return;
        }
        chrome.insert_frame(&self.link, &self.slot);
        self.adopt_frame();
        self.name();
        if self.verdict.borrow().is_some() {
            chrome.uncover();
        }
    }

    fn adopt_frame(&self) {
        let Some(frame) = self.slot.frame() else { return };
        let loaded = self.later(Embed::on_load);
        self.frame_listener.replace(Some(EventListener::new(&frame, "load", move |_| loaded())));
        for event in self.slot.messages().splice(0, u32::MAX, &JsValue::UNDEFINED).iter() {
            if event.is_object() {
                self.on_window_message(event.unchecked_ref());
            }
        }
        if self.slot.loaded() {
            self.on_load();
        }
    }

    fn on_verdict(&self, verdict: Verdict) {
        if !verdict.allowed() {
            let code = verdict.code().unwrap_or_else(|| "unavailable".into());
            let detail = verdict.detail().unwrap_or_default();
            let fault = Fault { code, detail };
            // A module that has shown up works, only without a token.
            if fault.code == "unavailable" && self.bridge.is_connected() {
                fault.log();
            } else {
                return self.fail(fault);
            }
        }
        self.verdict.replace(Some(verdict));
        self.name();
        if self.slot.frame().is_some()
            && let Some(chrome) = self.chrome.get()
        {
            chrome.uncover();
        }
        self.get_ready();
    }

    /// Names the frame and the chrome, once the module's name is known.
    fn name(&self) {
        let verdict = self.verdict.borrow().clone();
        if let (Some(chrome), Some(verdict)) = (self.chrome.get(), verdict.filter(Verdict::allowed)) {
            chrome.name(&self.slot, &verdict.module());
        }
    }

    /// The exact origin that the module's messages come from.
    fn module_origin(&self) -> String {
        match self.link.modules() {
            pattern if pattern.is_empty() => "null".into(),
            pattern => frame::origin(&pattern, &self.config.module_id),
        }
    }

    /// A message that some window sent to this page. Only the frame's own window at the module's own origin is heard.
    fn on_window_message(&self, event: &Received) {
        let Some(target) = self.slot.frame().and_then(|frame| frame.content_window()) else { return };
        let origin = self.module_origin();
        if event.source() != *AsRef::<JsValue>::as_ref(&target)
            || event.origin() != origin
            || !event.data().is_object()
        {
            return;
        }
        if let Some((port, nonce)) = message::handshake(event) {
            if nonce == self.slot.nonce()
                && let Some(port) = self.loads.admit(port)
            {
                self.connect(port);
            }
        } else if !self.bridge.has_port() && origin != "null" {
            let Some((kind, message)) = self.bridge.receive(event) else { return };
            if kind == *words::READY {
                self.disconnect();
                self.loads.expect();
                self.bridge.connect_window(target.into(), origin);
                self.show_frame();
                self.get_ready();
            } else if self.bridge.is_connected() {
                self.on_message(kind, message);
            }
        }
    }

    fn connect(&self, port: web_sys::MessagePort) {
        let me = self.me.clone();
        self.bridge.connect_port(port, move |event| {
            let Some(embed) = me.upgrade() else { return };
            if let Some((kind, message)) = embed.bridge.receive(event.unchecked_ref()) {
                embed.on_message(kind, message);
            }
        });
        self.show_frame();
        self.get_ready();
    }

    /// The frame has loaded a document: the one that shook hands, or another.
    fn on_load(&self) {
        let (was_known, next) = self.loads.loaded();
        if was_known {
            return;
        }
        self.disconnect();
        if let Some(port) = next {
            self.connect(port);
        }
    }

    /// Ends the conversation with the document that is gone.
    fn disconnect(&self) {
        if self.bridge.is_connected() {
            let text = "The module's page was loaded anew before it answered.";
            self.bridge.disconnect(&Fault::new(words::DISCONNECTED, &[text]));
            self.is_ready.set(false);
        }
    }

    fn show_frame(&self) {
        if let Some(frame) = self.slot.frame() {
            dom::style(&frame, "visibility", "");
        }
        if let Some(chrome) = self.chrome.get() {
            chrome.uncover();
        }
    }

    /// With verdict and handshake both there, the module gets its context and the page its `ready`.
    fn get_ready(&self) {
        let Some(verdict) = self.verdict.borrow().clone() else { return };
        if self.is_ready.get() || !self.bridge.is_connected() {
            return;
        }
        self.is_ready.set(true);
        self.bridge.open(&self.context(&verdict));
        if self.is_open() {
            self.bridge.tell(words::OPEN, &JsValue::UNDEFINED);
        }
        self.show_state();
        self.slot.resolve(&JsValue::UNDEFINED);
        if let Some(on_ready) = &self.config.on_ready {
            call_page(on_ready, &JsValue::UNDEFINED);
        }
        self.bridge.handlers.fire_own(words::READY, &JsValue::UNDEFINED);
    }

    /// What the module is told: `embed_protocol::message::CONTEXT`.
    fn context(&self, verdict: &Verdict) -> JsValue {
        let context: Context = Object::new().unchecked_into();
        context.set_site_id(&self.config.site_id);
        context.set_module_id(&self.config.module_id);
        context.set_type(self.config.embed_type.as_str());
        context.set_theme(self.config.theme.as_str());
        context.set_params(&self.config.params);
        context.set_locale(&self.config.locale);
        context.set_server(&self.link.server());
        context.set_token(&verdict.token());
        context.set_expires_in(&verdict.expires_in());
        context.into()
    }

    /// What the module tells or asks: the built-in messages act, and all of them reach the page.
    fn on_message(&self, kind: JsValue, message: Message) {
        let payload = message.payload();
        if let Some(on_message) = &self.config.on_message {
            call_page(on_message, &message);
        }
        self.bridge.handlers.fire_own("dramac:message", &message);
        if self.is_over.get() {
            return;
        }
        let name = kind.as_string().unwrap_or_default();
        let details = message::object(payload.clone());
        match &*name {
            words::OPEN => return self.open(),
            words::CLOSE => return self.close(),
            words::READY => return,
            words::RESIZE => {
                let height = details.and_then(|details| details.height().as_f64());
                let Some(height) = height.filter(|height| (0.0..100_000.0).contains(height)) else { return };
                if let Some(chrome) = self.chrome.get() {
                    chrome.resize(&self.slot, height);
                }
            }
            words::BADGE => {
                let count = details.and_then(|details| details.count().as_f64()).unwrap_or(0.0);
                if let Some(floating) = self.floating() {
                    floating.badge(count);
                }
            }
            _ => {}
        }
        let answer = self.bridge.handlers.fire(&kind, &payload);
        let id = message.id();
        if !id.is_undefined() && !self.is_over.get() {
            self.bridge.answer(id, answer);
        }
    }

    /// `handle.open()`; nothing for an inline embed.
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
        let close = self.later(Embed::close);
        self.open_listener.replace(Some(EventListener::new(&dom::document(), "keydown", move |event| {
            let event: &web_sys::KeyboardEvent = event.unchecked_ref();
            if event.key() == "Escape" && !event.default_prevented() {
                close();
            }
        })));
        self.show_state();
        self.bridge.tell(words::OPEN, &JsValue::UNDEFINED);
        self.bridge.handlers.fire_own(words::OPEN, &JsValue::UNDEFINED);
    }

    /// `handle.close()`; nothing for an inline embed.
    pub fn close(&self) {
        let Some(floating) = self.floating() else { return };
        if !floating.is_open() {
            return;
        }
        self.open_listener.take();
        floating.close();
        self.show_state();
        self.bridge.tell(words::CLOSE, &JsValue::UNDEFINED);
        self.bridge.handlers.fire_own(words::CLOSE, &JsValue::UNDEFINED);
    }

    /// `handle.toggle()`; nothing for an inline embed.
    pub fn toggle(&self) {
        if self.is_open() { self.close() } else { self.open() }
    }

    /// Says in every way that the embed did not come about, and offers to try again.
    fn fail(&self, fault: Fault) {
        self.has_failed.set(true);
        self.sight.take();
        self.drop_frame();
        if let Some(chrome) = self.chrome.get() {
            chrome.show_card(&fault, self.later(Embed::retry));
        }
        self.show_state();
        report(&self.slot, &fault, self.config.on_error.clone());
        self.bridge.handlers.fire_own("dramac:error", &fault.to_error());
    }

    /// The card's button: everything from the verdict on, once more.
    fn retry(&self) {
        self.attempt.set(self.attempt.get() + 1);
        self.has_failed.set(false);
        self.slot.set_verdict(&self.link.ask(&self.slot.config()));
        self.show_state();
        if let Some(chrome) = self.chrome.get() {
            chrome.uncover();
        }
        self.ensure_frame();
        self.try_once();
    }

    fn drop_frame(&self) {
        self.frame_listener.take();
        self.loads.reset();
        if let Some(frame) = self.slot.frame() {
            frame.remove();
            self.slot.set_frame(&JsValue::UNDEFINED);
        }
    }

    fn floating(&self) -> Option<&Floating> {
        self.chrome.get()?.floating.as_ref()
    }

    fn is_open(&self) -> bool {
        self.floating().is_some_and(Floating::is_open)
    }

    fn show_state(&self) {
        let is_open =
            self.chrome.get().and_then(|chrome| chrome.floating.as_ref()).is_some_and(|it| it.is_open());
        self.slot.handle().set_state(match () {
            _ if self.is_over.get() => "destroyed",
            _ if self.has_failed.get() => "error",
            _ if !self.is_ready.get() => "loading",
            _ if self.is_open() => "open",
            _ => "ready",
        });
    }

    /// `handle.destroy()`: leaves no listener, timer, observer, style or node behind.
    pub fn destroy(&self) {
        if self.is_over.replace(true) {
            return;
        }
        crate::forget(self.id());
        self.show_state();
        self.bridge.handlers.fire_own("dramac:destroy", &JsValue::UNDEFINED);
        self.slot.reject(&fault::gone().to_error());
        self.bridge.destroy();
        self.sight.take();
        self.open_listener.take();
        self.listeners.take();
        self.drop_frame();
        if let Some(chrome) = self.chrome.get() {
            chrome.remove();
        }
    }
}

/// Tells a fault to the console, to the handle's `ready`, and to the page's `onError`.
fn report(slot: &Slot, fault: &Fault, on_error: Option<Function>) {
    fault.log();
    let error = fault.to_error();
    slot.reject(&error);
    if let Some(on_error) = on_error {
        call_page(&on_error, &error);
    }
}

/// Calls a function of the page; what it throws is the page's own error.
fn call_page(function: &Function, argument: &JsValue) {
    if let Err(error) = function.call1(&JsValue::UNDEFINED, argument) {
        dom::report_error(&error);
    }
}

#[wasm_bindgen]
extern "C" {
    type Context;
    #[wasm_bindgen(method, setter, js_name = siteId)]
    fn set_site_id(this: &Context, value: &JsValue);
    #[wasm_bindgen(method, setter, js_name = moduleId)]
    fn set_module_id(this: &Context, value: &str);
    #[wasm_bindgen(method, setter)]
    fn set_type(this: &Context, value: &str);
    #[wasm_bindgen(method, setter)]
    fn set_theme(this: &Context, value: &str);
    #[wasm_bindgen(method, setter)]
    fn set_params(this: &Context, value: &JsValue);
    #[wasm_bindgen(method, setter)]
    fn set_locale(this: &Context, value: &JsValue);
    #[wasm_bindgen(method, setter)]
    fn set_server(this: &Context, value: &JsValue);
    #[wasm_bindgen(method, setter)]
    fn set_token(this: &Context, value: &JsValue);
    #[wasm_bindgen(method, setter, js_name = expiresIn)]
    fn set_expires_in(this: &Context, value: &JsValue);
}
