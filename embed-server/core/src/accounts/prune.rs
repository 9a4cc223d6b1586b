//! The end of expired sessions and of personal tokens that ended long ago.

use super::sessions::MAX_IDLE;
use super::tokens::KEPT;
use super::{Accounts, store};
use embed_base::Result;

impl Accounts {
    /// Deletes expired and idle sessions, and personal tokens that ended a month ago.
    pub async fn prune(&self) -> Result<()> {
        let mut tx = self.context.db.begin_global().await?;
        let now = self.context.clock.now();
        store::prune_sessions(&mut tx, now, now - MAX_IDLE).await?;
        store::prune_tokens(&mut tx, now - KEPT).await?;
        tx.commit().await
    }
}
