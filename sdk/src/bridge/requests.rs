//! The page's pending requests, each with a deadline.

use crate::dom;
use crate::fault::Fault;
use crate::message::Loose;
use embed_protocol::message as words;
use gloo_events::EventListener;
use gloo_timers::callback::Timeout;
use js_sys::{Function, Object, Promise};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// How long a request waits where the page does not say, in milliseconds.
const TIMEOUT: f64 = 30_000.0;

#[wasm_bindgen]
extern "C" {
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
}

struct Pending {
    id: u32,
    resolve: Function,
    reject: Function,
    action: JsValue,
    deadline: f64,
    _abort: Option<EventListener>,
}

/// The requests that wait.
#[derive(Default)]
pub struct Requests {
    waiting: RefCell<Vec<Pending>>,
    last_id: Cell<u32>,
    /// One timer for all deadlines, set while requests wait.
    timer: RefCell<Option<Timeout>>,
    timer_at: Cell<f64>,
}

impl Requests {
    /// Registers a request: `send` gets its id and sends it. Returns the promise of the answer.
    pub fn wait(
        self: &Rc<Self>,
        action: &JsValue,
        options: JsValue,
        send: impl FnOnce(u32) -> Result<(), JsValue>,
    ) -> Promise {
        let options: Option<Options> = options.is_object().then(|| options.unchecked_into());
        let timeout = options.as_ref().and_then(|options| options.timeout().as_f64()).unwrap_or(TIMEOUT);
        let signal: Option<AbortSignal> =
            options.map(|options| options.signal()).filter(JsValue::is_object).map(JsValue::unchecked_into);
        if let Some(signal) = &signal
            && signal.aborted()
        {
            return Promise::reject(&signal.unchecked_ref::<Loose>().reason());
        }
        let id = self.last_id.get().wrapping_add(1);
        self.last_id.set(id);
        let deadline = dom::now() + timeout;
        let promise = Promise::new(&mut |resolve, reject| {
            let requests = Rc::downgrade(self);
            let abort = signal.as_ref().map(|signal| {
                let reasons = signal.clone().unchecked_into::<Loose>();
                EventListener::once(signal, "abort", move |_| {
                    if let Some(requests) = requests.upgrade() {
                        requests.reject(id, &reasons.reason());
                    }
                })
            });
            let action = action.clone();
            self.waiting.borrow_mut().push(Pending { id, resolve, reject, action, deadline, _abort: abort });
        });
        if let Err(error) = send(id) {
            self.reject(id, &error);
        }
        self.watch(deadline);
        promise
    }

    /// Settles a request with its answer; ignored if the request is no longer pending.
    pub fn resolve(&self, id: u32, result: &JsValue) {
        if let Some(pending) = self.settle(id) {
            let _ = pending.resolve.call1(&JsValue::UNDEFINED, result);
        }
    }

    /// Rejects a request.
    pub fn reject(&self, id: u32, error: &JsValue) {
        if let Some(pending) = self.settle(id) {
            let _ = pending.reject.call1(&JsValue::UNDEFINED, error);
        }
    }

    /// Rejects all pending requests.
    pub fn reject_all(&self, error: &JsValue) {
        self.timer.take();
        for pending in self.waiting.take() {
            let _ = pending.reject.call1(&JsValue::UNDEFINED, error);
        }
    }

    fn settle(&self, id: u32) -> Option<Pending> {
        let mut waiting = self.waiting.borrow_mut();
        let at = waiting.iter().position(|pending| pending.id == id)?;
        Some(waiting.swap_remove(at))
    }

    /// Sets the timer, unless it is set for something sooner.
    fn watch(self: &Rc<Self>, deadline: f64) {
        let is_set = self.timer.borrow().is_some();
        if is_set && self.timer_at.get() <= deadline {
            return;
        }
        self.timer_at.set(deadline);
        let requests = Rc::downgrade(self);
        let wait = (deadline - dom::now()).clamp(0.0, f64::from(i32::MAX - 1)) as u32 + 1;
        let expire = move || {
            if let Some(requests) = requests.upgrade() {
                requests.timer.take();
                requests.expire();
            }
        };
        let timer = dom::after(wait, Box::new(expire));
        self.timer.replace(Some(timer));
    }

    fn expire(self: &Rc<Self>) {
        let now = dom::now();
        let late: Vec<(u32, JsValue)> = self
            .waiting
            .borrow()
            .iter()
            .filter(|pending| pending.deadline <= now)
            .map(|pending| (pending.id, pending.action.clone()))
            .collect();
        for (id, action) in late {
            let text = ["The module did not answer “", &dom::text(&action), "” in time."];
            self.reject(id, &Fault::new(words::TIMEOUT, &text).to_error());
        }
        let next = self.waiting.borrow().iter().map(|pending| pending.deadline).fold(f64::INFINITY, f64::min);
        if next.is_finite() {
            self.watch(next);
        }
    }
}
