//! Handles the messages of an embed's frame.

use super::{Embed, call_page};
use crate::bridge;
use crate::dom;
use crate::fault::Fault;
use crate::frame::Load;
use crate::handlers::MESSAGE;
use crate::link::Verdict;
use crate::message::{self, Loose, Message, Received};
use crate::translations;
use embed_protocol::message as words;
use js_sys::{Object, Promise};
use wasm_bindgen::prelude::*;
use web_sys::MessagePort;

impl Embed {
    /// A message that some window sent to this page. Only messages of the frame's own window at the module's own origin are accepted.
    pub(super) fn on_window_message(&self, event: &Received) {
        let Some(target) = self.slot.frame().and_then(|frame| frame.content_window()) else { return };
        let target: JsValue = target.into();
        let origin = self.slot.origin();
        let is_sandboxed = origin == *"";
        let is_from_there = if is_sandboxed { event.origin() == *"null" } else { event.origin() == origin };
        if event.source() != target || !is_from_there {
            return;
        }
        if let Some((port, nonce)) = message::handshake(event) {
            if nonce == self.slot.nonce()
                && let Some(port) = self.loads.admit(port)
            {
                self.connect(port);
            }
        } else if !self.bridge.has_port() && !is_sandboxed {
            let Some((kind, message)) = self.bridge.receive(event) else { return };
            if kind == *words::READY {
                self.disconnect();
                self.loads.expect();
                self.bridge.connect_window(target, origin);
                self.show_frame();
                self.get_ready();
            } else if self.bridge.is_connected() {
                self.on_message(kind, message);
            }
        }
    }

    fn connect(&self, port: MessagePort) {
        let listener = self.on(&port, "message", |embed, event| {
            if let Some((kind, message)) = embed.bridge.receive(event.unchecked_ref()) {
                embed.on_message(kind, message);
            }
        });
        self.bridge.connect_port(port, listener);
        self.show_frame();
        self.get_ready();
    }

    /// The frame has loaded a document: the one that shook hands, or another.
    pub(super) fn on_load(&self) {
        match self.loads.loaded() {
            Load::Known => {}
            Load::New(port) => {
                self.disconnect();
                self.connect(port);
            }
            // With a port, the document itself says that it goes.
            Load::Unknown if !self.bridge.has_port() => self.gone(),
            Load::Unknown => {}
        }
    }

    /// The document that has shaken hands is gone; another may have shaken hands already.
    fn gone(&self) {
        let next = self.loads.gone();
        self.disconnect();
        if let Some(port) = next {
            self.connect(port);
        }
    }

    /// Closes the channel to a document that is gone.
    fn disconnect(&self) {
        if self.bridge.is_connected() {
            let text = "The module's page was loaded anew before it answered.";
            self.bridge.disconnect(&Fault::new(words::DISCONNECTED, &[text]));
            self.is_ready.set(false);
            self.show_state();
        }
    }

    pub(super) fn show_frame(&self) {
        if let Some(frame) = self.slot.frame() {
            dom::style(&frame, "visibility", "");
        }
        if let Some(chrome) = self.chrome.get() {
            chrome.uncover();
        }
        if self.had_focus.take()
            && dom::focus_is_nowhere()
            && let Some(frame) = self.slot.frame()
        {
            let _ = frame.focus();
        }
    }

    /// With verdict and handshake both there, the module gets its context and the page its `ready`.
    pub(super) fn get_ready(&self) {
        let Some(verdict) = self.verdict.borrow().clone() else { return };
        if self.is_ready.get() || !self.bridge.is_connected() {
            return;
        }
        self.is_ready.set(true);
        self.bridge.open(&self.context(&verdict));
        if !self.bridge.has_port() {
            // Its URL says which theme there was when the frame was made.
            self.tell_theme();
        }
        if self.is_open() {
            self.focus_frame();
            self.bridge.tell(words::OPEN, &JsValue::UNDEFINED);
        }
        self.show_state();
        self.slot.resolve(&JsValue::UNDEFINED);
        if let Some(on_ready) = self.config().options.function("onReady") {
            call_page(&on_ready, &JsValue::UNDEFINED);
        }
        self.fire_own(words::READY, &JsValue::UNDEFINED);
    }

