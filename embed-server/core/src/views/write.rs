//! Counts views: the requests' side only adds to sums in memory, the writer adds them to the database.

use super::store;
use super::tally::{Row, Tallies, View};
use axum::http::StatusCode;
use embed_base::Context;
use embed_base::Result;
use embed_base::db::Db;
use embed_base::metrics::ViewMetrics;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How long counts are gathered, because writing costs one transaction whatever their number.
const GATHER: Duration = Duration::from_secs(1);
/// The pause after the database has failed to take them.
const PAUSE: Duration = Duration::from_secs(1);
/// How often counts are retried that the database refuses.
const TRIES: u32 = 3;
/// The most rows in one statement: with 9 columns, below SQLite's limit of 32 766 parameters.
const BATCH: usize = 1_000;

/// Counts views for requests. When it is dropped, the [`ViewWriter`] writes the remaining counts and ends.
pub struct ViewCounter {
    tallies: Arc<Tallies>,
    metrics: ViewMetrics,
    _open: DropGuard,
}

/// Writes the counts to the database.
pub struct ViewWriter {
    context: Context,
    tallies: Arc<Tallies>,
    closed: CancellationToken,
}

/// Creates a counter and its writer.
pub fn counting(context: &Context) -> (ViewCounter, ViewWriter) {
    let tallies = Arc::<Tallies>::default();
    let closed = CancellationToken::new();
    let metrics = context.metrics.views();
    let counter = ViewCounter { tallies: tallies.clone(), metrics, _open: closed.clone().drop_guard() };
    (counter, ViewWriter { context: context.clone(), tallies, closed })
}

impl ViewCounter {
    pub fn count(&self, view: &View<'_>) {
        self.metrics.count(view.refused.is_none());
        self.tallies.add(view);
    }
}

impl ViewWriter {
    /// Writes until the counter is dropped and everything is written.
    pub async fn run(self) {
        loop {
            let last = tokio::time::timeout(GATHER, self.closed.cancelled()).await.is_ok();
            let rows = self.tallies.take(self.context.clock.now());
            if !rows.is_empty() {
                self.write(rows).await;
            }
            if last {
                return;
            }
        }
    }

    /// Keeps counts while the database is unavailable. Counts that it refuses are retried, because a module may be
    /// deleted between its check and the insertion of the row.
    async fn write(&self, mut rows: Vec<Row>) {
        // All servers add to the same rows in the same order, so that they hardly ever deadlock.
        rows.sort_unstable_by(|one, other| one.key().cmp(&other.key()));
        let mut refused = 0;
        while let Err(error) = write(&self.context.db, &rows).await {
            let away = error.status() == StatusCode::SERVICE_UNAVAILABLE;
            refused += u32::from(!away);
            if refused == TRIES || away && self.closed.is_cancelled() {
                tracing::error!(%error, rows = rows.len(), "views that were counted are lost");
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn write(db: &Db, rows: &[Row]) -> Result<()> {
    let mut tx = db.begin_global().await?;
    for batch in rows.chunks(BATCH) {
        store::add(&mut tx, batch).await?;
    }
    tx.commit().await
}
