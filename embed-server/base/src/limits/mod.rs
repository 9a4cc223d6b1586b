//! Rate limits: the generic cell rate algorithm with a burst of the whole limit.
//!
//! For each subject one number is kept: when its allowance will be whole again. It is kept in this process, or in Redis
//! where that is configured, so that all servers share one limit. While Redis does not answer, each server counts by
//! itself, and a metric shows it.

mod limit;
mod local;
mod shared;

pub use limit::{FILES_PER_CALL, Limit, SMALLEST_SHARE, Subject};

use crate::clock::Clock;
use crate::error::{Code, Error, Result};
use crate::metrics::{Decision, Metrics};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use local::Local;
use shared::Shared;

/// The quotas that hold, `"token";q=100;w=60` (draft-ietf-httpapi-ratelimit-headers).
pub const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// What is left of them, and in how many seconds they are whole, `"token";r=99;t=1`.
pub const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// The first quota alone, as in the first version of this API.
pub const X_RATE_LIMIT: HeaderName = HeaderName::from_static("x-rate-limit");

/// The shortest and the longest wait that a refusal names, in seconds.
pub const WAITS: (u64, u64) = (1, 24 * 60 * 60);

/// The result of counting: by limit the microseconds of allowance that are used, and which limit refused.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Outcome {
    refused: Option<usize>,
    used: Vec<i64>,
}

/// All limits of this server.
pub struct RateLimits {
    local: Local,
    shared: Option<Shared>,
    clock: Clock,
    metrics: Metrics,
}

impl RateLimits {
    /// Counts in the Redis of this URL, else in this process.
    pub fn new(redis_url: Option<&str>, clock: Clock, metrics: Metrics) -> Result<Self> {
        let shared = redis_url.map(Shared::new).transpose()?;
        Ok(Self { local: Local::new(clock.clone()), shared, clock, metrics })
    }

    /// Whether the Redis of this URL answers; the error says why it does not.
    pub async fn ping(redis_url: &str) -> Result<(), String> {
        Shared::new(redis_url).map_err(|error| error.to_string())?.ping().await
    }

    /// Counts one request against every limit, or against none if one of them is spent.
    pub async fn count(&self, limits: Vec<Limit>) -> LimitDecision {
        if limits.is_empty() {
            return LimitDecision::unlimited();
        }
        let shared = match &self.shared {
            Some(shared) => {
                let outcome = shared.count(&limits, self.clock.monotonic_micros()).await;
                self.metrics.limits_alone.set(outcome.is_none().into());
                outcome
            }
            None => None,
        };
        let outcome = shared.unwrap_or_else(|| self.local.count(&limits));
        match outcome.refused {
            Some(place) => self.count_decision(&limits[place], "refused"),
            None => limits.iter().for_each(|limit| self.count_decision(limit, "allowed")),
        }
        LimitDecision { limits, outcome }
    }

    /// Counts one request in this process alone, where asking Redis would cost more than the answer.
    pub fn count_here(&self, limit: Limit) -> LimitDecision {
        let limits = vec![limit];
        let outcome = self.local.count(&limits);
        let decision = if outcome.refused.is_some() { "refused" } else { "allowed" };
        self.count_decision(&limits[0], decision);
        LimitDecision { limits, outcome }
    }

    fn count_decision(&self, limit: &Limit, decision: &'static str) {
        self.metrics.limits.get_or_create(&Decision { limit: limit.subject.name(), decision }).inc();
    }
}

/// Whether a request is within its limits, and what is left of them.
#[derive(Clone, Debug)]
pub struct LimitDecision {
    limits: Vec<Limit>,
    outcome: Outcome,
}

impl LimitDecision {
    /// That of a request that no limit counts.
    pub fn unlimited() -> Self {
        Self { limits: Vec::new(), outcome: Outcome { refused: None, used: Vec::new() } }
    }

    /// 429 `rate_limited` with `Retry-After` when a limit was spent.
    pub fn check(&self) -> Result<()> {
        let Some(place) = self.outcome.refused else { return Ok(()) };
        let (limit, used) = (self.limits[place], self.outcome.used[place]);
        let seconds = seconds(used + limit.cost() - limit.window()).clamp(WAITS.0, WAITS.1);
        let whose = match limit.subject {
            Subject::Address(_) => "from this address",
            Subject::Token(_) => "with this token",
            Subject::Domain(_) => "from this domain",
            Subject::Anonymous(_) => "without a valid credential from this address",
            Subject::Files(_) => "for documents and files from this address",
            Subject::ShareOfDomain(..) => "from this address on pages of this domain",
            Subject::Verification(_) => "to verify domains of this site",
            Subject::SignIn(_) => "to sign in from this address",
            Subject::Mailbox(_) => "for a code for this mailbox",
            Subject::Client(_) => "of this client",
            Subject::Grant(_) | Subject::GrantTokens(_) => "of this client for this person",
            Subject::OAuth(_) => "for authorization from this address",
            Subject::OAuthPerson(_) => "for authorization of this person",
            Subject::OAuthFailure(_) => "with wrong client credentials from this address",
        };
        let detail = format!("Too many requests {whose}; try again in {seconds} s.");
        Err(Error::new(Code::RateLimited, detail).retry_after(seconds))
    }

