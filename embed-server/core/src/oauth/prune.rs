//! Deletes what nobody can use any more.

use super::{OAuth, store};
use chrono::TimeDelta;
use embed_base::Result;

/// How much longer than it waits for its person a request is kept, so that a late one is told which app to go back to.
const REQUESTS_KEPT: TimeDelta = TimeDelta::hours(1);
/// How much longer than a token something is kept that its use refers to.
const KEPT: TimeDelta = TimeDelta::days(1);

impl OAuth {
    /// Deletes requests that have expired, families, codes and tokens that ended a day ago, and keys that are not published
    /// any more; returns how many.
    pub async fn prune(&self) -> Result<u64> {
        let mut tx = self.context.db.begin_global().await?;
        let now = self.context.clock.now();
        let requests = store::prune_requests(&mut tx, now - REQUESTS_KEPT).await?;
        let families = store::prune(&mut tx, now - KEPT).await?;
        tx.commit().await?;
        Ok(requests + families + self.keys.prune().await?)
    }
}
