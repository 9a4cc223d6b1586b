//! Both ends of counting: the request's, which only adds to sums in memory, and the loop that brings them into the
//! database.

use super::store;
use super::tally::{Row, Tallies, View};
use axum::http::StatusCode;
use embed_base::Context;
use embed_base::Result;
use embed_base::db::Db;
use embed_base::metrics::ViewsCounted;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How long sums are gathered. Writing costs one transaction, however much was counted.
const GATHER: Duration = Duration::from_secs(1);
/// How long to wait when the database did not take them.
const PAUSE: Duration = Duration::from_secs(1);
/// How often they are offered to a database that answers and refuses them.
const TRIES: u32 = 3;
/// Rows in one statement: with 9 columns, below SQLite's limit of 32 766 parameters.
const BATCH: usize = 1_000;

/// Where requests count. When it is gone, the [`Writer`] writes what is left, and ends.
pub struct Counter {
    tallies: Arc<Tallies>,
    counted: ViewsCounted,
    _open: DropGuard,
}

/// What writes the sums.
pub struct Writer {
    context: Context,
    tallies: Arc<Tallies>,
    closed: CancellationToken,
}

/// The two ends.
pub fn counting(context: &Context) -> (Counter, Writer) {
    let tallies = Arc::<Tallies>::default();
    let closed = CancellationToken::new();
    let counted = context.metrics.views();
    let counter = Counter { tallies: tallies.clone(), counted, _open: closed.clone().drop_guard() };
    (counter, Writer { context: context.clone(), tallies, closed })
}

impl Counter {
    /// Counts a view.
    pub fn note(&self, view: &View<'_>) {
        self.counted.note(view.refused.is_none());
        self.tallies.add(view);
    }
}

impl Writer {
    /// Writes until nobody counts any more, and all that was counted.
    pub async fn keep_writing(self) {
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

    /// While the database is away, sums are kept until it is back, and the next ones gather. What it refuses is offered
    /// again, because a module may be deleted between the look for it and the row that refers to it.
    async fn write(&self, mut rows: Vec<Row>) {
        // Servers that add to the same rows take them in the same order, and wait for each other hardly ever in a circle.
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
