//! Times that both engines can store.

use chrono::{DateTime, Datelike, Utc};

/// Whether both engines can store this time and order it alike: PostgreSQL has no year before 4713 BC, and SQLite
/// compares times as texts, so all of them have a year with four digits.
pub fn holds(time: DateTime<Utc>) -> bool {
    (0..=9999).contains(&time.year())
}
