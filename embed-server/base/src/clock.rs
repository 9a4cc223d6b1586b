//! What time it is, for the server and for tests that hold the clock.

use chrono::{DateTime, Duration, Utc};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// The system's clock, or one that a test moves by hand.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// A clock that stands still at `start` until [`Clock::advance`] moves it.
    pub fn standing_at(start: DateTime<Utc>) -> Self {
        Self(Some(Arc::new(AtomicI64::new(start.timestamp_micros()))))
    }

    /// The time now, in whole microseconds: PostgreSQL keeps no more, and what is read back must equal what was written.
    pub fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.micros()).unwrap_or_default()
    }

    /// The time now, in microseconds since 1970.
    pub fn micros(&self) -> i64 {
        match &self.0 {
            None => Utc::now().timestamp_micros(),
            Some(micros) => micros.load(Ordering::Relaxed),
        }
    }

    /// Whether a test holds it.
    pub fn is_held(&self) -> bool {
        self.0.is_some()
    }

    /// Moves a standing clock forward; the system's clock goes its own way.
    pub fn advance(&self, by: Duration) {
        if let (Some(micros), Some(by)) = (&self.0, by.num_microseconds()) {
            micros.fetch_add(by, Ordering::Relaxed);
        }
    }
}
