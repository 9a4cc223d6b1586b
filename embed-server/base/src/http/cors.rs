//! The headers of CORS: which pages of other origins may read a response.

use crate::limits::Limit;
use axum::http::{HeaderMap, HeaderValue, Method, header};

/// Seconds for which a browser may remember a preflight.
const MAX_AGE: HeaderValue = HeaderValue::from_static("86400");

/// Which pages of other origins may read the responses of a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorsPolicy {
    /// The routes decide.
    Routes,
    /// Every page may, refusals and failures included: else it could not say what went wrong. No credentials are allowed,
    /// so a response holds nothing that the page could not have asked for by itself.
    AnyPage,
}

impl CorsPolicy {
    /// Whether the request is a preflight, which no route answers.
    pub(super) fn is_preflight(self, method: &Method) -> bool {
        self == Self::AnyPage && method == Method::OPTIONS
    }

    /// Sets the headers on the response to a page of `origin`.
    pub(super) fn set_headers(self, origin: Option<HeaderValue>, preflight: bool, headers: &mut HeaderMap) {
        if self == Self::Routes {
            return;
        }
        headers.insert(header::VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = origin else { return };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_TO_ANY_PAGE);
        if preflight {
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Content-Type"));
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        }
    }
}

/// A page whose scripts may call a module's API and read the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllowedPage {
    /// The limit of its domain; none for the module's own page and for this server's.
    pub limit: Option<Limit>,
}

/// What pages may send to a module's API (server.md, "CORS").
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE, OPTIONS");
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "Content-Type, Authorization, X-API-Key, Idempotency-Key, If-Match, If-None-Match",
);
const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static(
    "ETag, Location, X-Request-Id, RateLimit-Policy, RateLimit, X-Rate-Limit, Retry-After, Idempotency-Replayed",
);

/// The response headers that every page may read where no module's data is read or changed.
const EXPOSED_TO_ANY_PAGE: HeaderValue =
    HeaderValue::from_static("X-Request-Id, RateLimit-Policy, RateLimit, X-Rate-Limit, Retry-After");

/// Lets the page read the response.
pub(super) fn allow(origin: &str, headers: &mut HeaderMap) {
    let Ok(origin) = HeaderValue::from_str(origin) else { return };
    // Sandboxed modules share the origin `null` with every other sandbox, and are trusted with no credentials.
    if origin != "null" {
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
}

/// Answers a preflight.
pub(super) fn answer_preflight(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
}

/// Every response depends on the origin, refusals included: a cache must not give one page's to another.
pub(super) fn vary(headers: &mut HeaderMap) {
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
}