    /// The module's context: `embed_protocol::message::CONTEXT`.
    fn context(&self, verdict: &Verdict) -> JsValue {
        let config = self.config();
        let context: Context = Object::new().unchecked_into();
        context.set_site_id(&config.options.get("siteId"));
        context.set_module_id(&config.options.get("moduleId"));
        context.set_type(config.embed_type.as_str());
        context.set_theme(config.theme.as_str());
        self.contexts.set(self.contexts.get() + 1);
        context.set_params(&self.params());
        let locale = config.options.text("locale");
        context.set_dir(locale.as_deref().map(translations::direction));
        context.set_locale(locale.as_deref());
        context.set_server(&self.link.server());
        context.set_token(&verdict.token());
        context.set_expires_in(&verdict.expires_in());
        context.into()
    }

    /// Handles an event or request of the module: reserved names are handled here, all others are passed to the page.
    fn on_message(&self, kind: JsValue, message: Message) {
        let (payload, id) = (message.payload(), message.id());
        let is_request = !id.is_undefined();
        if kind == self.bridge.renew {
            if is_request {
                self.bridge.answer(id, Some(Ok(self.renewed().into())));
            }
            return;
        }
        if let Some(on_message) = &self.config().on_message {
            call_page(on_message, &message);
        }
        // Looking for a handler costs less than calling none for every message of a busy module.
        if self.element().is_some() || self.bridge.handlers.hear_messages() {
            self.fire_own(MESSAGE, &message);
        }
        if self.is_over.get() {
            return;
        }
        let answer = match (bridge::is_ours(&kind), is_request) {
            (false, _) => self.fire(&kind, &payload),
            // Nothing else of ours is a request.
            (true, true) => None,
            (true, false) => return self.obey(&dom::text(&kind), payload),
        };
        if is_request && !self.is_over.get() {
            self.bridge.answer(id, answer);
        }
    }

    /// Handles one of the reserved messages. Only verified facts are passed to the page.
    fn obey(&self, name: &str, payload: JsValue) {
        let details = message::object(payload.clone());
        let number = |get: fn(&Loose) -> JsValue| details.as_ref().and_then(|details| get(details).as_f64());
        match name {
            words::OPEN => self.open(),
            words::CLOSE => self.close(),
            words::GONE => self.gone(),
            words::RESIZE => {
                let height = number(Loose::height).filter(|height| (0.0..100_000.0).contains(height));
                let (Some(height), Some(chrome)) = (height, self.chrome.get()) else { return };
                chrome.resize(&self.slot, height);
                self.fire_own(words::RESIZE, &payload);
            }
            words::BADGE => {
                let Some(count) = number(Loose::count).filter(|count| *count >= 0.0) else { return };
                if let Some(launcher) = self.floating().and_then(|floating| floating.launcher.as_ref()) {
                    launcher.badge(count, self.words());
                }
                self.fire_own(words::BADGE, &payload);
            }
            _ => {}
        }
    }

    /// Requests a verdict with a new token. At most one request is pending, however often the module asks.
    fn renewed(&self) -> Promise {
        if let Some(renewal) = &*self.renewal.borrow() {
            return renewal.clone();
        }
        let renewal = self.link.ask(&self.slot.config());
        self.renewal.replace(Some(renewal.clone()));
        let forget = self.later(|embed| drop(embed.renewal.take()));
        dom::then(&renewal, &dom::once(Box::new(move |_| forget())));
        renewal
    }
}

#[wasm_bindgen]
extern "C" {
    type Context;
    #[wasm_bindgen(method, setter, js_name = siteId)]
    fn set_site_id(this: &Context, value: &JsValue);
    #[wasm_bindgen(method, setter, js_name = moduleId)]
    fn set_module_id(this: &Context, value: &JsValue);
    #[wasm_bindgen(method, setter)]
    fn set_type(this: &Context, value: &str);
    #[wasm_bindgen(method, setter)]
    fn set_theme(this: &Context, value: &str);
    #[wasm_bindgen(method, setter)]
    fn set_params(this: &Context, value: &JsValue);
    #[wasm_bindgen(method, setter)]
    fn set_locale(this: &Context, value: Option<&str>);
    #[wasm_bindgen(method, setter)]
    fn set_dir(this: &Context, value: Option<&str>);
    #[wasm_bindgen(method, setter)]
    fn set_server(this: &Context, value: &JsValue);
    #[wasm_bindgen(method, setter)]
    fn set_token(this: &Context, value: &JsValue);
    #[wasm_bindgen(method, setter, js_name = expiresIn)]
    fn set_expires_in(this: &Context, value: &JsValue);
}
