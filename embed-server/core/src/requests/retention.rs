//! Deletes old calls, and on PostgreSQL creates the partitions for the next ones.

use super::{Requests, store};
use chrono::TimeDelta;
use embed_base::Result;
use embed_base::db;

/// The most rows that one transaction deletes, so that no other transaction waits long for it.
const BATCH: i64 = 5_000;

impl Requests {
    /// Creates the partitions for the calls of this month and the next ones.
    pub async fn prepare(&self) -> Result<()> {
        db::make_partitions(&self.context.db, "module_external_requests", self.context.clock.now()).await
    }

    /// Deletes the calls that are older than the operator's retention period.
    pub async fn prune(&self) -> Result<()> {
        let context = &self.context;
        let before = context.clock.now() - TimeDelta::days(context.settings.logs.request_days.get().into());
        db::drop_partitions(&context.db, "module_external_requests", before).await?;
        let mut tx = context.db.begin_global().await?;
        store::prune_refusals(&mut tx, before).await?;
        tx.commit().await?;
        loop {
            let mut tx = context.db.begin_global().await?;
            let pruned = store::prune(&mut tx, before, BATCH).await?;
            tx.commit().await?;
            if pruned < BATCH as u64 {
                return Ok(());
            }
        }
    }
}
