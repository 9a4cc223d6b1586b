//! Who may read an answer from another origin.

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
        if preflight {
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Content-Type"));
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        }
    }
}
