//! Jobs that a server leaves to a newer one: it does not know their kind, or cannot read their payload.

use crate::context::Context;
use crate::db::queue::{self, Queue};
use crate::error::Result;
use crate::metrics::Metrics;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// How often what is left is looked at anew.
const PERIOD: Duration = Duration::from_secs(5 * 60);
/// A kind with so many jobs that cannot be read is left alone as a whole.
const MOST: usize = 100;

/// What one worker leaves, as it has found out.
#[derive(Default)]
pub(super) struct Unreadable {
    looked: Option<Instant>,
    unknown: i64,
    by_kind: BTreeMap<&'static str, Vec<Uuid>>,
}

impl Unreadable {
    /// From time to time forgets what it knows, and says which due jobs have a kind that is none of these.
    pub async fn look(&mut self, context: &Context, kinds: &[&'static str]) -> Result<()> {
        if self.looked.is_some_and(|looked| looked.elapsed() < PERIOD) {
            return Ok(());
        }
        let mut tx = context.db.read_global().await?;
        let now = context.database_clock.now(&mut tx).await?;
        let unknown = queue::unknown(&mut tx, Queue::JOBS, kinds, now).await?;
        for (kind, count) in &unknown {
            tracing::warn!(kind, count, "jobs stay queued because this server does not know their kind");
        }
        self.by_kind.clear();
        self.unknown = unknown.iter().map(|(_, count)| count).sum();
        self.looked = Some(Instant::now());
        self.count(&context.metrics);
        Ok(())
    }

    /// Notes a job whose payload could not be read.
    pub fn add(&mut self, kind: &'static str, id: Uuid, error: &serde_json::Error, metrics: &Metrics) {
        tracing::warn!(kind, job = %id, %error, "a job stays queued because this server cannot read its payload");
        self.by_kind.entry(kind).or_default().push(id);
        self.count(metrics);
    }

    /// Those of the kinds that are worked.
    pub fn readable(&self, kinds: &[&'static str]) -> Vec<&'static str> {
        let readable = |kind: &&str| self.by_kind.get(*kind).is_none_or(|jobs| jobs.len() < MOST);
        kinds.iter().copied().filter(readable).collect()
    }

    /// The jobs of these kinds that are left.
    pub fn jobs(&self, kinds: &[&'static str]) -> Vec<Uuid> {
        kinds.iter().filter_map(|kind| self.by_kind.get(kind)).flatten().copied().collect()
    }

    fn count(&self, metrics: &Metrics) {
        let unread: usize = self.by_kind.values().map(Vec::len).sum();
        metrics.jobs_unreadable.set(self.unknown + unread as i64);
    }
}
