//! The id under which the log knows a request. It comes from the client's `X-Request-Id` or is made here, and every response
//! and every problem document has it.

use crate::crypto::Random;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request};
use chrono::Utc;
use tower_http::request_id::MakeRequestId;
pub use tower_http::request_id::RequestId;
use uuid::Uuid;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Characters of the longest id that a client may choose.
const MAX_LENGTH: usize = 64;

/// The id as text.
pub fn request_id_text(id: &RequestId) -> &str {
    id.header_value().to_str().unwrap_or_default()
}

/// Removes a client's id that is long or harmful in a log, so that the request gets a new one.
pub(super) fn remove_harmful(headers: &mut HeaderMap) {
    let harmless = |id: &HeaderValue| {
        (1..=MAX_LENGTH).contains(&id.len())
            && id
                .as_bytes()
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    if headers.get(REQUEST_ID).is_some_and(|id| !harmless(id)) {
        headers.remove(REQUEST_ID);
    }
}

/// Makes ids of requests that have none.
#[derive(Clone, Copy)]
pub(super) struct NewRequestId;

impl MakeRequestId for NewRequestId {
    fn make_request_id<B>(&mut self, _: &Request<B>) -> Option<RequestId> {
        let mut text = Uuid::encode_buffer();
        let id = Random::default().id(Utc::now()).as_hyphenated().encode_lower(&mut text);
        HeaderValue::from_str(id).ok().map(RequestId::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_or_harmful_id_is_removed() {
        let long = "x".repeat(65);
        for (id, kept) in [
            ("abc-123_x.y", true),
            (&long[..64], true),
            (&long, false),
            ("", false),
            ("a b", false),
            ("a\"b", false),
            ("\u{e9}", false),
        ] {
            let mut headers =
                HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_bytes(id.as_bytes()).unwrap())]);
            remove_harmful(&mut headers);
            assert_eq!(headers.contains_key(REQUEST_ID), kept, "{id}");
        }
    }
}
