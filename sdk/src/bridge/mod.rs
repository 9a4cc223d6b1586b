//! The bridge to the module in the frame.
//!
//! A module with `module.js` sends one window message with a port and the frame's nonce, from the frame's own window and exact
//! origin; from then on both sides use that port only. A module without `module.js` can use window messages, with the same checks
//! of window and origin. All other messages are ignored.

mod flood;
mod requests;

use crate::dom;
use crate::fault::{self, Fault};
use crate::handlers::Handlers;
use crate::message::{self, Incoming, Loose, Message, Received};
use embed_protocol::message as words;
use flood::Meter;
use gloo_events::EventListener;
use js_sys::{Array, JsString, Object, Promise};
use requests::Requests;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::MessagePort;

#[wasm_bindgen]
extern "C" {
    /// The frame's window.
    #[derive(Clone)]
    pub type Target;
    #[wasm_bindgen(method, catch, js_name = postMessage)]
    fn post(this: &Target, message: &JsValue, origin: &JsValue) -> Result<(), JsValue>;

    #[wasm_bindgen(js_namespace = Promise, js_name = allSettled)]
    fn all_settled(promises: &Array) -> Promise;
}

thread_local! {
    /// [`words::PREFIX`] as JavaScript has it: decoding it for each request costs as much as everything else here.
    static PREFIX: JsString = words::PREFIX.into();
}

/// The channel for messages.
enum Channel {
    /// Nothing yet: messages wait.
    Closed,
    /// The port that the handshake transferred.
    Port { port: MessagePort, _listener: EventListener },
    /// Window messages, for a module without `module.js`.
    Window { target: Target, origin: JsValue },
}

/// The page's end of the bridge.
pub struct Bridge {
    pub handlers: Handlers,
    /// The name of the one request that is not the page's to answer; here, so that it need not come into memory.
    pub renew: JsValue,
    channel: RefCell<Channel>,
    /// Whether the module has its context, so that messages may flow.
    open: Cell<bool>,
    queue: RefCell<Vec<Message>>,
    requests: Rc<Requests>,
    meter: Meter,
    /// Counts the loads of the frame, so that a late answer does not reach another document.
    conversation: Cell<u32>,
}

impl Bridge {
    pub fn new() -> Rc<Self> {
        Rc::new(Bridge {
            handlers: Handlers::default(),
            renew: words::RENEW.into(),
            channel: RefCell::new(Channel::Closed),
            open: Cell::new(false),
            queue: RefCell::default(),
            requests: Rc::default(),
            meter: Meter::default(),
            conversation: Cell::new(0),
        })
    }

    /// Whether the module has sent its handshake.
    pub fn is_connected(&self) -> bool {
        !matches!(*self.channel.borrow(), Channel::Closed)
    }

    /// Whether a port is used, so that window messages are ignored.
    pub fn has_port(&self) -> bool {
        matches!(*self.channel.borrow(), Channel::Port { .. })
    }

    /// Takes the port of a handshake and its listener.
    pub fn connect_port(&self, port: MessagePort, listener: EventListener) {
        port.start();
        *self.channel.borrow_mut() = Channel::Port { port, _listener: listener };
    }

    /// Talks by window messages to exactly this origin.
    pub fn connect_window(&self, target: JsValue, origin: JsValue) {
        *self.channel.borrow_mut() = Channel::Window { target: target.unchecked_into(), origin };
    }

    /// Sends the module its context and all queued messages.
    pub fn open(&self, context: &JsValue) {
        if self.has_port() {
            let _ = self.post(&message::new(&words::CONTEXT.into(), context));
        }
        self.open.set(true);
        for message in self.queue.take() {
            let _ = self.post(&message);
        }
    }

    /// Closes the channel to this load of the frame, and rejects pending requests.
    pub fn disconnect(&self, fault: &Fault) {
        self.open.set(false);
        if let Channel::Port { port, .. } = self.channel.replace(Channel::Closed) {
            port.close();
        }
        self.conversation.set(self.conversation.get() + 1);
        // Queued messages that are no requests are sent to the next document.
        self.queue.borrow_mut().retain(|message| message.id().is_undefined());
        self.requests.reject_all(&fault.to_error());
    }

    fn post(&self, message: &Message) -> Result<(), JsValue> {
        // Cloning a payload may run the page's getters, so nothing is borrowed while it is posted.
        let (port, window) = match &*self.channel.borrow() {
            Channel::Closed => (None, None),
            Channel::Port { port, .. } => (Some(port.clone()), None),
            Channel::Window { target, origin } => (None, Some((target.clone(), origin.clone()))),
        };
        match (port, window) {
            (Some(port), _) => port.post_message(message),
            (_, Some((target, origin))) => target.post(message, &origin),
            _ => Ok(()),
        }
    }

    /// Queued payloads are cloned at once, as when posting, so that later changes by the page are not sent.
    fn post_or_wait(&self, message: Message) -> Result<(), JsValue> {
        if self.open.get() {
            return self.post(&message);
        }
        message.set_payload(&dom::clone_of(&message.payload())?);
        self.queue.borrow_mut().push(message);
        Ok(())
    }

