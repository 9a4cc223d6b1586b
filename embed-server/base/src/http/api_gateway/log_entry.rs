//! The entry of a call in the request log, whichever way the call ends.

use crate::error::{Code, Error};
use crate::http::caller::Caller;
use crate::http::request_log::{RequestLog, RequestLogEntry};
use axum::extract::Request;
use axum::http::header;
use axum::response::Response;
use chrono::{DateTime, Utc};
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The outcome of a call whose client disconnected before the response.
const CLIENT_GONE: (Code, &str) = (Code::ClientGone, "The client went away before it was answered.");
/// The outcome of a call in which something before the handler panicked.
const PANICKED: (Code, &str) = (Code::Internal, "The call ended in a panic.");

/// The error of a response whose status does not tell it, such as GraphQL's. Set as an extension of the response, it goes into
/// the request log, and no error presentation sees it.
#[derive(Clone, Debug)]
pub struct ErrorInBody {
    /// The error's code.
    pub code: Code,
    /// The error's sentence.
    pub detail: String,
}

/// An entry that is queued when this is dropped, with the response's status or with the reason why there was no response.
pub(super) struct OpenLogEntry<'l> {
    log: &'l RequestLog,
    started: Instant,
    answered: bool,
    caller: OnceLock<Caller>,
    entry: Option<RequestLogEntry>,
}

impl<'l> OpenLogEntry<'l> {
    /// Begins the entry of a call.
    pub(super) fn new(
        log: &'l RequestLog,
        at: DateTime<Utc>,
        (site, module): (Uuid, Uuid),
        address: IpAddr,
        request: &Request,
    ) -> Self {
        let entry = RequestLogEntry {
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
        Self { log, started: Instant::now(), answered: false, caller: OnceLock::new(), entry: Some(entry) }
    }

    /// Sets the caller.
    pub(super) fn set_caller(&self, caller: &Caller) {
        // A request has one caller, so nothing is there yet.
        let _ = self.caller.set(caller.clone());
    }

    /// Sets the response, and queues the entry.
    pub(super) fn close(mut self, response: &Response) {
        let Some(entry) = &mut self.entry else { return };
        let error = response.extensions().get::<Arc<Error>>();
        let in_body = || {
            let error = response.extensions().get::<ErrorInBody>();
            error.map(|ErrorInBody { code, detail }| (*code, detail.clone()))
        };
        entry.error = error.map(|error| (error.code(), error.detail().to_owned())).or_else(in_body);
        entry.status = response.status().as_u16();
        self.answered = true;
    }
}

impl Drop for OpenLogEntry<'_> {
    fn drop(&mut self) {
        let Some(mut entry) = self.entry.take() else { return };
        if !self.answered {
            let (code, detail) = if std::thread::panicking() { PANICKED } else { CLIENT_GONE };
            (entry.status, entry.error) = (code.status().as_u16(), Some((code, detail.to_owned())));
        }
        if let Some(caller) = self.caller.take() {
            entry.caller = caller;
        }
        entry.took = self.started.elapsed();
        self.log.enqueue(entry);
    }
}
