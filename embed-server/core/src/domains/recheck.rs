//! The background job that checks proofs again. Of all servers on one database, one runs it at a time.

use super::schedule::{LONGEST_PAUSE, Outcome};
use super::{AllowedDomain, Domains, store};
use embed_base::Result;
use tokio::task::JoinSet;

/// The number of domains that are read at once.
const BATCH: i64 = 48;
/// The number of domains that are checked in parallel.
const AT_ONCE: usize = 8;

impl Domains {
    /// Checks the domains that are due now, at most one batch; returns how many.
    pub async fn check_due(&self) -> Result<usize> {
        let mut tx = self.context.db.read_global().await?;
        let now = self.context.clock.now();
        let due = store::due(&mut tx, (now, now + LONGEST_PAUSE), BATCH).await?;
        drop(tx);
        let count = due.len();
        let mut checks = JoinSet::new();
        for domain in due {
            if checks.len() >= AT_ONCE {
                checks.join_next().await;
            }
            checks.spawn(self.clone().check(domain));
        }
        while checks.join_next().await.is_some() {}
        Ok(count)
    }

    /// Checks one domain; an error is only logged, so that it does not stop the others.
    async fn check(self, domain: AllowedDomain) {
        let (id, site) = (domain.id, domain.site_id);
        let outcome = match self.find_proof(&domain, None).await {
            Ok(proof) => proof.into(),
            Err(error) => Outcome::Unknown(error.to_string()),
        };
        if let Err(error) = self.record_outcome(None, domain, &outcome).await {
            tracing::warn!(%error, domain = %id, %site, "an allowed domain could not be checked");
        }
    }
}
