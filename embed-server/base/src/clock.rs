//! The current time, which tests can control.

use chrono::{DateTime, Duration, Utc};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// The system's clock, or one that a test moves.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// A clock that stands still at `start` until [`Clock::advance`] moves it.
    pub fn standing_at(start: DateTime<Utc>) -> Self {
        Self(Some(Arc::new(AtomicI64::new(start.timestamp_micros()))))
    }

    /// The current time in whole microseconds, PostgreSQL's precision, so that a time reads back as it was written.
    pub fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.micros()).unwrap_or_default()
    }

    /// The current time in microseconds since 1970.
    pub fn micros(&self) -> i64 {
        match &self.0 {
            None => Utc::now().timestamp_micros(),
            Some(micros) => micros.load(Ordering::Relaxed),
        }
    }

    /// Whether it is a test's standing clock.
    pub fn is_held(&self) -> bool {
        self.0.is_some()
    }

    /// Moves a standing clock forward; does nothing to the system's clock.
    pub fn advance(&self, by: Duration) {
        if let (Some(micros), Some(by)) = (&self.0, by.num_microseconds()) {
            micros.fetch_add(by, Ordering::Relaxed);
        }
    }
}
