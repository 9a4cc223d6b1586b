//! Around every handler: outermost the id, the log and the problem documents, innermost what keeps one bad request from
//! harming others.

use crate::error::Error;
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tower_http::catch_panic::CatchPanicLayer;
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest that a handler may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest body, where a route does not set its own limit.
const BODY_LIMIT: usize = 64 * 1024;

/// The outermost layer of a router. Gives the request an id (or keeps the one that a proxy gave), writes errors as problem
/// documents, and logs one line.
pub async fn passage(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(request.headers());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();

    let mut response = next.run(request).await;
    if let Some(error) = response.extensions_mut().remove::<Arc<Error>>() {
        response = problem(response, &error, id.to_str().unwrap_or_default());
    }
    let status = response.status().as_u16();
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    tracing::info!(
        target: "embed_server::request",
        method = method.as_str(),
        route = route.as_ref().map_or("", |route| route.as_str()),
        status,
        micros = started.elapsed().as_micros() as u64,
        request_id = id.to_str().unwrap_or_default(),
    );
    headers.insert(REQUEST_ID, id);
    response
}

/// Puts limits on time and size around the routes of a capability, and turns a panic into a 500 for one request.
pub fn guarded<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    routes
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(within_time))
}

async fn within_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(elapsed) => {
            Error::unavailable("The answer took too long; try again shortly.", elapsed).into_response()
        }
    }
}

fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let message = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(message), _) => (*message).to_owned(),
        (_, Some(message)) => message.clone(),
        _ => "no message".to_owned(),
    };
    Error::internal(format!("a handler panicked: {message}")).into_response()
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
        let id = Uuid::now_v7().as_hyphenated().encode_lower(&mut text);
        HeaderValue::from_str(id).unwrap_or(HeaderValue::from_static("-"))
    })
}
