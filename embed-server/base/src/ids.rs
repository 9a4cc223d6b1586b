//! Ids: UUIDv7 of our clock for stored rows, and parsing of ids that people type.

use crate::clock::Clock;
use crate::error::{Error, Result};
use std::sync::{Arc, Mutex};
use uuid::{ContextV7, Timestamp, Uuid};

/// A source of ids. Their time is the clock's, and within a millisecond they count up, so that they agree with
/// `created_at` under a test's clock too. Ids of several servers have no order.
#[derive(Clone)]
pub struct Ids {
    clock: Clock,
    context: Arc<Mutex<ContextV7>>,
}

impl Ids {
    pub fn new(clock: Clock) -> Self {
        Self { clock, context: Arc::new(Mutex::new(ContextV7::new())) }
    }

    pub fn next(&self) -> Uuid {
        let now = self.clock.now();
        let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
        Uuid::new_v7(Timestamp::from_unix(&*self.context, seconds, now.timestamp_subsec_nanos()))
    }
}

/// Parses the id of a `thing` ("site", "module"); `list` is the command that prints such ids.
pub fn parse(thing: &str, text: &str, list: &str) -> Result<Uuid> {
    Uuid::try_parse(text).map_err(|error| {
        // Text that is longer than any id is not repeated in the error.
        let shown = if text.chars().count() <= 64 { format!("`{text}`") } else { "This".to_owned() };
        let article = if thing.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
        Error::invalid(format!(
            "{shown} is not {article} {thing} id. Ids look like 0198c9f2-7a31-7cc1-9d5e-3f1f6f2f8a10; `embed-server {list}` prints them."
        ))
        .caused_by(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, TimeDelta};

    #[test]
    fn ids_have_the_clocks_time_and_count_up_while_it_stands() {
        let clock = Clock::standing_at(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let ids = Ids::new(clock.clone());
        let made: Vec<_> = (0..1000).map(|_| ids.next()).collect();
        assert!(made.is_sorted_by(|one, next| one < next));
        clock.advance(TimeDelta::seconds(1));
        let (seconds, _) = ids.next().get_timestamp().unwrap().to_unix();
        assert_eq!(seconds, 1_800_000_001);
    }
}
