//! The queues of the log of calls of modules' APIs. A background task writes the entries to the database. A full queue
//! drops the entry and counts that, and never delays a request. Callers without a valid credential have a queue of their
//! own, so that nobody hides a proved caller's entry behind a flood.

use super::refusals::Refusals;
use super::{Caller, CallerKind};
use crate::error::Code;
use crate::metrics::Metrics;
use chrono::{DateTime, Utc};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use uuid::Uuid;

/// The entries of some seconds on a busy server, at about 500 bytes each.
pub const QUEUE: usize = 20_000;
/// Those of callers without a valid credential.
pub const STRANGERS_QUEUE: usize = 2_000;
/// Characters that are kept of each text that a client sends. They are cut before the entry is queued, so that clients with
/// the longest headers do not fill the memory.
const MAX_TEXT: usize = 1_000;

/// One call of a module's API.
#[derive(Clone, Debug)]
pub struct RequestLogEntry {
    /// When the request arrived.
    pub at: DateTime<Utc>,
    /// The tenant.
    pub site: Uuid,
    /// The module.
    pub module: Uuid,
    /// The caller.
    pub caller: Caller,
    /// The HTTP method.
    pub method: String,
    /// The path, without the query, which may hold personal data.
    pub path: String,
    /// The page's origin, as its browser sent it.
    pub origin: Option<String>,
    /// The client's address.
    pub address: IpAddr,
    /// The client's `User-Agent`.
    pub user_agent: Option<String>,
    /// The response's status.
    pub status: u16,
    /// How long the response took.
    pub took: Duration,
    /// The code and the sentence of a response that is an error.
    pub error: Option<(Code, String)>,
}

impl RequestLogEntry {
    fn truncate(&mut self) {
        let message = self.error.as_mut().map(|(_, message)| message);
        let given = [self.origin.as_mut(), self.user_agent.as_mut(), message];
        for text in given.into_iter().flatten().chain([&mut self.method, &mut self.path]) {
            if let Some((end, _)) = text.char_indices().nth(MAX_TEXT) {
                text.truncate(end);
                text.shrink_to_fit();
            }
        }
    }
}

/// The sender of the queues. Cheap to clone.
#[derive(Clone)]
pub struct RequestLog {
    proved: mpsc::Sender<RequestLogEntry>,
    strangers: mpsc::Sender<RequestLogEntry>,
    refusals: Arc<Refusals>,
    metrics: Metrics,
}

/// The other ends.
pub struct RequestLogQueues {
    /// The entries of callers with a valid credential.
    pub proved: mpsc::Receiver<RequestLogEntry>,
    /// The entries of the others.
    pub strangers: mpsc::Receiver<RequestLogEntry>,
    /// What has no entry.
    pub refusals: Arc<Refusals>,
}

impl RequestLog {
    /// Both ends of the queues.
    pub fn new(metrics: Metrics) -> (Self, RequestLogQueues) {
        let (sender, proved) = mpsc::channel(QUEUE);
        let (strangers_sender, strangers) = mpsc::channel(STRANGERS_QUEUE);
        let refusals = Arc::<Refusals>::default();
        let log = Self { proved: sender, strangers: strangers_sender, refusals: refusals.clone(), metrics };
        (log, RequestLogQueues { proved, strangers, refusals })
    }

    /// Queues an entry, or counts it where a module has had many refusals in this hour.
    pub fn enqueue(&self, mut entry: RequestLogEntry) {
        let queue = match entry.caller.kind {
            CallerKind::Nobody if !self.refusals.logs(entry.module, entry.at, entry.status >= 400) => return,
            CallerKind::Nobody => &self.strangers,
            _ => &self.proved,
        };
        entry.truncate();
        if queue.try_send(entry).is_err() {
            self.metrics.log_dropped.inc();
        }
    }

    /// Counts a refusal that gets no entry.
    pub fn count_refusal(&self, module: Uuid, at: DateTime<Utc>) {
        self.refusals.count(module, at);
    }
}
