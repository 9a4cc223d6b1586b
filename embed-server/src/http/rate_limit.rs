//! How much one address may ask: the generic cell rate algorithm with a burst of the whole limit.
//!
//! For each address one number is kept: when its allowance will be whole again. Addresses are forgotten when it is, and
//! their count is bounded.

use crate::clock::Clock;
use crate::error::Error;
use axum::http::StatusCode;
use moka::future::Cache;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

const WINDOW: Duration = Duration::from_secs(60);
/// More addresses than ask one server within a minute, at about 100 bytes each.
const ADDRESSES: u64 = 200_000;

/// So many requests per minute and address.
pub struct RateLimit {
    limit: NonZeroU32,
    clock: Clock,
    /// By address the time, in microseconds, at which its allowance is whole again.
    whole_again: Cache<IpAddr, Arc<AtomicI64>>,
}

impl RateLimit {
    /// Allows `limit` requests per minute and address, all of them at once if need be.
    pub fn per_minute(limit: NonZeroU32, clock: Clock) -> Self {
        let whole_again = Cache::builder().max_capacity(ADDRESSES).time_to_idle(WINDOW).build();
        Self { limit, clock, whole_again }
    }

    /// Counts one request; refuses it with 429 and `Retry-After` when the allowance is spent.
    pub async fn count(&self, address: IpAddr) -> Result<(), Error> {
        let slot = match self.whole_again.get(&network(address)).await {
            Some(slot) => slot,
            None => Box::pin(self.whole_again.get_with(network(address), async { Arc::default() })).await,
        };
        let now = self.clock.micros();
        let window = WINDOW.as_micros() as i64;
        let cost = window / i64::from(self.limit.get());
        let spend = |whole_again: i64| {
            let after = whole_again.max(now) + cost;
            (after - now <= window).then_some(after)
        };
        match slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend) {
            Ok(_) => Ok(()),
            Err(whole_again) => {
                let wait = u64::try_from(whole_again + cost - window - now).unwrap_or_default();
                let seconds = wait.div_ceil(1_000_000).max(1);
                let detail = format!("Too many requests from this address; try again in {seconds} s.");
                Err(Error::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail).retry_after(seconds))
            }
        }
    }
}

/// What one subscriber has: an IPv4 address, or an IPv6 network of 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, TimeDelta};

    fn three_per_minute() -> (RateLimit, Clock) {
        let clock = Clock::standing_at(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        (RateLimit::per_minute(NonZeroU32::new(3).unwrap(), clock.clone()), clock)
    }

    #[tokio::test]
    async fn the_whole_limit_may_come_at_once_and_then_no_more() {
        let (limit, _) = three_per_minute();
        let address = "192.0.2.1".parse().unwrap();
        for _ in 0..3 {
            limit.count(address).await.unwrap();
        }
        let error = limit.count(address).await.unwrap_err();
        assert_eq!(error.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(error.detail(), "Too many requests from this address; try again in 20 s.");
    }

    #[tokio::test]
    async fn the_allowance_comes_back_with_time() {
        let (limit, clock) = three_per_minute();
        let address = "192.0.2.1".parse().unwrap();
        for _ in 0..3 {
            limit.count(address).await.unwrap();
        }
        clock.advance(TimeDelta::seconds(20));
        limit.count(address).await.unwrap();
        assert!(limit.count(address).await.is_err());
    }

    #[tokio::test]
    async fn addresses_are_counted_apart_and_an_ipv6_network_as_one() {
        let (limit, _) = three_per_minute();
        for host in ["2001:db8::1", "2001:db8::2", "2001:db8::3"] {
            limit.count(host.parse().unwrap()).await.unwrap();
        }
        assert!(limit.count("2001:db8::4".parse().unwrap()).await.is_err());
        limit.count("2001:db8:0:1::1".parse().unwrap()).await.unwrap();
        limit.count("192.0.2.1".parse().unwrap()).await.unwrap();
    }
}
