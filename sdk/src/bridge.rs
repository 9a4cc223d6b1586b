//! The conversation with the module inside the frame.
//!
//! A module with `module.js` opens it with one window message that carries a port, the frame's nonce, and comes from
//! the frame's own window and exact origin; from then on both sides talk on that port only. A module without it may
//! use window messages, under the same checks of window and origin. Everything else that arrives is ignored.

use crate::dom;
use crate::fault::{self, Fault};
use crate::handlers::Handlers;
use crate::message::{self, Incoming, Loose, Message, Received};
use embed_protocol::message as words;
use gloo_events::EventListener;
use gloo_timers::callback::Timeout;
use js_sys::{Array, Function, JsString, Object, Promise};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::MessagePort;

/// How many messages a module may send in a second that ask for nothing: far more than any page can use, and less than it
/// takes to keep one busy. The rest of that second is dropped.
const TOLD: u32 = 10_000;
/// How many of its requests are answered in a second: more than can be asked one after the other (`docs/benchmarks.md`).
const ASKED: u32 = 50_000;
/// How long a request waits for its answer where the page does not say, in milliseconds.
const TIMEOUT: u32 = 30_000;

#[wasm_bindgen]
extern "C" {
    /// The frame's window.
    #[derive(Clone)]
    pub type Target;
    #[wasm_bindgen(method, catch, js_name = postMessage)]
    fn post(this: &Target, message: &JsValue, origin: &JsValue) -> Result<(), JsValue>;

    /// The options of `request`.
    #[wasm_bindgen(extends = Object)]
    type Options;
    #[wasm_bindgen(method, getter)]
    fn timeout(this: &Options) -> JsValue;
    #[wasm_bindgen(method, getter)]
    fn signal(this: &Options) -> JsValue;

    #[derive(Clone)]
    #[wasm_bindgen(extends = web_sys::EventTarget)]
    type AbortSignal;
    #[wasm_bindgen(method, getter)]
    fn aborted(this: &AbortSignal) -> bool;

    #[wasm_bindgen(js_namespace = Promise, js_name = allSettled)]
    fn all_settled(promises: &Array) -> Promise;
}

thread_local! {
    /// [`words::PREFIX`] as JavaScript has it: decoding it for each request costs as much as everything else here.
    static PREFIX: JsString = words::PREFIX.into();
}

/// What messages travel on.
enum Channel {
    /// Nothing yet: messages wait.
    Closed,
    /// The port that the handshake transferred.
    Port { port: MessagePort, _listener: EventListener },
    /// Window messages, for a module without `module.js`.
    Window { target: Target, origin: JsValue },
}

/// A request that waits for its answer.
struct Pending {
    id: u32,
    resolve: Function,
    reject: Function,
    action: JsValue,
    deadline: f64,
    _abort: Option<EventListener>,
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
    pending: RefCell<Vec<Pending>>,
    last_id: Cell<u32>,
    /// One timer for all deadlines, set while requests wait.
    timer: RefCell<Option<Timeout>>,
    timer_at: Cell<f64>,
    second: Cell<f64>,
    told: Cell<u32>,
    asked: Cell<u32>,
}

impl Bridge {
    pub fn new() -> Rc<Self> {
        Rc::new(Bridge {
            handlers: Handlers::default(),
            renew: words::RENEW.into(),
            channel: RefCell::new(Channel::Closed),
            open: Cell::new(false),
            queue: RefCell::default(),
            pending: RefCell::default(),
            last_id: Cell::new(0),
            timer: RefCell::new(None),
            timer_at: Cell::new(0.0),
            second: Cell::new(0.0),
            told: Cell::new(0),
            asked: Cell::new(0),
        })
    }

    /// Whether the module has shown up.
    pub fn is_connected(&self) -> bool {
        !matches!(*self.channel.borrow(), Channel::Closed)
    }

    /// Whether the conversation goes over a port, so that window messages no longer count.
    pub fn has_port(&self) -> bool {
        matches!(*self.channel.borrow(), Channel::Port { .. })
    }

    /// Takes the port of a handshake; `receive` is called for each of its events.
    pub fn connect_port(&self, port: MessagePort, receive: impl FnMut(&web_sys::Event) + 'static) {
        let listener = EventListener::new(&port, "message", receive);
        port.start();
        *self.channel.borrow_mut() = Channel::Port { port, _listener: listener };
    }

