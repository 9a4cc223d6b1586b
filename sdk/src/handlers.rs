//! The page's handlers for an embed's events.
//!
//! They are in a list, not in an object, so that an event can be called `__proto__`.

use crate::dom;
use crate::fault::Fault;
use js_sys::Function;
use std::cell::RefCell;
use wasm_bindgen::prelude::*;

struct Handler {
    event: JsValue,
    function: Function,
    once: bool,
    is_for_messages: bool,
}

/// The event that fires for every message.
pub const MESSAGE: &str = "dramac:message";

/// The handlers of one embed.
#[derive(Default)]
pub struct Handlers(RefCell<Vec<Handler>>);

/// The message type of an event: a built-in name maps to the SDK's message of that name.
fn message_type(event: &JsValue) -> JsValue {
    match event.as_string().as_deref() {
        Some(name @ ("ready" | "open" | "close" | "resize" | "message" | "error" | "destroy")) => {
            dom::joined(&[embed_protocol::message::PREFIX, name]).into()
        }
        _ => event.clone(),
    }
}

impl Handlers {
    /// `handle.on(event, function)` and, with `once`, `handle.once(…)`.
    pub fn add(&self, event: JsValue, function: JsValue, once: bool) -> Result<(), JsValue> {
        if !event.is_string() || !function.is_function() {
            let text = ["on() and once() take the name of an event and a function."];
            return Err(Fault::new("invalid_option", &text).to_error());
        }
        let event = message_type(&event);
        let is_for_messages = event == *MESSAGE;
        let handler = Handler { event, function: function.unchecked_into(), once, is_for_messages };
        self.0.borrow_mut().push(handler);
        Ok(())
    }

    /// `handle.off(event, function)`; without a function, every handler of the event goes.
    pub fn remove(&self, event: &JsValue, function: &JsValue) {
        let event = message_type(event);
        self.0.borrow_mut().retain(|handler| {
            handler.event != event || !(function.is_undefined() || **handler.function == *function)
        });
    }

    /// Whether there is a handler for every message.
    pub fn hear_messages(&self) -> bool {
        self.0.borrow().iter().any(|handler| handler.is_for_messages)
    }

    /// Removes all handlers.
    pub fn clear(&self) {
        self.0.borrow_mut().clear();
    }

    /// Calls the handlers of `event`. The first value that a handler returns is the answer to a request with this name; `None`
    /// means that there is no handler. An error of a handler is reported as the page's own error.
    pub fn fire(&self, event: &JsValue, payload: &JsValue) -> Option<Result<JsValue, JsValue>> {
        let mut called: Vec<Function> = Vec::new();
        self.0.borrow_mut().retain(|handler| {
            let mine = handler.event == *event;
            if mine {
                called.push(handler.function.clone());
            }
            !(mine && handler.once)
        });
        let mut answer = None;
        for function in called {
            let result = function.call1(&JsValue::UNDEFINED, payload);
            if let Err(error) = &result {
                dom::report_error(error);
            }
            answer = match answer {
                None => Some(result),
                Some(Ok(value)) if JsValue::is_undefined(&value) => Some(result),
                kept => kept,
            };
        }
        answer
    }
}
