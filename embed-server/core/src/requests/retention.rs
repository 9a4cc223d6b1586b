//! Forgetting old calls, and on PostgreSQL making the partitions that the next ones go into.

use super::{Requests, store};
use chrono::TimeDelta;
use embed_base::Result;
use embed_base::db;

/// Rows that are forgotten in one transaction, so that nobody waits long for it.
const BATCH: i64 = 5_000;

impl Requests {
    /// Sees to it that the calls of this month and the next ones have a place.
    pub async fn prepare(&self) -> Result<()> {
        db::make_partitions(&self.context.db, "module_external_requests", self.context.clock.now()).await
    }

    /// Forgets what is older than the operator wants to keep.
    pub async fn prune(&self) -> Result<()> {
        let context = &self.context;
        let before = context.clock.now() - TimeDelta::days(context.settings.logs.request_days.get().into());
        db::drop_partitions(&context.db, "module_external_requests", before).await?;
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
