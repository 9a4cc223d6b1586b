//! Around every handler: an id, limits on time and size, errors as problem documents, who may read the answer, and a line
//! in the log. It is one layer and not six, because each costs every request.

use super::caller::Call;
use super::cors::Readers;
use crate::crypto::Random;
use crate::error::{Code, Error};
use crate::metrics::Metrics;
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use futures_util::FutureExt;
use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;
use uuid::Uuid;

/// The id under which the log knows a request. An extension of every request, for what tells of an error in another form
/// than a problem document.
#[derive(Clone, Debug)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// As text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest that a handler may take, body included, where nothing else is said.
pub const TIMEOUT: Duration = Duration::from_secs(30);
/// What is said to caches where the answer itself says nothing: it is the asker's and no proxy's to keep, and asked for
/// again each time.
const ASKERS_OWN: HeaderValue = HeaderValue::from_static("private, no-cache");
/// The largest body, where a route does not set its own limit.
const BODY_LIMIT: usize = 64 * 1024;

/// Sends every request to these routes through what is written above; `readers` may read the answers, which take no longer
/// than `within`.
pub fn passed<S>(routes: Router<S>, readers: Readers, within: Duration, metrics: Metrics) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    routes
        .method_not_allowed_fallback(wrong_method)
        .layer((from_fn_with_state((readers, within, metrics), passage), DefaultBodyLimit::max(BODY_LIMIT)))
}

async fn passage(
    State((readers, within, metrics)): State<(Readers, Duration, Metrics)>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let id = request_id(request.headers());
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();

    let origin = request.headers().get(header::ORIGIN).cloned();
    let preflight = readers.preflight(&method);

    let mut response =
        if preflight { StatusCode::NO_CONTENT.into_response() } else { caught(request, next, within).await };
    let shown = id.to_str().unwrap_or_default();
    if let Some(error) = response.extensions_mut().remove::<Arc<Error>>() {
        response = problem(response, &error, shown);
    }
    let (status, took) = (response.status().as_u16(), started.elapsed());
    metrics.request(route.clone(), status, took);
    let call = response.extensions().get::<Call>();
    tracing::info!(
        target: "embed_server::request",
        method = method.as_str(),
        route = route.as_ref().map_or("", |route| route.as_str()),
        status,
        micros = took.as_micros() as u64,
        request_id = shown,
        caller = call.map(|call| call.caller.kind.as_str()),
        site = call.map(|call| display(call.site)),
        module = call.map(|call| display(call.module)),
    );
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REQUEST_ID, id);
    headers.entry(header::CACHE_CONTROL).or_insert(ASKERS_OWN);
    readers.say(origin, preflight, headers);
    response
}

/// The handler's answer, whatever becomes of it: a panic is a 500 for one request, never an outage.
pub(super) async fn caught(request: Request, next: Next, within: Duration) -> Response {
    match AssertUnwindSafe(timeout(within, next.run(request))).catch_unwind().await {
        Ok(Ok(response)) => response,
        Ok(Err(elapsed)) => {
            Error::unavailable("The answer took too long; try again shortly.", elapsed).into_response()
        }
        Err(panic) => Error::internal(panic_message(&*panic)).into_response(),
    }
}

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
    Error::new(
        Code::NotFound,
        "There is nothing at this address. Check the path, and that it is asked on the right host.",
    )
}

/// The answer to a method that a path does not know.
pub async fn wrong_method(method: Method) -> Error {
    Error::new(
        Code::MethodNotAllowed,
        format!("This address does not answer {method}; `Allow` lists what it does."),
    )
}

fn problem(response: Response, error: &Error, id: &str) -> Response {
    if let Some(causes) = error.causes() {
        if error.status().is_server_error() {
            tracing::error!(request_id = id, code = error.code().as_str(), causes, "{error}");
        } else {
            tracing::debug!(request_id = id, code = error.code().as_str(), causes, "{error}");
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

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;
    use axum::routing::get;
    use serde_json::Value;
    use tower::ServiceExt;

    async fn ask(path: &str) -> (StatusCode, HeaderMap, Value) {
        async fn broken() -> &'static str {
            panic!("the password is hunter2")
        }
        let routes = Router::new().route("/broken", get(broken)).fallback(nothing_here);
        let request = Request::get(path)
            .header(REQUEST_ID, "abc")
            .header(header::ORIGIN, "https://example.com")
            .body(Body::empty())
            .unwrap();
        let response =
            passed(routes, Readers::Asker, TIMEOUT, Metrics::default()).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 10_000).await.unwrap();
        (parts.status, parts.headers, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn a_panic_is_a_readable_500_that_tells_nothing() {
        let (status, headers, problem) = ask("/broken").await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "https://example.com");
        assert_eq!((&problem["code"], &problem["requestId"]), (&"internal".into(), &"abc".into()));
        assert!(!problem.to_string().contains("hunter2"));
    }

    #[tokio::test]
    async fn a_path_that_nobody_serves_goes_the_same_way() {
        let (status, headers, problem) = ask("/nowhere").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(headers[REQUEST_ID], "abc");
        assert_eq!(problem["code"], "not_found");
    }
}
