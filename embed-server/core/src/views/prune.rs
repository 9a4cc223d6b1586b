//! Forgetting old hours.

use super::{Views, hour_start, store};
use chrono::TimeDelta;
use embed_base::Result;

/// Rows that are forgotten in one transaction, so that nobody waits long for it.
const BATCH: i64 = 5_000;

impl Views {
    /// Forgets the hours that were over before what the operator wants to keep.
    pub async fn prune(&self) -> Result<()> {
        let context = &self.context;
        let kept = TimeDelta::days(context.settings.logs.request_days.get().into());
        let before = hour_start(context.clock.now() - kept);
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
