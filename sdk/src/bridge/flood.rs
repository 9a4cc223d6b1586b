//! How much a module may say in any second.

use crate::dom;
use std::cell::Cell;

/// How many messages that ask for nothing are heard: far more than any page can use, and less than it takes to keep one
/// busy. What is more is dropped.
const TOLD: u32 = 10_000;
/// How many of its requests are answered: more than can be asked one after the other (`docs/benchmarks.md`).
const ASKED: u32 = 50_000;
/// Tenths of a second in which a message counts: its own and ten more, so that no second has more than the limit, wherever
/// it begins.
const TENTHS: u32 = 11;

/// How many were heard in one tenth of a second.
#[derive(Clone, Copy, Default)]
struct Tenth {
    number: u32,
    heard: u32,
}

/// Counts what comes.
#[derive(Default)]
pub struct Meter {
    told: [Cell<Tenth>; TENTHS as usize],
    asked: [Cell<Tenth>; TENTHS as usize],
    /// The tenth of a second in which a message was last dropped.
    dropped: Cell<u32>,
}

impl Meter {
    /// Counts one message, and says whether it is one too many. `now` is in milliseconds.
    pub fn is_flooded(&self, is_request: bool, now: f64) -> bool {
        // The number that everything begins with is long past.
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
