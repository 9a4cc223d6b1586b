//! Limits the messages of a module in any second.

use crate::dom;
use std::cell::Cell;

/// The limit for messages that are no requests: far more than a page can use, and too few to keep it busy. More are dropped.
const TOLD: u32 = 10_000;
/// The limit for requests: more than a module can send one after the other (`docs/benchmarks.md`).
const ASKED: u32 = 50_000;
/// Tenths of a second in which a message counts: its own and ten more, so that no second has more than the limit, wherever
/// it begins.
const TENTHS: u32 = 11;

/// The number of messages in one tenth of a second.
#[derive(Clone, Copy, Default)]
struct Tenth {
    number: u32,
    heard: u32,
}

/// Counts the messages of one module.
#[derive(Default)]
pub struct Meter {
    told: [Cell<Tenth>; TENTHS as usize],
    asked: [Cell<Tenth>; TENTHS as usize],
    /// The tenth of a second in which a message was last dropped.
    dropped: Cell<u32>,
}

impl Meter {
    /// Counts one message, and returns whether it exceeds the limit. `now` is in milliseconds.
    pub fn is_flooded(&self, is_request: bool, now: f64) -> bool {
        // The initial number is long past.
        let number = (now / 100.0) as u32 + TENTHS;
        let (tenths, limit) = if is_request { (&self.asked, ASKED) } else { (&self.told, TOLD) };
        let recent = |tenth: &Tenth| number.wrapping_sub(tenth.number) < TENTHS;
        let heard: u32 = tenths.iter().map(Cell::get).filter(recent).map(|tenth| tenth.heard).sum();
        if heard < limit {
            let tenth = &tenths[(number % TENTHS) as usize];
            let heard = if tenth.get().number == number { tenth.get().heard } else { 0 };
            tenth.set(Tenth { number, heard: heard + 1 });
            return false;
        }
        if number.wrapping_sub(self.dropped.replace(number)) >= TENTHS {
            dom::log_error("[Dramac] The module sends too much: the rest of this second is dropped.");
        }
        true
    }
}
