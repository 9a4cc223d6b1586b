//! The clock that leases, due times and lifetimes go by: the database's, because servers' own clocks differ.

use super::{Db, Tx};
use crate::clock::Clock;
use crate::error::Result;
use chrono::{DateTime, Utc};

/// The database's time. SQLite is on the same machine and has no clock that sorts with ours, so it goes by ours.
#[derive(Clone, Debug)]
pub struct DatabaseClock {
    clock: Clock,
    /// PostgreSQL's time when the context was opened, where a test holds the clock.
    opened_at: Option<DateTime<Utc>>,
}

impl DatabaseClock {
    /// The clock of `db`, which goes along with `clock` where a test holds that.
    pub async fn new(db: &Db, clock: Clock) -> Result<Self> {
        let mut database = Self { clock, opened_at: None };
        if database.clock.is_held() {
            database.opened_at = Some(database.now(&mut db.read_global().await?).await?);
        }
        Ok(database)
    }

    /// The time of this statement, not of its transaction: a transaction that has waited for a lock would grant a lease
    /// that has partly passed. With a held clock it starts at that clock's time and is moved by what the test adds.
    pub async fn now(&self, tx: &mut Tx) -> Result<DateTime<Utc>> {
        let Tx::Postgres(tx) = tx else { return Ok(self.clock.now()) };
        let now: DateTime<Utc> = sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(&mut **tx).await?;
        Ok(self.opened_at.map_or(now, |opened_at| now + (self.clock.now() - opened_at)))
    }
}
