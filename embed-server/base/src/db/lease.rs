//! Leases: of all servers on one database, one runs a periodic task.

use super::{DatabaseClock, Db, execute};
use crate::error::Result;
use std::time::Duration;
use uuid::Uuid;

/// By how much servers may differ about the time of a lease without taking each other's.
pub(super) const CLOCK_SLACK: Duration = Duration::from_secs(10 * 60);

/// One server's lease on a job.
#[derive(Clone, Debug)]
pub struct Lease {
    name: &'static str,
    owner: Uuid,
    length: Duration,
}

impl Lease {
    /// A lease on the job `name` for this process, not yet taken. A job must finish within `length`, or take the
    /// lease again.
    pub fn new(name: &'static str, length: Duration) -> Self {
        Self { name, owner: Uuid::now_v7(), length }
    }

    /// Takes or extends the lease; `false` while another server holds it, and on a server whose clock is wrong.
    pub async fn take(&self, db: &Db, clock: &DatabaseClock) -> Result<bool> {
        let mut tx = db.begin_global().await?;
        let Some(now) = clock.now_to_claim(&mut tx).await? else { return Ok(false) };
        let text = "INSERT INTO job_leases (name, owner, expires_at) VALUES ($1, $2, $3)
             ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at
             WHERE job_leases.owner = excluded.owner OR job_leases.expires_at <= $4 OR job_leases.expires_at > $5";
        let taken = execute!(
            &mut tx,
            sqlx::query(text)
                .bind(self.name)
                .bind(self.owner)
                .bind(now + self.length)
                .bind(now)
                // A lease that ends later than any that is taken now is one of before the clock was set back.
                .bind(now + self.length + CLOCK_SLACK)
        )? == 1;
        tx.commit().await?;
        Ok(taken)
    }

    /// Records the result of a run, for operators.
    pub async fn finish(&self, db: &Db, clock: &DatabaseClock, error: Option<&str>) -> Result<()> {
        let mut tx = db.begin_global().await?;
        let now = clock.now(&mut tx).await?;
        let text = "UPDATE job_leases SET finished_at = $1, error = $2 WHERE name = $3 AND owner = $4";
        execute!(&mut tx, sqlx::query(text).bind(now).bind(error).bind(self.name).bind(self.owner))?;
        tx.commit().await
    }
}
