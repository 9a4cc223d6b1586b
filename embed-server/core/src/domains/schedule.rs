//! When the proof of a domain is checked, and what each outcome changes. Rules only: no clock, no network, no
//! database.
//!
//! A pending domain is checked every minute at first, then hourly. A verified one is checked daily: a proof that is
//! missing on three days in a row ends the verification, and each of these days records an event. A check that fails
//! (DNS or the website did not answer) changes nothing, until the proof was not seen for thirty days.

use super::events::{DomainEvent, DomainEventKind};
use super::proof::ProofError;
use super::{AllowedDomain, Method};
use chrono::{DateTime, TimeDelta, Utc};

const EAGER: TimeDelta = TimeDelta::minutes(15);
const EAGER_PAUSE: TimeDelta = TimeDelta::minutes(1);
const PENDING_PAUSE: TimeDelta = TimeDelta::hours(1);
const VERIFIED_PAUSE: TimeDelta = TimeDelta::days(1);
/// No check is due later than this; servers' clocks may differ.
pub(super) const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(25);
/// The number of consecutive days without a proof that ends the verification.
const DAYS: i64 = 3;
/// The tolerance of a day between checks; a second check on the same day counts no second day.
const SLACK: TimeDelta = TimeDelta::hours(2);
/// How long a verification lasts while its proof cannot be checked.
const UNSEEN: TimeDelta = TimeDelta::days(30);

/// The outcome of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The proof was found.
    Proved(Method),
    /// The proof is certainly missing.
    Absent(String),
    /// The check failed.
    Unknown(String),
}

impl From<Result<Method, ProofError>> for Outcome {
    fn from(found: Result<Method, ProofError>) -> Self {
        match found {
            Ok(method) => Outcome::Proved(method),
            Err(error) if error.is_absence() => Outcome::Absent(error.to_string()),
            Err(error) => Outcome::Unknown(error.to_string()),
        }
    }
}

/// When a domain that is added now is first checked.
pub fn first_check(now: DateTime<Utc>) -> DateTime<Utc> {
    now + EAGER_PAUSE
}

/// Updates the domain by the outcome of a check, and returns the events of that.
pub(super) fn apply(domain: &mut AllowedDomain, outcome: &Outcome, now: DateTime<Utc>) -> Vec<DomainEvent> {
    domain.last_checked_at = Some(now);
    domain.updated_at = now;
    match outcome {
        Outcome::Proved(method) => proved(domain, *method, now),
        Outcome::Absent(reason) | Outcome::Unknown(reason) => {
            domain.last_error = Some(reason.clone());
            if !domain.verified {
                domain.next_check_at = Some(now + pending_pause(domain, now));
                return Vec::new();
            }
            let unseen = domain.last_proved_at.is_none_or(|proved| now - proved >= UNSEEN);
            if matches!(outcome, Outcome::Absent(_)) || unseen {
                missing(domain, reason, now)
            } else {
                domain.next_check_at = Some(now + PENDING_PAUSE);
                Vec::new()
            }
        }
    }
}

fn proved(domain: &mut AllowedDomain, method: Method, now: DateTime<Utc>) -> Vec<DomainEvent> {
    let was_missing = domain.missing_since.take().is_some();
    domain.missing_days = 0;
    domain.last_proved_at = Some(now);
    domain.last_error = None;
    domain.next_check_at = Some(now + VERIFIED_PAUSE);
    domain.verification_method = Some(method.as_str().to_owned());
    if domain.verified {
        let renewed = domain.event(DomainEventKind::Renewed {});
        return if was_missing { vec![renewed] } else { Vec::new() };
    }
    domain.verified = true;
    domain.verified_at = Some(now);
    let mut events = Vec::new();
    if method == Method::Dns {
        events.push(domain.event(DomainEventKind::DnsVerified {}));
    }
    let method = method.as_str().to_owned();
    events.push(domain.event(DomainEventKind::Verified { method }));
    if domain.allow_embed {
        events.push(domain.event(DomainEventKind::Active {}));
    }
    events
}

fn missing(domain: &mut AllowedDomain, reason: &str, now: DateTime<Utc>) -> Vec<DomainEvent> {
    let since = *domain.missing_since.get_or_insert(now);
    domain.next_check_at = Some(now + VERIFIED_PAUSE);
    if now + SLACK < since + TimeDelta::days(domain.missing_days) {
        return Vec::new();
    }
    domain.missing_days += 1;
    let mut events = Vec::new();
    if domain.verification_method.as_deref() == Some(Method::Dns.as_str()) {
        events.push(domain.event(DomainEventKind::DnsCheckFailed { reason: reason.to_owned() }));
    }
    if domain.missing_days < DAYS {
        let days_left = DAYS - domain.missing_days;
        events.push(domain.event(DomainEventKind::ExpiringSoon { days_left }));
    } else {
        domain.verified = false;
        domain.verified_at = None;
        domain.missing_since = None;
        domain.missing_days = 0;
        domain.next_check_at = Some(now + PENDING_PAUSE);
        let reason = format!("Its proof was missing on {DAYS} days in a row: {reason}.");
        events.push(domain.event(DomainEventKind::Error { reason }));
    }
    events
}

