//! Spans of time on the command line: `30d`, `12h`, `90m`.

use chrono::TimeDelta;

/// Reads a whole number and a unit: minutes, hours or days.
pub(super) fn parse(text: &str) -> Result<TimeDelta, String> {
    let wrong =
        || "expected a number with d (days), h (hours) or m (minutes) after it, such as 30d".to_owned();
    let unit = match text.chars().last() {
        Some('d') => TimeDelta::days(1),
        Some('h') => TimeDelta::hours(1),
        Some('m') => TimeDelta::minutes(1),
        _ => return Err(wrong()),
    };
    let count: i32 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    // A longer span is probably meant as “never”, which is the default.
    let span = unit.checked_mul(count).filter(|span| *span >= TimeDelta::zero() && span.num_days() <= 3_660);
    span.ok_or_else(|| format!("{text} is too long; expected at most 3660d"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_and_a_unit() {
        assert_eq!(parse("30d"), Ok(TimeDelta::days(30)));
        assert_eq!(parse("12h"), Ok(TimeDelta::hours(12)));
        assert_eq!(parse("0m"), Ok(TimeDelta::zero()));
        for text in ["", "d", "30", "30 d", "-1d", "1é", "9999999999d", "4000d"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
