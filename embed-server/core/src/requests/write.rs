//! Writing the log: whole batches, in one transaction each, with the use of every token counted along.

use super::store;
use crate::tokens::{self, TokenUses};
use embed_base::Context;
use embed_base::Result;
use embed_base::db::Db;
use embed_base::http::{CallerKind, Line};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;
use uuid::Uuid;

/// Lines in one statement: with 15 columns, below SQLite's limit of 32 766 parameters.
const BATCH: usize = 1_000;
/// How long lines are gathered. A batch costs one transaction, so few batches cost little.
const GATHER: Duration = Duration::from_millis(400);
/// How long to wait when the database did not take a batch.
const PAUSE: Duration = Duration::from_secs(2);

/// What writes the lines that requests leave.
pub struct Writer {
    context: Context,
    lines: Receiver<Line>,
}

impl Writer {
    /// Writes what comes out of the queue.
    pub fn new(context: &Context, lines: Receiver<Line>) -> Self {
        Self { context: context.clone(), lines }
    }

    /// Writes until the queue has no other end any more, and all that was in it.
    pub async fn keep_writing(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        while self.lines.recv_many(&mut batch, BATCH).await > 0 {
            if batch.len() < BATCH && !self.lines.is_closed() {
                tokio::time::sleep(GATHER).await;
                while batch.len() < BATCH
                    && let Ok(line) = self.lines.try_recv()
                {
                    batch.push(line);
                }
            }
            self.write(&batch).await;
            batch.clear();
        }
    }

    /// A batch that the database does not take is kept until it does; meanwhile the queue fills up, and then drops.
    async fn write(&self, batch: &[Line]) {
        while let Err(error) = write(&self.context.db, batch).await {
            if self.lines.is_closed() || error.status() != axum::http::StatusCode::SERVICE_UNAVAILABLE {
                tracing::error!(%error, lines = batch.len(), "lines of the request log are lost");
                self.context.metrics.log_dropped.inc_by(batch.len() as u64);
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn write(db: &Db, batch: &[Line]) -> Result<()> {
    let mut uses = BTreeMap::<Uuid, TokenUses>::new();
    for line in batch.iter().filter(|line| line.caller.kind == CallerKind::Token) {
        let used = uses.entry(line.caller.id).or_insert(TokenUses { times: 0, last: line.at });
        used.times += 1;
        used.last = used.last.max(line.at);
    }
    let mut tx = db.begin_global().await?;
    store::insert(&mut tx, batch).await?;
    for (token, used) in uses {
        tokens::count_uses(&mut tx, token, &used).await?;
    }
    tx.commit().await
}
