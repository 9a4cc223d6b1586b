//! What has been counted and is not in the database yet, within bounds.
//!
//! On each server an hour of a module has places for so many origins. Whichever come first have them until the hour is
//! over, whatever becomes of their pages; the others are counted together. Those that come because they are refused may be
//! a flood, so they take no place from those where the module is shown.

use super::hour_start;
use chrono::{DateTime, Utc};
use embed_base::Code;
use embed_protocol::EmbedType;
use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// Places for origins that come because the module is shown there.
const SHOWN: usize = 200;
/// Places for origins that come because it is refused there.
const BLOCKED: usize = 50;
/// Places in all modules together, at some 300 bytes each.
const PLACES: usize = 100_000;
/// Hours of modules. There are more only where the database takes nothing for hours; those are not counted.
const HOURS: usize = 20_000;
/// The ways to appear, with one more for none that was named.
const TYPES: usize = 1 + EmbedType::ALL.len();

/// A page that wants to show a module, and what came of it.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The tenant.
    pub site: Uuid,
    /// The module.
    pub module: Uuid,
    /// The page's origin.
    pub origin: &'a str,
    /// How the module is to appear.
    pub embed_type: Option<EmbedType>,
    /// Why it is refused, if it is not shown.
    pub refused: Option<Code>,
    /// When.
    pub at: DateTime<Utc>,
}

/// What was counted of one hour, origin and type.
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
    /// By which the database knows it.
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

/// Everything that was counted and not taken yet.
#[derive(Default)]
pub(super) struct Tallies(Mutex<Counted>);

#[derive(Default)]
struct Counted {
    hours: HashMap<Key, Hour>,
    /// Those in which something was counted since it was last taken.
    touched: Vec<Key>,
    /// Origins in all of them.
    places: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    site: Uuid,
    module: Uuid,
    hour: DateTime<Utc>,
}

/// What is known of an hour of a module. Origins stay when their counts are taken.
#[derive(Default)]
struct Hour {
    touched: bool,
    shown: usize,
    blocked: usize,
    origins: HashMap<Arc<str>, [Count; TYPES]>,
    elsewhere: [Count; TYPES],
}

impl Tallies {
    /// Counts a view. Nothing is allocated where an origin is known.
    pub fn add(&self, view: &View<'_>) {
        let mut counted = self.lock();
        let counted = &mut *counted;
        let key = Key { site: view.site, module: view.module, hour: hour_start(view.at) };
        if counted.hours.len() >= HOURS && !counted.hours.contains_key(&key) {
            return;
        }
        let hour = counted.hours.entry(key).or_default();
        if !hour.origins.contains_key(view.origin) && counted.places < PLACES && hour.takes_place(view) {
            counted.places += 1;
            hour.origins.insert(view.origin.into(), Default::default());
        }
        if !mem::replace(&mut hour.touched, true) {
            counted.touched.push(key);
        }
        let counts = hour.origins.get_mut(view.origin).unwrap_or(&mut hour.elsewhere);
        counts[view.embed_type.map_or(0, |embed_type| 1 + embed_type as usize)].add(view);
    }

    /// Takes what was counted, and forgets the origins of hours that are over.
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

    /// A panic elsewhere leaves counts that are whole.
    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hour {
    /// Whether there is a place for one more origin; it is taken.
    fn takes_place(&mut self, view: &View<'_>) -> bool {
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

    /// By origin how often it was shown and blocked.
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
    fn an_hour_has_places_for_so_many_origins_and_the_first_keep_theirs() {
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
    fn memory_ends_somewhere() {
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