    /// Sets the headers that tell the limits and what is left of them.
    pub fn set_headers(&self, headers: &mut HeaderMap) {
        let Some(first) = self.limits.first() else { return };
        let list = |item: fn(&Limit, i64) -> String| {
            let items: Vec<_> =
                self.limits.iter().zip(&self.outcome.used).map(|(limit, used)| item(limit, *used)).collect();
            HeaderValue::try_from(items.join(", ")).ok()
        };
        let policy = |limit: &Limit, _| {
            format!("\"{}\";q={};w={}", limit.subject.name(), limit.requests, limit.seconds)
        };
        let left = |limit: &Limit, used: i64| {
            let left = (limit.window() - used) / limit.cost();
            format!("\"{}\";r={};t={}", limit.subject.name(), left.max(0), seconds(used))
        };
        headers.extend(list(policy).map(|value| (RATE_LIMIT_POLICY, value)));
        headers.extend(list(left).map(|value| (RATE_LIMIT, value)));
        headers.insert(X_RATE_LIMIT, HeaderValue::from(first.requests.get()));
    }
}

/// Whole seconds, rounded up.
fn seconds(micros: i64) -> u64 {
    u64::try_from(micros).unwrap_or_default().div_ceil(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;
    use chrono::{DateTime, TimeDelta};
    use std::num::NonZeroU32;
    use uuid::Uuid;

    const THREE: NonZeroU32 = NonZeroU32::new(3).unwrap();

    fn limits() -> (RateLimits, Clock) {
        let clock = Clock::standing_at(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        (RateLimits::new(None, clock.clone(), Metrics::default()).unwrap(), clock)
    }

    async fn ask(limits: &RateLimits, address: &str) -> Result<()> {
        limits.count(vec![Limit::address(address.parse().unwrap(), THREE)]).await.check()
    }

    #[tokio::test]
    async fn the_whole_limit_may_come_at_once_and_then_no_more() {
        let (limits, _) = limits();
        for _ in 0..3 {
            ask(&limits, "192.0.2.1").await.unwrap();
        }
        let error = ask(&limits, "192.0.2.1").await.unwrap_err();
        assert_eq!(error.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(error.detail(), "Too many requests from this address; try again in 20 s.");
    }

    #[tokio::test]
    async fn the_allowance_comes_back_with_time() {
        let (limits, clock) = limits();
        for _ in 0..3 {
            ask(&limits, "192.0.2.1").await.unwrap();
        }
        clock.advance(TimeDelta::seconds(20));
        ask(&limits, "192.0.2.1").await.unwrap();
        assert!(ask(&limits, "192.0.2.1").await.is_err());
    }

    #[tokio::test]
    async fn addresses_are_counted_apart_and_an_ipv6_network_as_one() {
        let (limits, _) = limits();
        for host in ["2001:db8::1", "2001:db8::2", "2001:db8::3"] {
            ask(&limits, host).await.unwrap();
        }
        assert!(ask(&limits, "2001:db8::4").await.is_err());
        ask(&limits, "2001:db8:0:1::1").await.unwrap();
        ask(&limits, "192.0.2.1").await.unwrap();
    }

    #[tokio::test]
    async fn the_largest_limit_is_counted_like_any_other() {
        let (limits, _) = limits();
        let decision = limits.count(vec![Limit::token(Uuid::from_u128(1), NonZeroU32::MAX)]).await;
        decision.check().unwrap();
        let mut headers = HeaderMap::new();
        decision.set_headers(&mut headers);
        assert_eq!(headers[RATE_LIMIT], "\"token\";r=59999999;t=1");
    }

    #[tokio::test]
    async fn what_one_limit_refuses_is_not_counted_by_the_other() {
        let (limits, _) = limits();
        let domain = Limit::domain(Uuid::from_u128(1), NonZeroU32::new(10).unwrap());
        let both = || vec![domain, Limit::token(Uuid::from_u128(2), THREE)];
        for _ in 0..3 {
            limits.count(both()).await.check().unwrap();
        }
        let refused = limits.count(both()).await;
        assert_eq!(
            refused.check().unwrap_err().detail(),
            "Too many requests with this token; try again in 20 s."
        );
        let mut headers = HeaderMap::new();
        refused.set_headers(&mut headers);
        assert_eq!(headers[RATE_LIMIT_POLICY], "\"domain\";q=10;w=3600, \"token\";q=3;w=60");
        assert_eq!(headers[RATE_LIMIT], "\"domain\";r=7;t=1080, \"token\";r=0;t=60");
        assert_eq!(headers[X_RATE_LIMIT], "10");
    }

    #[tokio::test]
    async fn a_clock_that_is_set_back_makes_nobody_wait() {
        let (limits, clock) = limits();
        for _ in 0..3 {
            ask(&limits, "192.0.2.1").await.unwrap();
        }
        clock.advance(TimeDelta::days(-1));
        for _ in 0..3 {
            ask(&limits, "192.0.2.1").await.unwrap();
        }
        let error = ask(&limits, "192.0.2.1").await.unwrap_err();
        assert_eq!(error.detail(), "Too many requests from this address; try again in 20 s.");
    }

    #[test]
    fn an_address_has_a_tenth_of_a_domains_limit_and_sixty_at_least() {
        let address = [192, 0, 2, 1].into();
        let share = |requests: u32| {
            let domain = Limit::domain(Uuid::nil(), NonZeroU32::new(requests).unwrap());
            domain.share_of(address).map(|limit| limit.requests.get())
        };
        assert_eq!(
            [share(10_000), share(1000), share(100), share(60), share(5)],
            [Some(1000), Some(100), Some(60), None, None]
        );
        assert_eq!(Limit::token(Uuid::nil(), THREE).share_of(address), None);
    }
}
