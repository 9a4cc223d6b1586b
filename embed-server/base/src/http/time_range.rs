//! The time range of statistics: `?from=` and `?to=`, each of which may be left out.

use crate::db;
use crate::error::{Error, Result};
use chrono::{DateTime, TimeDelta, Utc};

/// The length without `from`.
const DEFAULT: TimeDelta = TimeDelta::hours(24);
/// The longest range.
const LONGEST: TimeDelta = TimeDelta::days(31);

/// A half-open range of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// The first time in it.
    pub from: DateTime<Utc>,
    /// The first time after it.
    pub to: DateTime<Utc>,
}

impl TimeRange {
    /// Reads `from` and `to` of a query: without `to` the range includes the present second, without `from` it is 24 hours
    /// long. 400 `invalid_request` where it is longer than 31 days.
    pub fn new(now: DateTime<Utc>, from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) -> Result<Self> {
        let to = to.unwrap_or_else(|| now + TimeDelta::seconds(1));
        let from = match from {
            Some(from) => from,
            None => to.checked_sub_signed(DEFAULT).ok_or_else(out_of_reach)?,
        };
        if [from, to].iter().any(|time| !db::holds(*time)) {
            return Err(out_of_reach());
        }
        if to - from > LONGEST {
            return Err(Error::invalid("`from` and `to` are more than 31 days apart; ask for less at once."));
        }
        Ok(Self { from, to })
    }
}

fn out_of_reach() -> Error {
    Error::invalid("The years of `from` and `to` have four digits.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<DateTime<Utc>> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn what_is_left_out_is_the_last_day() {
        let now = at("2027-01-15T08:00:00Z").unwrap();
        let span = |from, to| TimeRange::new(now, from, to).map(|span| (Some(span.from), Some(span.to)));
        let (yesterday, next) = (at("2027-01-14T08:00:01Z"), at("2027-01-15T08:00:01Z"));
        assert_eq!(span(None, None).unwrap(), (yesterday, next), "what happens now is in it");
        let (christmas, day_after) = (at("2026-12-25T00:00:00Z"), at("2026-12-26T00:00:00Z"));
        assert_eq!(span(None, day_after).unwrap(), (christmas, day_after));
        assert_eq!(span(christmas, None).unwrap(), (christmas, next));
        assert_eq!(span(day_after, christmas).unwrap(), (day_after, christmas), "nothing is in it");
    }

    #[test]
    fn a_span_is_at_most_31_days_of_years_with_four_digits() {
        let now = at("2027-01-15T08:00:00Z").unwrap();
        assert!(TimeRange::new(now, at("2026-12-15T08:00:01Z"), None).is_ok());
        assert!(TimeRange::new(now, at("2026-12-15T08:00:00Z"), None).is_err());
        for (from, to) in [
            (Some(DateTime::<Utc>::MIN_UTC), None),
            (None, Some(DateTime::<Utc>::MIN_UTC)),
            (Some(DateTime::<Utc>::MAX_UTC), None),
            (None, Some(DateTime::<Utc>::MAX_UTC)),
        ] {
            assert!(TimeRange::new(now, from, to).is_err(), "{from:?} {to:?}");
        }
    }
}
