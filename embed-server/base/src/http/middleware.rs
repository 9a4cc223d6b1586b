//! What surrounds every route: a request id, limits on time and size, errors in the router's presentation, a line in the
//! log, and the headers that every response has.

use super::caller::Call;
use super::cors::CorsPolicy;
use super::error_presentation::{ErrorPresentation, present};
use super::fallback::method_not_allowed;
use crate::crypto::Random;
use crate::error::Error;
use crate::metrics::Metrics;
use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use futures_util::FutureExt;
use std::any::Any;
use std::panic::AssertUnwindSafe;
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
/// How long a response may take, the reading of the body included, where a router sets no other limit.
pub const TIMEOUT: Duration = Duration::from_secs(30);
/// The `Cache-Control` of responses that set none: they are for one caller, so no proxy keeps them, and a browser asks
/// again each time.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");
/// The largest body in bytes, where a route sets no other limit.
const BODY_LIMIT: usize = 64 * 1024;

/// What is set for all routes of a router.
#[derive(Clone)]
pub struct Middleware {
    /// How errors are shown.
    pub present_error: ErrorPresentation,
    /// Which pages of other origins may read the responses.
    pub cors: CorsPolicy,
    /// How long a response may take, the reading of the body included.
    pub timeout: Duration,
    /// Where requests are counted.
    pub metrics: Metrics,
}

impl Middleware {
    /// Puts the middleware around the routes.
    pub fn around<S>(self, routes: Router<S>) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        routes
            .method_not_allowed_fallback(method_not_allowed)
            .layer((from_fn_with_state(self, handle), DefaultBodyLimit::max(BODY_LIMIT)))
    }
}

async fn handle(State(middleware): State<Middleware>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let Middleware { present_error, cors, timeout, metrics } = middleware;
    let id = request_id(request.headers());
    request.extensions_mut().insert(RequestId(id.clone()));
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let origin = request.headers().get(header::ORIGIN).cloned();
    let preflight = cors.is_preflight(&method);

    let response =
        if preflight { StatusCode::NO_CONTENT.into_response() } else { caught(request, next, timeout).await };
    let call = response.extensions().get::<Call>().cloned();
    let shown = id.to_str().unwrap_or_default();
    let mut response = present(present_error, response, (&method, &uri, shown));
    let (status, took) = (response.status().as_u16(), started.elapsed());
    metrics.request(route.clone(), status, took);
    tracing::info!(
        target: "embed_server::request",
        method = method.as_str(),
        route = route.as_ref().map_or("", |route| route.as_str()),
        status,
        micros = took.as_micros() as u64,
        request_id = shown,
        caller = call.as_ref().map(|call| call.caller.kind.as_str()),
        site = call.as_ref().map(|call| tracing::field::display(call.site)),
        module = call.as_ref().map(|call| tracing::field::display(call.module)),
    );
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REQUEST_ID, id);
    headers.entry(header::CACHE_CONTROL).or_insert(PRIVATE);
    cors.set_headers(origin, preflight, headers);
    response
}

/// The handler's response, or an error where the handler panics or takes too long.
pub(super) async fn caught(request: Request, next: Next, limit: Duration) -> Response {
    match AssertUnwindSafe(timeout(limit, next.run(request))).catch_unwind().await {
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

/// A caller's id is kept when it is short and harmless in a log; else the request gets a new one.
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
    use crate::http::{Failure, not_found, problem_document};
    use axum::body::{Body, to_bytes};
    use axum::http::Method;
    use axum::routing::get;
    use serde_json::Value;
    use tower::ServiceExt;

    async fn broken() -> &'static str {
        panic!("the password is hunter2")
    }

    fn router(present_error: ErrorPresentation, timeout: Duration) -> Router {
        let routes = Router::new()
            .route("/broken", get(broken))
            .route("/endless", get(std::future::pending::<&'static str>))
            .fallback(not_found);
        let cors = CorsPolicy::AnyPage;
        Middleware { present_error, cors, timeout, metrics: Metrics::default() }.around(routes)
    }

    async fn ask(router: Router, method: Method, path: &str) -> (StatusCode, HeaderMap, String) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(REQUEST_ID, "abc")
            .header(header::ORIGIN, "https://example.com")
            .body(Body::empty())
            .unwrap();
        let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
        let body = to_bytes(body, 10_000).await.unwrap();
        (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn problem(method: Method, path: &str, timeout: Duration) -> (StatusCode, HeaderMap, Value) {
        let (status, headers, body) = ask(router(problem_document, timeout), method, path).await;
        (status, headers, serde_json::from_str(&body).unwrap())
    }

    #[tokio::test]
    async fn a_panic_is_a_readable_500_that_tells_nothing() {
        let (status, headers, problem) = problem(Method::GET, "/broken", TIMEOUT).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "https://example.com");
        assert_eq!((&problem["code"], &problem["requestId"]), (&"internal".into(), &"abc".into()));
        assert!(!problem.to_string().contains("hunter2"));
    }

    #[tokio::test]
    async fn an_answer_that_takes_too_long_is_a_readable_503() {
        let (status, headers, problem) = problem(Method::GET, "/endless", Duration::ZERO).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "https://example.com");
        assert_eq!(headers[header::RETRY_AFTER], "2");
        assert_eq!(problem["code"], "unavailable");
    }

    #[tokio::test]
    async fn an_unknown_path_is_a_problem_document() {
        let (status, headers, problem) = problem(Method::GET, "/nowhere", TIMEOUT).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(headers[REQUEST_ID], "abc");
        assert_eq!(problem["code"], "not_found");
    }

    /// Shows all that a presentation is given.
    fn sentence(failure: Failure<'_>) -> Response {
        let Failure { error, method, uri, request_id, headers } = failure;
        let retry = headers.get(header::RETRY_AFTER).map(|seconds| seconds.to_str().unwrap());
        let text = format!("{method} {uri} ({request_id}): {}, {retry:?}", error.code().as_str());
        (error.status(), text).into_response()
    }

    #[tokio::test]
    async fn every_error_of_a_router_has_the_routers_presentation() {
        for (method, path, timeout, text) in [
            (Method::GET, "/broken?a=b", TIMEOUT, "GET /broken?a=b (abc): internal, None"),
            (Method::GET, "/endless", Duration::ZERO, "GET /endless (abc): unavailable, Some(\"2\")"),
            (Method::GET, "/nowhere", TIMEOUT, "GET /nowhere (abc): not_found, None"),
            (Method::PUT, "/broken", TIMEOUT, "PUT /broken (abc): method_not_allowed, None"),
        ] {
            let (_, headers, body) = ask(router(sentence, timeout), method, path).await;
            assert_eq!(body, text, "{path}");
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        }
    }
}
