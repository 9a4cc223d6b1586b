//! The background job that looks for proofs again. Of all servers on one database one runs it at a time.

use super::schedule::Outcome;
use super::{AllowedDomain, Domains, store};
use chrono::TimeDelta;
use embed_base::Result;
use embed_base::db::Lease;
use std::time::Duration;
use tokio::task::JoinSet;

/// How often it is asked whether a domain is due.
const PAUSE: Duration = Duration::from_secs(20);
/// How many domains are read at once.
const BATCH: i64 = 48;
/// How many are looked at at once.
const AT_ONCE: usize = 8;
/// A batch takes less than this even if every look-up runs into its timeout.
const LEASE: TimeDelta = TimeDelta::minutes(5);

impl Domains {
    /// Looks at every domain that is due, for as long as it is polled.
    pub async fn keep_checking(self) {
        let lease = Lease::new("check domains", LEASE);
        loop {
            if let Err(error) = self.check_as_owner(&lease).await {
                tracing::warn!(%error, "allowed domains could not be checked");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn check_as_owner(&self, lease: &Lease) -> Result<()> {
        let context = &self.context;
        while lease.take(&context.db, context.clock.now()).await? {
            let checked = self.check_due().await;
            let error = checked.as_ref().err().map(ToString::to_string);
            let now = context.clock.now();
            context.metrics.run("check domains", checked.is_ok(), now.timestamp());
            lease.finish(&context.db, now, error.as_deref()).await?;
            if checked? == 0 {
                break;
            }
        }
        Ok(())
    }

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
