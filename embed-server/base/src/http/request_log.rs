//! Where calls of a module's API leave a line about themselves. Writing it down is another's work, beside the requests:
//! a full queue drops the line and counts that, and never holds a request up.

use super::Caller;
use crate::error::Code;
use crate::metrics::Metrics;
use chrono::{DateTime, Utc};
use std::net::IpAddr;
use std::time::Duration;
use tokio::sync::mpsc;
use uuid::Uuid;

/// Some seconds of a busy server, at about 500 bytes a line.
const QUEUE: usize = 20_000;
/// What a client says of itself is kept up to here, in characters, and cut before it is queued: whoever sends the longest
/// headers that there may be shall not fill the memory with them.
const LONGEST_TEXT: usize = 1_000;

/// One call of a module's API.
#[derive(Clone, Debug)]
pub struct Line {
    /// When it came.
    pub at: DateTime<Utc>,
    /// The tenant.
    pub site: Uuid,
    /// The module.
    pub module: Uuid,
    /// Who called.
    pub caller: Caller,
    /// The HTTP method.
    pub method: String,
    /// The path, without the query, which may hold what is nobody's business.
    pub path: String,
    /// The page's origin, as its browser said.
    pub origin: Option<String>,
    /// The client's address.
    pub address: IpAddr,
    /// What the client calls itself.
    pub user_agent: Option<String>,
    /// The answer's status.
    pub status: u16,
    /// How long the answer took.
    pub took: Duration,
    /// The code and the sentence of an answer that is an error.
    pub error: Option<(Code, String)>,
}

impl Line {
    fn cut(&mut self) {
        let message = self.error.as_mut().map(|(_, message)| message);
        let given = [self.origin.as_mut(), self.user_agent.as_mut(), message];
        for text in given.into_iter().flatten().chain([&mut self.method, &mut self.path]) {
            if let Some((end, _)) = text.char_indices().nth(LONGEST_TEXT) {
                text.truncate(end);
                text.shrink_to_fit();
            }
        }
    }
}

/// The end of the queue that requests have. Cheap to clone.
#[derive(Clone)]
pub struct RequestLog {
    lines: mpsc::Sender<Line>,
    metrics: Metrics,
}

impl RequestLog {
    /// The two ends of the queue.
    pub fn new(metrics: Metrics) -> (Self, mpsc::Receiver<Line>) {
        let (lines, written) = mpsc::channel(QUEUE);
        (Self { lines, metrics }, written)
    }

    /// Leaves a line.
    pub fn note(&self, mut line: Line) {
        line.cut();
        if self.lines.try_send(line).is_err() {
            self.metrics.log_dropped.inc();
        }
    }
}
