//! Deletes tokens that have expired or were revoked.

use super::{Tokens, store};
use chrono::TimeDelta;
use embed_base::Result;

/// How long such a token is still listed, so that its owner sees what became of it.
const LISTED: TimeDelta = TimeDelta::days(30);

impl Tokens {
    /// Deletes tokens that ended a month ago; returns how many.
    pub async fn prune(&self) -> Result<u64> {
        let mut tx = self.context.db.begin_global().await?;
        let pruned = store::prune(&mut tx, self.context.clock.now() - LISTED).await?;
        tx.commit().await?;
        Ok(pruned)
    }
}
