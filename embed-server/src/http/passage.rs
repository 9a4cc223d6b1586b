//! Around every handler: an id, limits on time and size, errors as problem documents, and a line in the log. It is one
//! layer and not five, because each costs every request.

use crate::crypto::Random;
use crate::error::Error;
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use futures_util::FutureExt;
use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest that a handler may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest body, where a route does not set its own limit.
const BODY_LIMIT: usize = 64 * 1024;

/// Sends every request to these routes through what is written above.
pub fn passed<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    routes
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn(passage))
}

async fn passage(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(request.headers());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();

    let answer = AssertUnwindSafe(timeout(TIMEOUT, next.run(request))).catch_unwind().await;
    let mut response = match answer {
        Ok(Ok(response)) => response,
        Ok(Err(elapsed)) => {
            Error::unavailable("The answer took too long; try again shortly.", elapsed).into_response()
        }
        Err(panic) => Error::internal(panic_message(&*panic)).into_response(),
    };
    let shown = id.to_str().unwrap_or_default();
    if let Some(error) = response.extensions_mut().remove::<Arc<Error>>() {
        response = problem(response, &error, shown);
    }
    tracing::info!(
        target: "embed_server::request",
        method = method.as_str(),
        route = route.as_ref().map_or("", |route| route.as_str()),
        status = response.status().as_u16(),
        micros = started.elapsed().as_micros() as u64,
        request_id = shown,
    );
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REQUEST_ID, id);
    response
}

/// A panic in a handler is a 500 for one request, never an outage.
fn panic_message(panic: &(dyn Any + Send)) -> String {
    let message = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(message), _) => message,
        (_, Some(message)) => message.as_str(),
        _ => "no message",
    };
    format!("a handler panicked: {message}")
}

/// The answer to a path that nobody serves.
pub async fn nothing_here() -> Error {
    Error::not_found(
        "not_found",
        "There is nothing at this address. Check the path, and that it is asked on the right host.",
    )
}

/// The answer to a method that a path does not know.
async fn wrong_method(method: Method) -> Error {
    let status = axum::http::StatusCode::METHOD_NOT_ALLOWED;
    Error::new(
        status,
        "method_not_allowed",
        format!("This address does not answer {method}; `Allow` lists what it does."),
    )
}

fn problem(response: Response, error: &Error, id: &str) -> Response {
    if let Some(causes) = error.causes() {
        if error.status().is_server_error() {
            tracing::error!(request_id = id, code = error.code(), causes, "{error}");
        } else {
            tracing::debug!(request_id = id, code = error.code(), causes, "{error}");
        }
    }
    let (mut parts, _) = response.into_parts();
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(error.document(id).to_string()))
}

/// A proxy's id is kept when it is short and harmless in a log; else the request gets a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let harmless = |id: &&HeaderValue| {
        (1..=64).contains(&id.len())
            && id
                .as_bytes()
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    headers.get(REQUEST_ID).filter(harmless).cloned().unwrap_or_else(|| {
        let mut text = Uuid::encode_buffer();
        let id = Random::default().id(Utc::now()).as_hyphenated().encode_lower(&mut text);
        HeaderValue::from_str(id).unwrap_or(HeaderValue::from_static("-"))
    })
}
