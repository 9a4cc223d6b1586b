//! Writes the log in batches, one transaction each, together with the use count of every token, and counts of refusals that
//! have no line.

use super::store;
use crate::tokens::{self, TokenUses};
use embed_base::Context;
use embed_base::Result;
use embed_base::db::Db;
use embed_base::http::{CallerKind, RequestLogEntry, RequestLogQueues};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The most lines in one statement: with 15 columns, below SQLite's limit of 32 766 parameters.
const BATCH: usize = 1_000;
/// How long lines are gathered, because a batch costs one transaction whatever its size.
const GATHER: Duration = Duration::from_millis(400);
/// The pause after the database has failed to take a batch.
const PAUSE: Duration = Duration::from_secs(2);

/// How often refusals without a line are written.
const REFUSALS_PERIOD: Duration = Duration::from_secs(1);

/// Writes the lines that requests add to the queues.
pub struct RequestLogWriter {
    context: Context,
    queues: RequestLogQueues,
}

impl RequestLogWriter {
    pub fn new(context: &Context, queues: RequestLogQueues) -> Self {
        Self { context: context.clone(), queues }
    }

    /// Writes until the queues are closed and empty. Entries of proved callers come first.
    pub async fn run(mut self) {
        let (mut batch, mut others) = (Vec::with_capacity(BATCH), Vec::new());
        let (mut proved, mut strangers) = (true, true);
        let mut tick = tokio::time::interval(REFUSALS_PERIOD);
        let mut written = Instant::now();
        while proved || strangers {
            let queues = &mut self.queues;
            tokio::select! {
                biased;
                count = queues.proved.recv_many(&mut batch, BATCH), if proved => proved = count > 0,
                count = queues.strangers.recv_many(&mut others, BATCH), if strangers => strangers = count > 0,
                _ = tick.tick() => {}
            }
            batch.append(&mut others);
            if !batch.is_empty() {
                self.gather(&mut batch).await;
                self.write(&batch).await;
                batch.clear();
            }
            if written.elapsed() >= REFUSALS_PERIOD {
                self.write_refusals().await;
                written = Instant::now();
            }
        }
        self.write_refusals().await;
    }

    /// Waits a moment for more entries, unless the server ends.
    async fn gather(&mut self, batch: &mut Vec<RequestLogEntry>) {
        if batch.len() >= BATCH || self.queues.proved.is_closed() {
            return;
        }
        tokio::time::sleep(GATHER).await;
        let RequestLogQueues { proved, strangers, .. } = &mut self.queues;
        while batch.len() < BATCH
            && let Some(entry) = proved.try_recv().ok().or_else(|| strangers.try_recv().ok())
        {
            batch.push(entry);
        }
    }

    /// Adds the counts of refusals to their hours. Those that cannot be written are lost, because they are many.
    async fn write_refusals(&self) {
        let counts = self.queues.refusals.take(self.context.clock.now());
        if counts.is_empty() {
            return;
        }
        let written = async {
            let mut tx = self.context.db.begin_global().await?;
            for count in &counts {
                store::add_refusals(&mut tx, count).await?;
            }
            tx.commit().await
        };
        if let Err(error) = written.await {
            tracing::warn!(%error, "counts of refused calls are lost");
        }
    }

    /// Retries a batch while the database is unavailable; meanwhile the queue fills up, and then drops lines.
    async fn write(&self, batch: &[RequestLogEntry]) {
        while let Err(error) = write(&self.context.db, batch).await {
            if self.queues.proved.is_closed() || error.status() != axum::http::StatusCode::SERVICE_UNAVAILABLE
            {
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
