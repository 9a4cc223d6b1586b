//! Who may read an answer from another origin.

use crate::limits::Limit;
use axum::http::{HeaderMap, HeaderValue, Method, header};

/// Seconds for which a browser may remember a preflight.
const MAX_AGE: HeaderValue = HeaderValue::from_static("86400");

/// Which pages of other origins may read the answers of some routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// As the routes themselves say.
    Own,
    /// The page that asks, whoever it is, refusals and failures included: else it could not say what went wrong. No
    /// credentials are allowed, so the answer holds nothing that the page could not have asked for by itself.
    Asker,
}

impl Readers {
    /// Whether the request is a browser's question to us, and not to the routes, whether the page may ask.
    pub(super) fn preflight(self, method: &Method) -> bool {
        self == Self::Asker && method == Method::OPTIONS
    }

    /// Says so on the answer to a page of `origin`.
    pub(super) fn say(self, origin: Option<HeaderValue>, preflight: bool, headers: &mut HeaderMap) {
        if self == Self::Own {
            return;
        }
        headers.insert(header::VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = origin else { return };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_TO_ASKERS);
        if preflight {
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Content-Type"));
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        }
    }
}

/// A page whose scripts may call a module's API and read the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// What its calls are counted against; nothing for the module's own page and for this server's.
    pub limit: Option<Limit>,
}

/// What a module's API understands (server.md, "CORS").
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE, OPTIONS");
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "Content-Type, Authorization, X-API-Key, Idempotency-Key, If-Match, If-None-Match",
);
const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static(
    "ETag, Location, X-Request-Id, RateLimit-Policy, RateLimit, X-Rate-Limit, Retry-After, Idempotency-Replayed",
);

/// The same where nothing is read or changed.
const EXPOSED_TO_ASKERS: HeaderValue =
    HeaderValue::from_static("X-Request-Id, RateLimit-Policy, RateLimit, X-Rate-Limit, Retry-After");

/// Lets the page read the answer.
pub(super) fn allow(origin: &str, headers: &mut HeaderMap) {
    let Ok(origin) = HeaderValue::from_str(origin) else { return };
    // Sandboxed modules share the origin `null` with every other sandbox, and are trusted with no credentials.
    if origin != "null" {
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
}

/// Says what a page may ask that has asked whether it may.
pub(super) fn answer_preflight(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
}

/// Says that the answer depends on who asks, refusals included: a cache must not hand one page's to another.
pub(super) fn vary(headers: &mut HeaderMap) {
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
}
