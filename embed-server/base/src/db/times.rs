//! Which times both engines can hold.

use chrono::{DateTime, Datelike, Utc};

/// Whether both engines hold this time, and order it alike: PostgreSQL knows no year before 4713 BC, and SQLite compares
/// times as texts, so all of them have four digits for the year.
pub fn holds(time: DateTime<Utc>) -> bool {
    (0..=9999).contains(&time.year())
}
