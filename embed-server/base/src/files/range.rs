//! One range of bytes, as `Range` and `If-Range` ask for it (RFC 9110, section 14).

use axum::http::{HeaderMap, Method, header};
use std::ops;

/// The part of a body to answer with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// All of it: no range is asked for, or one that a server may ignore.
    Whole,
    /// These bytes, at least one.
    Part(ops::Range<u64>),
    /// The body has none of the bytes.
    Outside,
}

/// The range that a request asks for, of a body of `size` bytes with this strong `tag`. Several ranges are answered with the
/// whole body.
pub(super) fn asked_for(method: &Method, request: &HeaderMap, tag: &str, size: u64) -> Range {
    let text = |name| request.get(name).map(|value| value.to_str().unwrap_or_default());
    let Some(range) = text(header::RANGE).filter(|_| *method == Method::GET) else { return Range::Whole };
    // A date never matches, since nothing here has one; nor does a weak tag.
    if text(header::IF_RANGE).is_some_and(|known| known.trim() != tag) {
        return Range::Whole;
    }
    parse(range, size).unwrap_or(Range::Whole)
}

/// `None` where the text is no single range.
fn parse(range: &str, size: u64) -> Option<Range> {
    let (unit, range) = range.split_once('=')?;
    let (first, last) = range.trim().split_once('-').filter(|_| unit.trim().eq_ignore_ascii_case("bytes"))?;
    let part = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Some(first), None) if last.is_empty() => first..size,
        (None, Some(length)) if first.is_empty() => size.saturating_sub(length)..size,
        _ => return None,
    };
    Some(if part.is_empty() { Range::Outside } else { Range::Part(part) })
}

/// Digits; a number beyond all sizes is the largest.
fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    fn ask(headers: &[(header::HeaderName, &str)], size: u64) -> Range {
        let headers =
            headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()));
        asked_for(&Method::GET, &HeaderMap::from_iter(headers), "\"tag\"", size)
    }

    #[test]
    fn ranges_are_read_as_browsers_write_them() {
        for (range, expected) in [
            ("bytes=0-1", Range::Part(0..2)),
            ("bytes=0-", Range::Part(0..10)),
            ("Bytes= 9-99", Range::Part(9..10)),
            ("bytes=-3", Range::Part(7..10)),
            ("bytes=-99", Range::Part(0..10)),
            ("bytes=4-99999999999999999999", Range::Part(4..10)),
            ("bytes=10-", Range::Outside),
            ("bytes=10-12", Range::Outside),
            ("bytes=-0", Range::Outside),
            ("bytes=2-1", Range::Whole),
            ("bytes=0-1,4-5", Range::Whole),
            ("bytes=", Range::Whole),
            ("bytes=-", Range::Whole),
            ("bytes=a-b", Range::Whole),
            ("bytes=+1-2", Range::Whole),
            ("items=0-1", Range::Whole),
            ("0-1", Range::Whole),
        ] {
            assert_eq!(ask(&[(header::RANGE, range)], 10), expected, "{range}");
        }
        assert_eq!(ask(&[(header::RANGE, "bytes=0-")], 0), Range::Outside);
    }

    #[test]
    fn a_range_of_what_has_changed_is_the_whole() {
        for (known, expected) in [
            ("\"tag\"", Range::Part(0..2)),
            ("W/\"tag\"", Range::Whole),
            ("\"other\"", Range::Whole),
            ("Sun, 29 Nov 2026 08:00:00 GMT", Range::Whole),
        ] {
            assert_eq!(
                ask(&[(header::RANGE, "bytes=0-1"), (header::IF_RANGE, known)], 10),
                expected,
                "{known}"
            );
        }
        let head = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_static("bytes=0-1"))]);
        assert_eq!(asked_for(&Method::HEAD, &head, "\"tag\"", 10), Range::Whole);
    }

    proptest! {
        #[test]
        fn a_part_is_never_empty_and_lies_within(range in r"bytes=[0-9]{0,21}-[0-9]{0,21}", size in 0..100_u64) {
            if let Range::Part(part) = ask(&[(header::RANGE, &range)], size) {
                prop_assert!(part.start < part.end && part.end <= size);
            }
        }
    }
}