    /// `handle.send(action, data)`. A payload that cannot be cloned throws the browser's `DataCloneError`.
    pub fn send(&self, action: JsValue, data: JsValue) -> Result<(), JsValue> {
        self.post_or_wait(message::new(&prefixed(&action), &data))
    }

    /// Sends one of the SDK's own messages, if there is a channel.
    pub fn tell(&self, kind: &str, payload: &JsValue) {
        if self.open.get() {
            let _ = self.post(&message::new(&kind.into(), payload));
        }
    }

    /// `handle.request(action, data, {timeout, signal})`.
    pub fn request(&self, action: &JsValue, data: &JsValue, options: JsValue) -> Promise {
        self.requests.wait(action, options, |id| {
            let message = message::new(&prefixed(action), data);
            message.set_id(&id.into());
            self.post_or_wait(message)
        })
    }

    /// Handles a message from the module: answers settle their request; others are returned to the embed.
    pub fn receive(&self, event: &Received) -> Option<(JsValue, Message)> {
        match message::read(event.data())? {
            Incoming::Answer { id, message } => {
                let id = id as u32;
                match message::object(message.error()) {
                    Some(error) => {
                        let detail = message::brief(&error.message()).unwrap_or_default();
                        let code = message::brief(&error.code()).unwrap_or_default();
                        self.requests.reject(id, &Fault { code, detail }.to_error());
                    }
                    None => self.requests.resolve(id, &message.result()),
                }
                None
            }
            Incoming::Told { kind, message } => {
                let is_request = !message.id().is_undefined();
                (!self.meter.is_flooded(is_request, event.time_stamp())).then_some((kind, message))
            }
        }
    }

    /// Answers a module's request with what a handler returned, now or when its promise settles.
    pub fn answer(self: &Rc<Self>, id: JsValue, answer: Option<Result<JsValue, JsValue>>) {
        match answer {
            Some(Ok(result)) if message::is_promise(&result) => {
                let (bridge, asked_in) = (Rc::clone(self), self.conversation.get());
                let settled = dom::once(Box::new(move |outcomes| {
                    if bridge.conversation.get() != asked_in {
                        return;
                    }
                    let outcome: Loose = outcomes.unchecked_into::<Array>().get(0).unchecked_into();
                    let is_kept = outcome.status() == *"fulfilled";
                    bridge
                        .post_answer(&id, if is_kept { Ok(outcome.value()) } else { Err(outcome.reason()) });
                }));
                dom::then(&all_settled(&Array::of1(&result)), &settled);
            }
            Some(answer) => self.post_answer(&id, answer),
            None => {
                let text = "The page does not answer this request: it has no handler of that name.";
                self.post_answer(&id, Err(Fault::new(words::NO_HANDLER, &[text]).to_error()));
            }
        }
    }

    fn post_answer(&self, id: &JsValue, answer: Result<JsValue, JsValue>) {
        let message: Message = Object::new().unchecked_into();
        message.set_id(id);
        match answer {
            Ok(result) => message.set_result(&result),
            Err(error) => message.set_error(&portable(&error)),
        }
        if self.post(&message).is_err() {
            let fault = Fault::new("failed", &["The page's answer cannot be cloned."]);
            message.set_result(&JsValue::UNDEFINED);
            message.set_error(&portable(&fault.to_error()));
            let _ = self.post(&message);
        }
    }

    /// Closes the bridge and rejects pending requests.
    pub fn destroy(&self) {
        self.disconnect(&fault::gone());
        self.handlers.clear();
    }
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(extends = JsString)]
    type Text;
    #[wasm_bindgen(method, js_name = startsWith)]
    fn starts_with(this: &Text, beginning: &JsString) -> bool;
    #[wasm_bindgen(extends = Object)]
    type Portable;
    #[wasm_bindgen(method, setter)]
    fn set_code(this: &Portable, code: &JsValue);
    #[wasm_bindgen(method, setter)]
    fn set_message(this: &Portable, message: &JsValue);
}

/// `dramac:` and the action's name, concatenated by JavaScript so that the text is not copied into memory.
fn prefixed(action: &JsValue) -> JsValue {
    PREFIX.with(|prefix| prefix.concat(action).into())
}

/// Whether a message's type is one of our own names. Compared by JavaScript, for the same reason.
pub fn is_ours(kind: &JsValue) -> bool {
    PREFIX.with(|prefix| kind.unchecked_ref::<Text>().starts_with(prefix))
}

/// `{code, message}` of an error or of whatever else was thrown.
fn portable(thrown: &JsValue) -> JsValue {
    let (code, text) = match message::object(thrown.clone()) {
        Some(error) => (error.code(), error.message()),
        None => (JsValue::UNDEFINED, dom::text(thrown).into()),
    };
    let portable: Portable = Object::new().unchecked_into();
    portable.set_code(&if code.is_string() { code } else { "failed".into() });
    portable.set_message(&text);
    portable.into()
}
