//! Telling the site's owner that a page was refused, without letting strangers fill his database.
//!
//! The request only puts a note into a bounded queue; when that is full the note is dropped. Of one origin and module an
//! hour sees one event, of one module at most [`PER_MODULE`].

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

/// The kinds of events that are recorded here.
pub const EVENTS: [&str; 1] = ["embed.blocked"];

/// A page that was refused with `code`.
#[derive(Serialize)]
struct Note {
    #[serde(skip)]
    site: Uuid,
    #[serde(skip)]
    module: Uuid,
    origin: String,
    code: &'static str,
}

impl Event for Note {
    fn kind(&self) -> &'static str {
        EVENTS[0]
    }

    fn data(&self) -> impl Serialize {
        self
    }
}

/// Where requests leave their notes.
pub struct Blocked(mpsc::Sender<Note>);

/// What writes the notes into the outbox.
pub struct BlockedLog {
    notes: mpsc::Receiver<Note>,
    context: Context,
    /// By module the origins that were recorded within the last hour.
    recorded: Cache<Uuid, Arc<Mutex<HashSet<String>>>>,
}

/// The two ends of the queue.
pub fn blocked(context: &Context) -> (Blocked, BlockedLog) {
    let (sender, notes) = mpsc::channel(QUEUE);
    let recorded = Cache::builder().max_capacity(MODULES).time_to_live(WINDOW).build();
    (Blocked(sender), BlockedLog { notes, context: context.clone(), recorded })
}

impl Blocked {
    /// Leaves a note.
    pub fn note(&self, site: Uuid, module: Uuid, origin: &str, code: Code) {
        // A full queue means a flood, of which enough is known already.
        let _ = self.0.try_send(Note { site, module, origin: origin.to_owned(), code: code.as_str() });
    }
}

impl BlockedLog {
    /// Records notes for as long as it is polled.
    pub async fn keep_recording(mut self) {
        while let Some(note) = self.notes.recv().await {
            if !self.is_new(&note).await {
                continue;
            }
            if let Err(error) = self.record(note).await {
                tracing::warn!(%error, "a refused embed could not be recorded");
            }
        }
    }

    async fn is_new(&self, note: &Note) -> bool {
        let origins = self.recorded.get_with(note.module, async { Arc::default() }).await;
        let mut origins = origins.lock().unwrap_or_else(PoisonError::into_inner);
        origins.len() < PER_MODULE && origins.insert(note.origin.clone())
    }

    async fn record(&self, note: Note) -> Result<()> {
        let mut change = self.context.change_unlisted(note.site, Some(note.module)).await?;
        change.event(&note)?;
        change.commit_unlisted().await
    }
}
