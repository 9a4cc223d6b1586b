//! Records refused embeds as events for the site's owner, without letting strangers fill the database.
//!
//! The request only adds to a bounded queue, which drops what does not fit. Each origin of a module is recorded once
//! an hour, and at most [`PER_MODULE`] origins of a module.

use embed_base::Context;
use embed_base::events::Event;
use embed_base::{Code, Result};
use moka::future::Cache;
use serde::Serialize;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use uuid::Uuid;

const QUEUE: usize = 256;
const WINDOW: Duration = Duration::from_secs(60 * 60);
const PER_MODULE: usize = 50;
const MODULES: u64 = 10_000;

/// The kinds of events that refused embeds record.
pub const EVENTS: [&str; 1] = ["embed.blocked"];

#[derive(Serialize)]
struct BlockedEmbed {
    #[serde(skip)]
    site: Uuid,
    #[serde(skip)]
    module: Uuid,
    origin: String,
    code: &'static str,
}

impl Event for BlockedEmbed {
    fn kind(&self) -> &'static str {
        EVENTS[0]
    }

    fn data(&self) -> impl Serialize {
        self
    }
}

/// The end of the queue that requests write to.
pub struct BlockedQueue(mpsc::Sender<BlockedEmbed>);

/// The end of the queue that writes events.
pub struct BlockedRecorder {
    embeds: mpsc::Receiver<BlockedEmbed>,
    context: Context,
    /// The origins that were recorded within the last hour, by module.
    recorded: Cache<Uuid, Arc<Mutex<HashSet<String>>>>,
}

/// Creates the queue.
pub fn blocked_queue(context: &Context) -> (BlockedQueue, BlockedRecorder) {
    let (sender, embeds) = mpsc::channel(QUEUE);
    let recorded = Cache::builder().max_capacity(MODULES).time_to_live(WINDOW).build();
    (BlockedQueue(sender), BlockedRecorder { embeds, context: context.clone(), recorded })
}

impl BlockedQueue {
    pub fn push(&self, site: Uuid, module: Uuid, origin: &str, code: Code) {
        // A full queue means a flood, and more of its events would add nothing.
        let _ =
            self.0.try_send(BlockedEmbed { site, module, origin: origin.to_owned(), code: code.as_str() });
    }
}

impl BlockedRecorder {
    /// Records events until every [`BlockedQueue`] is dropped.
    pub async fn run(mut self) {
        while let Some(embed) = self.embeds.recv().await {
            if !self.is_new(&embed).await {
                continue;
            }
            if let Err(error) = self.record(embed).await {
                tracing::warn!(%error, "a refused embed could not be recorded");
            }
        }
    }

    async fn is_new(&self, embed: &BlockedEmbed) -> bool {
        let origins = self.recorded.get_with(embed.module, async { Arc::default() }).await;
        let mut origins = origins.lock().unwrap_or_else(PoisonError::into_inner);
        origins.len() < PER_MODULE && origins.insert(embed.origin.clone())
    }

    async fn record(&self, embed: BlockedEmbed) -> Result<()> {
        let mut change = self.context.change_unlisted(embed.site, Some(embed.module)).await?;
        change.event(&embed)?;
        change.commit_unlisted().await
    }
}
