//! The line that a call leaves in the log, whichever way it ends.

use crate::error::{Code, Error};
use crate::http::caller::Caller;
use crate::http::request_log::{Line, RequestLog};
use axum::extract::Request;
use axum::http::header;
use axum::response::Response;
use chrono::{DateTime, Utc};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// What stands in the log where nobody waited for the answer.
const GONE: (Code, &str) = (Code::ClientGone, "The client went away before it was answered.");
/// And where something before the handler panicked.
const PANICKED: (Code, &str) = (Code::Internal, "The call ended in a panic.");

/// A line that is left when this goes: with the answer where there was one, and else with why there was none.
pub(super) struct OpenLine<'l> {
    log: &'l RequestLog,
    started: Instant,
    answered: bool,
    line: Option<Line>,
}

impl<'l> OpenLine<'l> {
    /// The line of a call that has just come.
    pub(super) fn new(
        log: &'l RequestLog,
        at: DateTime<Utc>,
        (site, module): (Uuid, Uuid),
        address: IpAddr,
        request: &Request,
    ) -> Self {
        let line = Line {
            at,
            site,
            module,
            caller: Caller::NOBODY,
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            origin: super::text(request.headers(), header::ORIGIN),
            address,
            user_agent: super::text(request.headers(), header::USER_AGENT),
            status: 0,
            took: Duration::ZERO,
            error: None,
        };
        Self { log, started: Instant::now(), answered: false, line: Some(line) }
    }

    /// Notes who it was.
    pub(super) fn called_by(&mut self, caller: &Caller) {
        if let Some(line) = &mut self.line {
            line.caller = caller.clone();
        }
    }

    /// Notes the answer, and leaves the line.
    pub(super) fn close(mut self, response: &Response) {
        let Some(line) = &mut self.line else { return };
        let error = response.extensions().get::<Arc<Error>>();
        line.error = error.map(|error| (error.code(), error.detail().to_owned()));
        line.status = response.status().as_u16();
        self.answered = true;
    }
}

impl Drop for OpenLine<'_> {
    fn drop(&mut self) {
        let Some(mut line) = self.line.take() else { return };
        if !self.answered {
            let (code, sentence) = if std::thread::panicking() { PANICKED } else { GONE };
            (line.status, line.error) = (code.status().as_u16(), Some((code, sentence.to_owned())));
        }
        line.took = self.started.elapsed();
        self.log.note(line);
    }
}
