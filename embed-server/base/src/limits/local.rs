//! Counting in this process.

use super::{Limit, Outcome, Subject};
use crate::clock::Clock;
use moka::sync::Cache;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// The longest window: after that time without a request an allowance is whole again.
const IDLE: Duration = Duration::from_secs(60 * 60);
/// More subjects than one server sees within an hour, at about 100 bytes each.
const SUBJECTS: u64 = 500_000;

/// By subject the monotonic time, in microseconds, at which its allowance is whole again.
pub(super) struct Local {
    clock: Clock,
    whole_again: Cache<Subject, Arc<AtomicI64>>,
}

impl Local {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, whole_again: Cache::builder().max_capacity(SUBJECTS).time_to_idle(IDLE).build() }
    }

    /// Counts one request against every limit, or against none if one of them is spent.
    pub(super) fn count(&self, limits: &[Limit]) -> Outcome {
        let now = self.clock.monotonic_micros();
        let slots: Vec<_> = limits.iter().map(|limit| self.slot(limit.subject)).collect();
        let refused = limits.iter().zip(&slots).position(|(limit, slot)| !take(slot, limit, now));
        if let Some(place) = refused {
            for (limit, slot) in limits.iter().zip(&slots).take(place) {
                slot.fetch_sub(limit.cost(), Ordering::Relaxed);
            }
        }
        let used = |(limit, slot): (&Limit, &Arc<AtomicI64>)| {
            (slot.load(Ordering::Relaxed) - now).clamp(0, limit.window())
        };
        let used = limits.iter().zip(&slots).map(used).collect();
        Outcome { refused, used }
    }

    fn slot(&self, subject: Subject) -> Arc<AtomicI64> {
        match self.whole_again.get(&subject) {
            Some(slot) => slot,
            None => self.whole_again.get_with(subject, Arc::default),
        }
    }
}

fn take(slot: &AtomicI64, limit: &Limit, now: i64) -> bool {
    let spend = |whole_again: i64| {
        // Beyond the window there is nothing legitimate: a test's clock was set back.
        let used = if whole_again - now > limit.window() { 0 } else { (whole_again - now).max(0) };
        let after = now + used + limit.cost();
        (after - now <= limit.window()).then_some(after)
    };
    slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).is_ok()
}
