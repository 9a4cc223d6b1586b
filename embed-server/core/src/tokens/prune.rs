//! Forgetting tokens that have ended.

use super::{Tokens, store};
use chrono::TimeDelta;
use embed_base::Result;

/// How long a token that has ended is still listed, so that its owner sees what became of it.
const LISTED: TimeDelta = TimeDelta::days(30);

impl Tokens {
    /// Forgets tokens that ended a month ago; how many there were.
    pub async fn prune(&self) -> Result<u64> {
        let mut tx = self.context.db.begin_global().await?;
        let pruned = store::prune(&mut tx, self.context.clock.now() - LISTED).await?;
        tx.commit().await?;
        Ok(pruned)
    }
}
