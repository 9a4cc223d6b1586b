//! How a router shows its errors.
//!
//! Handlers, extractors and layers refuse with an [`Error`], which travels as an extension of the response. The router's
//! [`super::Middleware`] hands it to the one presentation that the router was built with: a problem document on the API, a
//! page in the console.

use crate::error::Error;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use axum::response::Response;
use std::sync::Arc;

/// Makes the response to a request that failed.
pub type ErrorPresentation = fn(Failure<'_>) -> Response;

/// A request that failed, and what a presentation may show of it.
#[derive(Debug)]
pub struct Failure<'a> {
    /// Why it failed.
    pub error: &'a Error,
    /// The request's method.
    pub method: &'a Method,
    /// The request's address.
    pub uri: &'a Uri,
    /// The id under which the log knows the request.
    pub request_id: &'a str,
    /// The headers that the response has so far, such as `Retry-After` and those of CORS.
    pub headers: HeaderMap,
}

/// Replaces a response that carries an error by what the presentation makes of it. The causes go to the log and nowhere else.
pub(super) fn present(
    presentation: ErrorPresentation,
    response: Response,
    (method, uri, request_id): (&Method, &Uri, &str),
) -> Response {
    let Some(error) = response.extensions().get::<Arc<Error>>().cloned() else { return response };
    if let Some(causes) = error.causes() {
        if error.status().is_server_error() {
            tracing::error!(target: "embed_server::error", request_id, code = error.code().as_str(), causes, "{error}");
        } else {
            tracing::debug!(target: "embed_server::error", request_id, code = error.code().as_str(), causes, "{error}");
        }
    }
    let (parts, _) = response.into_parts();
    presentation(Failure { error: &error, method, uri, request_id, headers: parts.headers })
}

/// The presentation of the API: a problem document (RFC 9457).
pub fn problem_document(failure: Failure<'_>) -> Response {
    let Failure { error, request_id, mut headers, .. } = failure;
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.remove(header::CONTENT_LENGTH);
    let mut response = Response::new(Body::from(error.document(request_id).to_string()));
    *response.status_mut() = error.status();
    *response.headers_mut() = headers;
    response
}