fn pending_pause(domain: &AllowedDomain, now: DateTime<Utc>) -> TimeDelta {
    if now - domain.created_at < EAGER { EAGER_PAUSE } else { PENDING_PAUSE }
}

#[cfg(test)]
mod tests {
    use super::*;
    use embed_base::events::Event;
    use sqlx::types::Json;
    use uuid::Uuid;

    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn pending() -> AllowedDomain {
        AllowedDomain {
            id: Uuid::now_v7(),
            site_id: Uuid::now_v7(),
            module_id: Uuid::now_v7(),
            domain: "example.com".into(),
            verified: false,
            verification_token: "0".repeat(64),
            verified_at: None,
            verification_method: None,
            allow_embed: true,
            allow_api: true,
            embed_types: Json(Vec::new()),
            rate_limit: 1000,
            ancestors: Json(Vec::new()),
            last_proved_at: None,
            last_checked_at: None,
            last_error: None,
            missing_since: None,
            missing_days: 0,
            next_check_at: Some(first_check(start())),
            created_at: start(),
            updated_at: start(),
        }
    }

    fn verified() -> AllowedDomain {
        let mut domain = pending();
        apply(&mut domain, &Outcome::Proved(Method::Dns), start());
        domain
    }

    fn absent() -> Outcome {
        Outcome::Absent("there is no record".into())
    }

    fn names(events: &[DomainEvent]) -> Vec<&'static str> {
        events.iter().map(Event::kind).collect()
    }

    fn day(number: i64) -> DateTime<Utc> {
        start() + TimeDelta::days(number)
    }

    #[test]
    fn a_proof_that_is_found_makes_a_pending_domain_active() {
        let mut domain = pending();
        let events = apply(&mut domain, &Outcome::Proved(Method::Dns), start());
        assert_eq!(names(&events), ["dns.verified", "domain.verified", "domain.active"]);
        assert!(domain.verified);
        assert_eq!(domain.next_check_at, Some(day(1)));
    }

    #[test]
    fn a_pending_domain_is_checked_every_minute_and_later_every_hour() {
        let mut domain = pending();
        assert_eq!(apply(&mut domain, &absent(), start()), []);
        assert_eq!(domain.next_check_at, Some(start() + TimeDelta::minutes(1)));
        apply(&mut domain, &absent(), start() + TimeDelta::minutes(15));
        assert_eq!(domain.next_check_at, Some(start() + TimeDelta::minutes(75)));
    }

    #[test]
    fn a_proof_that_is_gone_three_days_in_a_row_ends_the_verification() {
        let mut domain = verified();
        let first = apply(&mut domain, &absent(), day(1));
        assert_eq!(names(&first), ["dns.check_failed", "domain.expiring_soon"]);
        assert!(matches!(first[1].kind, DomainEventKind::ExpiringSoon { days_left: 2 }));
        let second = apply(&mut domain, &absent(), day(2));
        assert!(matches!(second[1].kind, DomainEventKind::ExpiringSoon { days_left: 1 }));
        assert!(domain.verified);
        let third = apply(&mut domain, &absent(), day(3));
        assert_eq!(names(&third), ["dns.check_failed", "domain.error"]);
        assert!(!domain.verified);
    }

    #[test]
    fn several_checks_on_one_day_count_one_day() {
        let mut domain = verified();
        apply(&mut domain, &absent(), day(1));
        for minute in 1..10 {
            assert_eq!(apply(&mut domain, &absent(), day(1) + TimeDelta::minutes(minute)), []);
        }
        assert_eq!(domain.missing_days, 1);
    }

    #[test]
    fn a_proof_that_comes_back_starts_the_count_anew() {
        let mut domain = verified();
        apply(&mut domain, &absent(), day(1));
        apply(&mut domain, &absent(), day(2));
        let back = apply(&mut domain, &Outcome::Proved(Method::Dns), day(3));
        assert_eq!(names(&back), ["domain.renewed"]);
        apply(&mut domain, &absent(), day(4));
        apply(&mut domain, &absent(), day(5));
        assert!(domain.verified);
    }

    #[test]
    fn a_proof_that_cannot_be_looked_up_is_kept_but_not_for_ever() {
        let mut domain = verified();
        let silence = Outcome::Unknown("DNS did not answer".into());
        for number in 1..30 {
            assert_eq!(apply(&mut domain, &silence, day(number)), []);
        }
        for number in 30..33 {
            apply(&mut domain, &silence, day(number));
        }
        assert!(!domain.verified);
    }
}
