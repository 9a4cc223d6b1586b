//! How errors look below `/oauth`: JSON with the codes of RFC 6749, section 5.2.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use embed_base::http::Failure;
use embed_base::{Code, Error};
use serde_json::json;

/// Where a client can read what to change.
fn code_of(error: &Error) -> &'static str {
    match error.code() {
        Code::InvalidClient
        | Code::InvalidGrant
        | Code::InvalidScope
        | Code::InvalidTarget
        | Code::UnauthorizedClient
        | Code::UnsupportedGrantType => error.code().as_str(),
        Code::Unauthenticated => "invalid_token",
        Code::Forbidden => "insufficient_scope",
        Code::RateLimited | Code::Unavailable => "temporarily_unavailable",
        _ if error.status().is_server_error() => "server_error",
        _ => "invalid_request",
    }
}

/// The sentence with the characters that RFC 6749 allows in `error_description`.
pub(super) fn description(text: &str) -> String {
    let allowed = |character: char| match character {
        '"' => '\'',
        '\\' => '/',
        '…' => '.',
        ' '..='~' => character,
        _ => '?',
    };
    text.chars().map(allowed).collect()
}

/// The presentation of the routers below `/oauth`.
pub fn oauth_error(failure: Failure<'_>) -> Response {
    let Failure { error, mut headers, .. } = failure;
    let body = json!({ "error": code_of(error), "error_description": description(error.detail()) });
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.remove(header::CONTENT_LENGTH);
    // Who failed as a client is challenged where it used HTTP Basic, and nowhere else.
    let bearer = headers.get(header::WWW_AUTHENTICATE).is_some_and(|challenge| challenge == "Bearer");
    if bearer && error.code() == Code::InvalidClient {
        headers.remove(header::WWW_AUTHENTICATE);
    }
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status_of(error);
    *response.headers_mut() = headers;
    response
}

/// RFC 6749 has 400 for a body of the wrong type.
fn status_of(error: &Error) -> StatusCode {
    match error.code() {
        Code::UnsupportedMediaType => StatusCode::BAD_REQUEST,
        _ => error.status(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_description_has_no_character_that_the_rfc_excludes(text in ".{0,80}") {
            let written = description(&text);
            prop_assert!(written.chars().all(|character| matches!(character, ' '..='!' | '#'..='[' | ']'..='~')));
            prop_assert_eq!(written.chars().count(), text.chars().count());
        }
    }
}
