//! Deletes old hours.

use super::{Views, hour_start, store};
use chrono::TimeDelta;
use embed_base::Result;

/// The most rows that one transaction deletes, so that no other transaction waits long for it.
const BATCH: i64 = 5_000;

impl Views {
    /// Deletes the hours that ended before the operator's retention period.
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
