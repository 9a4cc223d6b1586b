//! The counts that are not in the database yet, within bounds.
//!
//! On each server, an hour of a module counts a limited number of origins separately: the first ones, until the hour
//! ends; all others are counted together. Refused origins may be a flood, so they have a limit of their own and take
//! nothing from those where the module is shown.

use super::hour_start;
use chrono::{DateTime, Utc};
use embed_base::Code;
use embed_protocol::EmbedType;
use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// The most origins of an hour that come because the module is shown there.
const SHOWN: usize = 200;
/// The most origins of an hour that come because the module is refused there.
const BLOCKED: usize = 50;
/// The most origins of all modules together, about 300 bytes each.
const PLACES: usize = 100_000;
/// The most hours of modules. There are more only where the database is away for hours; those are not counted.
const HOURS: usize = 20_000;
/// The types of embeds, and one more for none.
const TYPES: usize = 1 + EmbedType::ALL.len();

/// A page's attempt to show a module, and its result.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub site: Uuid,
    pub module: Uuid,
    pub origin: &'a str,
    pub embed_type: Option<EmbedType>,
    /// Why the module is refused; `None` where it is shown.
    pub refused: Option<Code>,
    pub at: DateTime<Utc>,
}

/// The count of one hour, origin and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub site: Uuid,
    pub module: Uuid,
    pub hour: DateTime<Utc>,
    pub origin: Arc<str>,
    pub embed_type: &'static str,
    pub count: Count,
}

impl Row {
    /// The unique key of the row in the database.
    pub fn key(&self) -> (Uuid, DateTime<Utc>, &str, &'static str) {
        (self.module, self.hour, &self.origin, self.embed_type)
    }
}

/// How often, and what was last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub shown: i64,
    pub blocked: i64,
    pub last_code: Option<Code>,
    pub last_at: DateTime<Utc>,
}

/// Every count that was not taken yet.
#[derive(Default)]
pub(super) struct Tallies(Mutex<Counted>);

#[derive(Default)]
struct Counted {
    hours: HashMap<Key, HourTally>,
    /// The hours that have counts since they were last taken.
    touched: Vec<Key>,
    /// The number of origins of all hours.
    places: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    site: Uuid,
    module: Uuid,
    hour: DateTime<Utc>,
}

/// The counts of an hour of a module. Its origins stay when the counts are taken.
#[derive(Default)]
struct HourTally {
    touched: bool,
    shown: usize,
    blocked: usize,
    origins: HashMap<Arc<str>, [Count; TYPES]>,
    elsewhere: [Count; TYPES],
}

impl Tallies {
    /// Counts a view, without allocating where the origin is counted already.
    pub fn add(&self, view: &View<'_>) {
        let mut counted = self.lock();
        let counted = &mut *counted;
        let key = Key { site: view.site, module: view.module, hour: hour_start(view.at) };
        if counted.hours.len() >= HOURS && !counted.hours.contains_key(&key) {
            return;
        }
        let hour = counted.hours.entry(key).or_default();
        if !hour.origins.contains_key(view.origin) && counted.places < PLACES && hour.reserve_origin(view) {
            counted.places += 1;
            hour.origins.insert(view.origin.into(), Default::default());
        }
        if !mem::replace(&mut hour.touched, true) {
            counted.touched.push(key);
        }
        let counts = hour.origins.get_mut(view.origin).unwrap_or(&mut hour.elsewhere);
        counts[view.embed_type.map_or(0, |embed_type| 1 + embed_type as usize)].add(view);
    }

    /// Takes the counts, and removes the hours that have ended.
    pub fn take(&self, now: DateTime<Utc>) -> Vec<Row> {
        let mut counted = self.lock();
        let counted = &mut *counted;
        let mut rows = Vec::new();
        for key in counted.touched.drain(..) {
            if let Some(hour) = counted.hours.get_mut(&key) {
                hour.take(key, &mut rows);
            }
        }
        let current = hour_start(now);
        counted.hours.retain(|key, _| key.hour >= current);
        counted.places = counted.hours.values().map(|hour| hour.origins.len()).sum();
        rows
    }

    /// The guard of the counts; a panic elsewhere leaves them consistent.
    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HourTally {
    /// Whether one more origin of this view's kind is within the limit; if so, it is reserved.
    fn reserve_origin(&mut self, view: &View<'_>) -> bool {
        let (taken, most) = match view.refused {
            None => (&mut self.shown, SHOWN),
            Some(_) => (&mut self.blocked, BLOCKED),
        };
        let free = *taken < most;
        *taken += usize::from(free);
        free
    }

    fn take(&mut self, Key { site, module, hour }: Key, rows: &mut Vec<Row>) {
        self.touched = false;
        let named = self.origins.iter_mut().map(|(origin, counts)| (origin.clone(), counts));
        for (origin, counts) in named.chain([("".into(), &mut self.elsewhere)]) {
            let types = [""].iter().chain(EmbedType::WORDS);
            for (embed_type, count) in types.zip(counts).filter(|(_, count)| **count != Count::default()) {
                let count = mem::take(count);
                rows.push(Row { site, module, hour, origin: origin.clone(), embed_type, count });
            }
        }
    }
}

impl Count {
    fn add(&mut self, view: &View<'_>) {
        self.shown += i64::from(view.refused.is_none());
        self.blocked += i64::from(view.refused.is_some());
        self.last_code = view.refused.or(self.last_code);
        self.last_at = self.last_at.max(view.at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULE: Uuid = Uuid::from_u128(7);

    fn view<'a>(origin: &'a str, refused: Option<Code>, at: &str) -> View<'a> {
        let (site, module, embed_type) = (Uuid::nil(), MODULE, None);
        View { site, module, origin, embed_type, refused, at: at.parse().unwrap() }
    }

