//! Writes the log in batches, one transaction each, together with the use count of every token.

use super::store;
use crate::tokens::{self, TokenUses};
use embed_base::Context;
use embed_base::Result;
use embed_base::db::Db;
use embed_base::http::{CallerKind, RequestLogEntry};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;
use uuid::Uuid;

/// The most lines in one statement: with 15 columns, below SQLite's limit of 32 766 parameters.
const BATCH: usize = 1_000;
/// How long lines are gathered, because a batch costs one transaction whatever its size.
const GATHER: Duration = Duration::from_millis(400);
/// The pause after the database has failed to take a batch.
const PAUSE: Duration = Duration::from_secs(2);

/// Writes the lines that requests add to the queue.
pub struct RequestLogWriter {
    context: Context,
    entries: Receiver<RequestLogEntry>,
}

impl RequestLogWriter {
    pub fn new(context: &Context, entries: Receiver<RequestLogEntry>) -> Self {
        Self { context: context.clone(), entries }
    }

    /// Writes until the queue is closed and empty.
    pub async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        while self.entries.recv_many(&mut batch, BATCH).await > 0 {
            if batch.len() < BATCH && !self.entries.is_closed() {
                tokio::time::sleep(GATHER).await;
                while batch.len() < BATCH
                    && let Ok(entry) = self.entries.try_recv()
                {
                    batch.push(entry);
                }
            }
            self.write(&batch).await;
            batch.clear();
        }
    }

    /// Retries a batch while the database is unavailable; meanwhile the queue fills up, and then drops lines.
    async fn write(&self, batch: &[RequestLogEntry]) {
        while let Err(error) = write(&self.context.db, batch).await {
            if self.entries.is_closed() || error.status() != axum::http::StatusCode::SERVICE_UNAVAILABLE {
                tracing::error!(%error, lines = batch.len(), "lines of the request log are lost");
                self.context.metrics.log_dropped.inc_by(batch.len() as u64);
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn write(db: &Db, batch: &[RequestLogEntry]) -> Result<()> {
    let mut uses = BTreeMap::<Uuid, TokenUses>::new();
    for entry in batch.iter().filter(|entry| entry.caller.kind == CallerKind::Token) {
        let used = uses.entry(entry.caller.id).or_insert(TokenUses { times: 0, last: entry.at });
        used.times += 1;
        used.last = used.last.max(entry.at);
    }
    let mut tx = db.begin_global().await?;
    store::insert(&mut tx, batch).await?;
    for (token, used) in uses {
        tokens::count_uses(&mut tx, token, &used).await?;
    }
    tx.commit().await
}
