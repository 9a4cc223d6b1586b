//! The current time, which tests can control.

use chrono::{DateTime, TimeDelta, Utc};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

/// The system's clock, or one that a test moves or sets wrong.
#[derive(Clone, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    System,
    /// Stands still at these microseconds since 1970.
    Held(Arc<AtomicI64>),
    /// The system's clock, off by this much.
    Off(TimeDelta),
}

impl Clock {
    /// A clock that stands still at `start` until [`Clock::advance`] moves it.
    pub fn standing_at(start: DateTime<Utc>) -> Self {
        Self(Source::Held(Arc::new(AtomicI64::new(start.timestamp_micros()))))
    }

    /// A clock that runs, but is ahead of the system's by this much.
    pub fn off_by(ahead: TimeDelta) -> Self {
        Self(Source::Off(ahead))
    }

    /// The current time in whole microseconds, PostgreSQL's precision, so that a time reads back as it was written.
    pub fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.micros()).unwrap_or_default()
    }

    /// The current time in microseconds since 1970.
    pub fn micros(&self) -> i64 {
        match &self.0 {
            Source::System => Utc::now().timestamp_micros(),
            Source::Off(ahead) => (Utc::now() + *ahead).timestamp_micros(),
            Source::Held(micros) => micros.load(Ordering::Relaxed),
        }
    }

    /// A time in microseconds that never steps back, for durations; its zero means nothing. A test's clock steps as it is
    /// told to.
    pub fn monotonic_micros(&self) -> i64 {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        match &self.0 {
            Source::System | Source::Off(_) => i64::try_from(START.elapsed().as_micros()).unwrap_or(i64::MAX),
            Source::Held(micros) => micros.load(Ordering::Relaxed),
        }
    }

    /// Whether it is a test's standing clock.
    pub fn is_held(&self) -> bool {
        matches!(self.0, Source::Held(_))
    }

    /// Moves a standing clock, also back; does nothing to a running one.
    pub fn advance(&self, by: TimeDelta) {
        if let (Source::Held(micros), Some(by)) = (&self.0, by.num_microseconds()) {
            micros.fetch_add(by, Ordering::Relaxed);
        }
    }
}
