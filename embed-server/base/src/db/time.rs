//! The clock that leases, due times and lifetimes go by: the database's, because servers' own clocks differ.

use super::{Db, Tx};
use crate::clock::Clock;
use crate::error::Result;
use crate::metrics::Metrics;
use chrono::{DateTime, TimeDelta, Utc};
use prometheus_client::metrics::gauge::Gauge;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How far a server's clock may be off before the server claims no more work: what it would write by its own clock (ids,
/// tokens, what is shown) would be wrong.
const TOLERANCE: TimeDelta = TimeDelta::seconds(60);

/// The database's time. SQLite is on the same machine and has no clock that sorts with ours, so it goes by ours.
#[derive(Clone, Debug)]
pub struct DatabaseClock {
    clock: Clock,
    /// PostgreSQL's time when the context was opened, where a test holds the clock.
    opened_at: Option<DateTime<Utc>>,
    /// By how many seconds our clock is ahead, as last compared.
    ahead: Gauge<f64, AtomicU64>,
    /// Whether our clock was off beyond the tolerance when it was last compared.
    off: Arc<AtomicBool>,
}

impl DatabaseClock {
    /// The clock of `db`, which goes along with `clock` where a test holds that.
    pub async fn new(db: &Db, clock: Clock, metrics: &Metrics) -> Result<Self> {
        let ahead = metrics.clock_ahead.clone();
        let mut database = Self { clock, opened_at: None, ahead, off: Arc::default() };
        if database.clock.is_held() {
            database.opened_at = Some(database.now(&mut db.read_global().await?).await?);
        }
        Ok(database)
    }

    /// The time of this statement, not of its transaction: a transaction that has waited for a lock would grant a lease
    /// that has partly passed. With a held clock it starts at that clock's time and is moved by what the test adds.
    pub async fn now(&self, tx: &mut Tx) -> Result<DateTime<Utc>> {
        Ok(self.compare(tx).await?.0)
    }

    /// The time to claim work at; `None` where this server's clock is off by more than a minute.
    pub async fn now_to_claim(&self, tx: &mut Tx) -> Result<Option<DateTime<Utc>>> {
        let (now, ahead) = self.compare(tx).await?;
        let off = ahead.abs() > TOLERANCE;
        if off && !self.off.swap(off, Ordering::Relaxed) {
            let seconds = ahead.num_seconds();
            tracing::error!(
                seconds,
                "this server's clock is ahead of the database's by so much that it claims no jobs and runs no periodic tasks; set both by NTP"
            );
        }
        if !off && self.off.swap(off, Ordering::Relaxed) {
            tracing::info!("this server's clock is right again");
        }
        Ok((!off).then_some(now))
    }

    /// By how many seconds this server's clock is ahead of the database's, as last compared.
    pub fn seconds_ahead(&self) -> f64 {
        self.ahead.get()
    }

    async fn compare(&self, tx: &mut Tx) -> Result<(DateTime<Utc>, TimeDelta)> {
        let Tx::Postgres(tx) = tx else { return Ok((self.clock.now(), TimeDelta::zero())) };
        let now: DateTime<Utc> = sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(&mut **tx).await?;
        if let Some(opened_at) = self.opened_at {
            return Ok((now + (self.clock.now() - opened_at), TimeDelta::zero()));
        }
        let ahead = self.clock.now() - now;
        self.ahead.set(ahead.as_seconds_f64());
        Ok((now, ahead))
    }
}