    fn shown<'a>(origin: &'a str, at: &str) -> View<'a> {
        view(origin, None, at)
    }

    fn blocked<'a>(origin: &'a str, at: &str) -> View<'a> {
        view(origin, Some(Code::OriginNotAllowed), at)
    }

    /// The number of shown and of blocked views by origin.
    fn taken(tallies: &Tallies, at: &str) -> Vec<(String, i64, i64)> {
        let rows = tallies.take(at.parse().unwrap());
        let mut rows: Vec<_> = rows
            .into_iter()
            .map(|row| (row.origin.to_string(), row.count.shown, row.count.blocked))
            .collect();
        rows.sort();
        rows
    }

    const EIGHT: &str = "2027-01-15T08:00:00Z";
    const LATER: &str = "2027-01-15T08:59:59.999999Z";
    const NINE: &str = "2027-01-15T09:00:00Z";

    #[test]
    fn what_was_taken_is_not_taken_again() {
        let tallies = Tallies::default();
        tallies.add(&shown("https://a.test", EIGHT));
        tallies.add(&blocked("https://a.test", LATER));
        let popup = View { embed_type: Some(EmbedType::Popup), ..shown("https://a.test", EIGHT) };
        tallies.add(&popup);
        let mut rows = tallies.take(popup.at);
        rows.sort_by_key(|row| row.embed_type);
        let count = |shown, blocked, last_code, last_at: &str| Count {
            shown,
            blocked,
            last_code,
            last_at: last_at.parse().unwrap(),
        };
        assert_eq!(rows.iter().map(|row| row.embed_type).collect::<Vec<_>>(), ["", "popup"]);
        assert_eq!(rows[0].count, count(1, 1, Some(Code::OriginNotAllowed), LATER));
        assert_eq!(rows[1].count, count(1, 0, None, EIGHT));
        assert_eq!(rows[0].hour, popup.at);
        assert_eq!(taken(&tallies, LATER), []);
        tallies.add(&shown("https://a.test", LATER));
        assert_eq!(taken(&tallies, LATER), [("https://a.test".into(), 1, 0)]);
    }

    #[test]
    fn an_hour_counts_a_limited_number_of_origins_and_keeps_the_first() {
        let tallies = Tallies::default();
        for round in 1..=2 {
            for number in 0..BLOCKED + 7 {
                tallies.add(&blocked(&format!("https://blocked{number}.test"), EIGHT));
            }
            for number in 0..SHOWN + 5 {
                tallies.add(&shown(&format!("https://shown{number}.test"), LATER));
            }
            let rows = taken(&tallies, LATER);
            assert_eq!(rows.len(), 1 + SHOWN + BLOCKED, "in round {round}");
            assert_eq!(rows[0], (String::new(), 5, 7));
        }
        tallies.add(&shown("https://blocked0.test", LATER));
        tallies.add(&blocked("https://shown0.test", LATER));
        let rows = taken(&tallies, LATER);
        assert_eq!(rows, [("https://blocked0.test".into(), 1, 0), ("https://shown0.test".into(), 0, 1)]);
        tallies.add(&shown("https://another.test", NINE));
        assert_eq!(
            taken(&tallies, NINE),
            [("https://another.test".into(), 1, 0)],
            "the next hour begins anew"
        );
    }

    #[test]
    fn memory_is_bounded() {
        let tallies = Tallies::default();
        let module = |number: usize| Uuid::from_u128(number as u128);
        for number in 0..PLACES + 9 {
            let origin = format!("https://shown{number}.test");
            tallies.add(&View { module: module(number / 100), ..shown(&origin, EIGHT) });
        }
        let counted = || {
            let counted = tallies.lock();
            (counted.hours.len(), counted.places)
        };
        let (first, places) = counted();
        assert_eq!(places, PLACES);
        for number in 0..HOURS {
            tallies.add(&View { module: module(number), ..shown("https://a.test", NINE) });
        }
        assert_eq!(counted(), (HOURS, PLACES));
        let rows = tallies.take(NINE.parse().unwrap());
        let elsewhere = rows.iter().filter(|row| row.origin.is_empty()).map(|row| row.count.shown);
        assert_eq!(elsewhere.sum::<i64>(), (9 + HOURS - first) as i64);
        assert_eq!(counted(), (HOURS - first, 0), "hours that are over make room");
    }
}