    /// Talks by window messages to exactly this origin.
    pub fn connect_window(&self, target: JsValue, origin: JsValue) {
        *self.channel.borrow_mut() = Channel::Window { target: target.unchecked_into(), origin };
    }

    /// Tells the module its context, and lets flow what has waited.
    pub fn open(&self, context: &JsValue) {
        if self.has_port() {
            let _ = self.post(&message::new(&words::CONTEXT.into(), context));
        }
        self.open.set(true);
        for message in self.queue.take() {
            let _ = self.post(&message);
        }
    }

    /// Ends the conversation with this load of the frame: whatever waits for an answer is rejected.
    pub fn disconnect(&self, fault: &Fault) {
        self.open.set(false);
        if let Channel::Port { port, .. } = self.channel.replace(Channel::Closed) {
            port.close();
        }
        self.queue.take();
        self.timer.take();
        let error = fault.to_error();
        for pending in self.pending.take() {
            let _ = pending.reject.call1(&JsValue::UNDEFINED, &error);
        }
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

    fn post_or_wait(&self, message: Message) -> Result<(), JsValue> {
        if self.open.get() {
            return self.post(&message);
        }
        self.queue.borrow_mut().push(message);
        Ok(())
    }

    /// `handle.send(action, data)`. A payload that cannot be cloned throws the browser's `DataCloneError`.
    pub fn send(&self, action: JsValue, data: JsValue) -> Result<(), JsValue> {
        self.post_or_wait(message::new(&prefixed(&action), &data))
    }

    /// Sends one of the SDK's own messages, where there is somebody to hear it.
    pub fn tell(&self, kind: &str, payload: &JsValue) {
        if self.open.get() {
            let _ = self.post(&message::new(&kind.into(), payload));
        }
    }

    /// `handle.request(action, data, {timeout, signal})`.
    pub fn request(self: &Rc<Self>, action: JsValue, data: JsValue, options: JsValue) -> Promise {
        let id = self.last_id.get().wrapping_add(1);
        self.last_id.set(id);
        let options: Option<Options> = options.is_object().then(|| options.unchecked_into());
        let timeout =
            options.as_ref().and_then(|options| options.timeout().as_f64()).unwrap_or(f64::from(TIMEOUT));
        let signal: Option<AbortSignal> =
            options.map(|options| options.signal()).filter(JsValue::is_object).map(JsValue::unchecked_into);
        if let Some(signal) = &signal
            && signal.aborted()
        {
            return Promise::reject(&signal.unchecked_ref::<Loose>().reason());
        }
        let message = message::new(&prefixed(&action), &data);
        message.set_id(&id.into());
        let deadline = dom::now() + timeout;
        let promise = Promise::new(&mut |resolve, reject| {
            let bridge = Rc::downgrade(self);
            let abort = signal.as_ref().map(|signal| {
                let reasons = signal.clone().unchecked_into::<Loose>();
                EventListener::once(signal, "abort", move |_| {
                    if let Some(pending) = bridge.upgrade().and_then(|bridge| bridge.settle(id)) {
                        let _ = pending.reject.call1(&JsValue::UNDEFINED, &reasons.reason());
                    }
                })
            });
            let action = action.clone();
            self.pending.borrow_mut().push(Pending { id, resolve, reject, action, deadline, _abort: abort });
        });
        if let Err(error) = self.post_or_wait(message)
            && let Some(pending) = self.settle(id)
        {
            let _ = pending.reject.call1(&JsValue::UNDEFINED, &error);
        }
        self.watch_deadline(deadline);
        promise
    }

    fn settle(&self, id: u32) -> Option<Pending> {
        let mut pending = self.pending.borrow_mut();
        let at = pending.iter().position(|pending| pending.id == id)?;
        Some(pending.swap_remove(at))
    }

    /// Sets the timer, unless it is set for something sooner.
    fn watch_deadline(self: &Rc<Self>, deadline: f64) {
        let is_set = self.timer.borrow().is_some();
        if is_set && self.timer_at.get() <= deadline {
            return;
        }
        self.timer_at.set(deadline);
        let bridge = Rc::downgrade(self);
        let wait = (deadline - dom::now()).clamp(0.0, f64::from(i32::MAX - 1)) as u32 + 1;
        let expire = move || {
            if let Some(bridge) = bridge.upgrade() {
                bridge.timer.take();
                bridge.expire();
            }
        };
        let timer = dom::after(wait, Box::new(expire));
        self.timer.replace(Some(timer));
    }

    fn expire(self: &Rc<Self>) {
        let now = dom::now();
        let late: Vec<u32> = self
            .pending
            .borrow()
            .iter()
            .filter(|pending| pending.deadline <= now)
            .map(|pending| pending.id)
            .collect();
        for pending in late.into_iter().filter_map(|id| self.settle(id)) {
            let action = dom::text(&pending.action);
            let fault = Fault::new(words::TIMEOUT, &["The module did not answer “", &action, "” in time."]);
            let _ = pending.reject.call1(&JsValue::UNDEFINED, &fault.to_error());
        }
        let next = self.pending.borrow().iter().map(|pending| pending.deadline).fold(f64::INFINITY, f64::min);
        if next.is_finite() {
            self.watch_deadline(next);
        }
    }

    /// Sorts out a message from the module: answers settle their request; the rest is for the embed.
    pub fn receive(&self, event: &Received) -> Option<(JsValue, Message)> {
        match message::read(event.data())? {
            Incoming::Answer { id, message } => {
                let pending = self.settle(id as u32)?;
                let error = message::object(message.error());
                let _ = match error {
                    Some(error) => {
                        let detail = message::brief(&error.message()).unwrap_or_default();
                        let code = message::brief(&error.code()).unwrap_or_default();
                        let fault = Fault { code, detail };
                        pending.reject.call1(&JsValue::UNDEFINED, &fault.to_error())
                    }
                    None => pending.resolve.call1(&JsValue::UNDEFINED, &message.result()),
                };
                None
            }
            Incoming::Told { kind, message } => {
                let is_request = !message.id().is_undefined();
                (!self.is_flooded(is_request, event.time_stamp())).then_some((kind, message))
            }
        }
    }

    fn is_flooded(&self, is_request: bool, now: f64) -> bool {
        if now - self.second.get() > 1000.0 {
            self.second.set(now);
            self.told.set(0);
            self.asked.set(0);
        }
        let (count, limit, text) = if is_request {
            (
                &self.asked,
                ASKED,
                "[Dramac] The module sends over 50000 requests a second: the rest is dropped.",
            )
        } else {
            (&self.told, TOLD, "[Dramac] The module sends over 10000 messages a second: the rest is dropped.")
        };
        count.set(count.get() + 1);
        if count.get() == limit {
            dom::log_error(text);
        }
        count.get() >= limit
    }

    /// Answers a module's request with what a handler returned, now or when its promise settles.
    pub fn answer(self: &Rc<Self>, id: JsValue, answer: Option<Result<JsValue, JsValue>>) {
        match answer {
            Some(Ok(result)) if message::is_promise(&result) => {
                let bridge = Rc::clone(self);
                let settled = dom::once(Box::new(move |outcomes| {
                    let outcome: Loose = outcomes.unchecked_into::<Array>().get(0).unchecked_into();
                    let is_kept = outcome.status() == *"fulfilled";
                    bridge
                        .post_answer(&id, if is_kept { Ok(outcome.value()) } else { Err(outcome.reason()) });
                }));
                then(&all_settled(&Array::of1(&result)), &settled);
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

    /// The end: nothing that was asked or listened to remains.
    pub fn destroy(&self) {
        self.disconnect(&fault::gone());
        self.handlers.clear();
    }
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(extends = Promise)]
    type Thenable;
    #[wasm_bindgen(method)]
    fn then(this: &Thenable, settled: &Function);
    #[wasm_bindgen(extends = Object)]
    type Portable;
    #[wasm_bindgen(method, setter)]
    fn set_code(this: &Portable, code: &JsValue);
    #[wasm_bindgen(method, setter)]
    fn set_message(this: &Portable, message: &JsValue);
}

/// Calls `settled` when the promise resolves.
pub fn then(promise: &Promise, settled: &Function) {
    promise.unchecked_ref::<Thenable>().then(settled);
}

/// `dramac:` and the action's name, put together by JavaScript so that the text never crosses.
fn prefixed(action: &JsValue) -> JsValue {
    PREFIX.with(|prefix| prefix.concat(action).into())
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
