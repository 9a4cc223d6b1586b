//! Looks for the proofs of domains again when they are due.

use super::schedule::Outcome;
use super::{AllowedDomain, Domains, store};
use embed_base::Result;
use tokio::task::JoinSet;

/// How many domains are read at once.
const BATCH: i64 = 48;
/// How many are looked at at once.
const AT_ONCE: usize = 8;

impl Domains {
    /// Looks at those domains that are due now, at most a batch of them; how many that were.
    pub async fn check_due(&self) -> Result<usize> {
        let mut tx = self.context.db.read_global().await?;
        let due = store::due(&mut tx, self.context.clock.now(), BATCH).await?;
        drop(tx);
        let count = due.len();
        let mut under_way = JoinSet::new();
        for domain in due {
            if under_way.len() >= AT_ONCE {
                under_way.join_next().await;
            }
            under_way.spawn(self.clone().check(domain));
        }
        while under_way.join_next().await.is_some() {}
        Ok(count)
    }

    /// One domain's trouble is not another's: it is logged, and its turn comes again.
    async fn check(self, domain: AllowedDomain) {
        let (id, site) = (domain.id, domain.site_id);
        let outcome = match self.look(&domain, None).await {
            Ok(found) => found.into(),
            Err(error) => Outcome::Unknown(error.to_string()),
        };
        if let Err(error) = self.apply(None, domain, &outcome).await {
            tracing::warn!(%error, domain = %id, %site, "an allowed domain could not be checked");
        }
    }
}
