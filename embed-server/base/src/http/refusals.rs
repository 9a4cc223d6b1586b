//! How often callers without a valid credential were refused, per module and hour.
//!
//! The first refusals of an hour are lines of the request log, so that an operator sees what is wrong with a program; the
//! rest are counted, so that a flood of them costs a row.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use uuid::Uuid;

/// Refusals of a module and hour that are lines of the log, on each server.
pub const LOGGED_REFUSALS: u32 = 100;
/// Modules and hours in memory. Ids that are made up are among them, so beyond this number refusals are in `/metrics` alone.
const HOURS: usize = 2_000;

/// Refusals that are not lines of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusalCount {
    /// The module that was named; it may not exist.
    pub module: Uuid,
    /// The start of the hour.
    pub hour: DateTime<Utc>,
    pub count: i64,
}

/// The refusals that were not taken yet.
#[derive(Default)]
pub struct Refusals(Mutex<HashMap<(Uuid, DateTime<Utc>), Hour>>);

#[derive(Default)]
struct Hour {
    logged: u32,
    counted: i64,
}

impl Refusals {
    /// Whether a call without a valid credential gets a line; otherwise it is counted if it was refused.
    pub(super) fn logs(&self, module: Uuid, at: DateTime<Utc>, refused: bool) -> bool {
        self.with(module, at, |hour| {
            let logs = hour.logged < LOGGED_REFUSALS;
            if logs {
                hour.logged += 1;
            } else if refused {
                hour.counted += 1;
            }
            logs
        })
    }

    /// Counts a refusal.
    pub(super) fn count(&self, module: Uuid, at: DateTime<Utc>) {
        self.with(module, at, |hour| {
            hour.counted += 1;
            true
        });
    }

    fn with(&self, module: Uuid, at: DateTime<Utc>, change: impl FnOnce(&mut Hour) -> bool) -> bool {
        let key = (module, at.duration_trunc(TimeDelta::hours(1)).unwrap_or(at));
        let mut hours = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if hours.len() >= HOURS && !hours.contains_key(&key) {
            return false;
        }
        change(hours.entry(key).or_default())
    }

    /// Takes the counts, and removes hours that are not the current one.
    pub fn take(&self, now: DateTime<Utc>) -> Vec<RefusalCount> {
        let current = now.duration_trunc(TimeDelta::hours(1)).unwrap_or(now);
        let mut hours = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = hours.iter_mut().filter(|(_, counts)| counts.counted > 0);
        let taken = taken.map(|(&(module, hour), counts)| RefusalCount {
            module,
            hour,
            count: std::mem::take(&mut counts.counted),
        });
        let taken = taken.collect();
        // Those of modules that were only refused early hold no place.
        hours.retain(|(_, hour), counts| *hour == current && counts.logged > 0);
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_refusals_of_an_hour_are_logged_and_the_rest_counted() {
        let (refusals, module) = (Refusals::default(), Uuid::now_v7());
        let at = DateTime::from_timestamp(1_800_000_100, 0).unwrap();
        let logged = (0..250).filter(|_| refusals.logs(module, at, true)).count();
        assert_eq!(logged, 100);
        let hour = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        assert_eq!(refusals.take(at), [RefusalCount { module, hour, count: 150 }]);
        assert!(!refusals.logs(module, at, true), "the same hour goes on");
        assert!(refusals.logs(module, at + TimeDelta::hours(1), true));
    }

    #[test]
    fn made_up_modules_take_a_bounded_memory() {
        let (refusals, at) = (Refusals::default(), DateTime::UNIX_EPOCH);
        for _ in 0..5_000 {
            refusals.count(Uuid::now_v7(), at);
        }
        assert_eq!(refusals.take(at).len(), HOURS);
        assert!(refusals.logs(Uuid::now_v7(), at, true), "their places are free again");
    }
}
