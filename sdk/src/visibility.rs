//! When to load a frame: as soon as its container is near the viewport, or as soon as the page is idle.

use crate::dom;
use gloo_timers::callback::Timeout;
use wasm_bindgen::prelude::*;
use web_sys::{Element, IntersectionObserver, IntersectionObserverInit};

/// How long to wait for an idle page without idle callbacks, in milliseconds.
const BUSY: u32 = 2000;

/// Watches until an element comes near the viewport; dropping it ends the watch.
pub struct Sight {
    observer: IntersectionObserver,
    _seen: Closure<dyn FnMut(js_sys::Array)>,
}

impl Sight {
    /// Calls `near` when `element` is within 200 px of the viewport.
    pub fn new(element: &Element, near: impl Fn() + 'static) -> Option<Self> {
        let seen = Closure::<dyn FnMut(js_sys::Array)>::new(move |entries: js_sys::Array| {
            let is_near = entries
                .iter()
                .any(|entry| entry.unchecked_into::<web_sys::IntersectionObserverEntry>().is_intersecting());
            if is_near {
                near();
            }
        });
        let options = IntersectionObserverInit::new();
        options.set_root_margin("200px");
        let observer =
            IntersectionObserver::new_with_options(seen.as_ref().unchecked_ref(), &options).ok()?;
        observer.observe(element);
        Some(Sight { observer, _seen: seen })
    }
}

impl Drop for Sight {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}

/// Waits until the page is idle; dropping it ends the wait.
pub enum Idle {
    /// The id of an idle callback.
    Asked(u32),
    /// A timer, since Safari has no idle callbacks.
    After { _timer: Timeout },
}

impl Idle {
    /// Calls what `act` makes when the page is idle.
    pub fn new(act: &dyn Fn() -> Box<dyn FnOnce()>) -> Self {
        let first = act();
        match dom::request_idle(&dom::once(Box::new(move |_| first()))) {
            Ok(id) => Idle::Asked(id),
            Err(_) => Idle::After { _timer: dom::after(BUSY, act()) },
        }
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        if let Idle::Asked(id) = self {
            let _ = dom::cancel_idle(*id);
        }
    }
}
