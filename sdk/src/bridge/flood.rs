//! How much a module may say in a second.

use crate::dom;
use std::cell::Cell;

/// How many messages that ask for nothing are heard: far more than any page can use, and less than it takes to keep one
/// busy. The rest of that second is dropped.
const TOLD: u32 = 10_000;
/// How many of its requests are answered: more than can be asked one after the other (`docs/benchmarks.md`).
const ASKED: u32 = 50_000;

/// Counts what comes.
#[derive(Default)]
pub struct Meter {
    second: Cell<f64>,
    told: Cell<u32>,
    asked: Cell<u32>,
}

impl Meter {
    /// Counts one message, and says whether it is one too many. `now` is in milliseconds.
    pub fn is_flooded(&self, is_request: bool, now: f64) -> bool {
        if now - self.second.get() > 1000.0 {
            self.second.set(now);
            self.told.set(0);
            self.asked.set(0);
        }
        let (count, limit) = if is_request { (&self.asked, ASKED) } else { (&self.told, TOLD) };
        count.set(count.get() + 1);
        if count.get() == limit {
            dom::log_error("[Dramac] The module sends too much: the rest of this second is dropped.");
        }
        count.get() >= limit
    }
}
