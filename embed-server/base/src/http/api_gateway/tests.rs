use super::*;
use crate::clock::Clock;
use crate::error::Code;
use crate::http::request_log::RequestLogQueues;
use crate::metrics::Metrics;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::routing::get;
use futures_util::FutureExt;
use std::net::Ipv4Addr;
use std::sync::Arc;
use tower::ServiceExt;

fn shown(headers: &[(&'static str, &'static str)]) -> Result<Option<String>> {
    let headers =
        headers.iter().map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    credential(&HeaderMap::from_iter(headers)).map(|shown| shown.map(str::to_owned))
}

#[test]
fn a_credential_is_shown_in_one_of_two_headers() {
    for (headers, credential) in [
        (&[][..], None),
        (&[("authorization", "Bearer x")], Some("x")),
        (&[("authorization", "bearer  x ")], Some("x")),
        (&[("x-api-key", "x")], Some("x")),
        (&[("authorization", "Bearer x"), ("x-api-key", "x")], Some("x")),
    ] {
        assert_eq!(shown(headers).unwrap().as_deref(), credential, "{headers:?}");
    }
}

#[test]
fn other_credentials_are_refused_with_a_reason() {
    for (headers, code) in [
        (&[("authorization", "Basic eDp5")][..], Code::Unauthenticated),
        (&[("authorization", "Bearer")], Code::Unauthenticated),
        (&[("authorization", "Bearer x"), ("x-api-key", "y")], Code::InvalidRequest),
    ] {
        assert_eq!(shown(headers).unwrap_err().code(), code, "{headers:?}");
    }
}

#[test]
fn a_path_says_which_module_is_addressed() {
    let module = Uuid::now_v7();
    assert_eq!(module_of(&format!("/api/v1/modules/{module}/records/x")), Some(module));
    assert_eq!(module_of(&format!("/api/v1/modules/{module}")), Some(module));
    assert_eq!(module_of("/api/v1/modules/feedback/records"), None);
}

/// The origin of the page that may call the module.
const PAGE: &str = "https://example.test";

/// The state of a server with one module, which one page and every caller may call.
#[derive(Clone)]
struct TestState {
    limits: Arc<RateLimits>,
    log: RequestLog,
}

impl Lookups for TestState {
    async fn site_of(&self, _: Uuid) -> Result<Option<Uuid>> {
        Ok(Some(Uuid::nil()))
    }

    async fn allowed_page(&self, _: Uuid, _: Uuid, origin: &str) -> Result<Option<AllowedPage>> {
        Ok((origin == PAGE).then_some(AllowedPage { limit: None, is_app: false }))
    }

    async fn caller(&self, _: &ApiRequest<'_>, _: &str) -> Result<Authenticated> {
        Ok(Authenticated { caller: Caller::NOBODY, limit: None })
    }

    fn resource_metadata(&self, module: Uuid) -> String {
        format!("{PAGE}/metadata/{module}")
    }

    fn anonymous_limit(&self) -> NonZeroU32 {
        NonZeroU32::new(2).unwrap()
    }

    fn limits(&self) -> &RateLimits {
        &self.limits
    }

    fn log(&self) -> &RequestLog {
        &self.log
    }

    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        chrono::DateTime::UNIX_EPOCH
    }
}

/// A handler that panics, one that never answers and one that answers with the method, behind the gateway.
fn server(timeout: Duration) -> (Router, RequestLogQueues) {
    async fn broken() -> &'static str {
        panic!("nobody expects this")
    }
    async fn method(method: Method) -> String {
        method.to_string()
    }
    let limits = Arc::new(RateLimits::new(None, Clock::default(), Metrics::default()).unwrap());
    let (log, entries) = RequestLog::new(Metrics::default());
    let routes = Router::new()
        .route("/api/v1/modules/{module}/broken", get(broken))
        .route("/api/v1/modules/{module}/endless", get(std::future::pending::<&'static str>))
        .fallback(method);
    (behind_gateway(routes, TestState { limits, log }, timeout), entries)
}

fn ask(what: &str) -> Request {
    Request::get(format!("/api/v1/modules/{}/{what}", Uuid::nil()))
        .header(header::ORIGIN, PAGE)
        .extension(ClientAddress(Ipv4Addr::LOCALHOST.into()))
        .body(Body::empty())
        .unwrap()
}

fn is_readable(response: &Response) {
    assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], PAGE);
    assert_eq!(response.headers()[header::VARY], "Origin");
}

#[tokio::test]
async fn a_page_can_read_that_something_panicked_and_the_log_says_so() {
    let (server, mut entries) = server(CALL_TIMEOUT);
    let response = server.oneshot(ask("broken")).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    is_readable(&response);
    let entry = entries.strangers.try_recv().unwrap();
    assert_eq!((entry.status, entry.error.unwrap().0), (500, Code::Internal));
}

#[tokio::test]
async fn a_page_can_read_that_an_answer_took_too_long_and_the_log_says_so() {
    // The middleware around the gateway sets no CORS headers, so its timeout must not be the first to end.
    const { assert!(CALL_TIMEOUT.as_secs() < TIMEOUT.as_secs()) };
    let (server, mut entries) = server(Duration::ZERO);
    let response = server.oneshot(ask("endless")).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    is_readable(&response);
    let entry = entries.strangers.try_recv().unwrap();
    assert_eq!((entry.status, entry.error.unwrap().0), (503, Code::Unavailable));
}

#[tokio::test]
async fn a_client_that_disconnects_leaves_a_log_entry() {
    let (server, mut entries) = server(CALL_TIMEOUT);
    let mut answer = Box::pin(server.oneshot(ask("endless")));
    assert!((&mut answer).now_or_never().is_none());
    assert!(entries.strangers.try_recv().is_err(), "it is not over yet");
    drop(answer);
    let entry = entries.strangers.try_recv().unwrap();
    assert_eq!((entry.status, entry.error.unwrap().0), (499, Code::ClientGone));
    assert_eq!(entry.path, format!("/api/v1/modules/{}/endless", Uuid::nil()));
    assert!(entries.strangers.try_recv().is_err(), "one entry, and no more");
}

/// The response to an OPTIONS request, with its body.
async fn options(origin: Option<&'static str>, preflight: bool) -> (Response, String) {
    let (server, _entries) = server(CALL_TIMEOUT);
    let mut request = ask("records");
    *request.method_mut() = Method::OPTIONS;
    request.headers_mut().remove(header::ORIGIN);
    if let Some(origin) = origin {
        request.headers_mut().insert(header::ORIGIN, HeaderValue::from_static(origin));
    }
    if preflight {
        request.headers_mut().insert(header::ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("PUT"));
    }
    let (parts, body) = server.oneshot(request).await.unwrap().into_parts();
    let body = String::from_utf8(to_bytes(body, 1_000).await.unwrap().to_vec()).unwrap();
    (Response::from_parts(parts, Body::empty()), body)
}

#[tokio::test]
async fn a_preflight_of_an_allowed_page_is_answered_before_the_routes() {
    let (response, body) = options(Some(PAGE), true).await;
    assert_eq!((response.status(), body.as_str()), (StatusCode::OK, ""));
    is_readable(&response);
    assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
    assert_eq!(response.headers()[header::ACCESS_CONTROL_MAX_AGE], "86400");
}

#[tokio::test]
async fn a_preflight_of_another_page_is_refused() {
    let (response, _) = options(Some("https://evil.test"), true).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(response.headers()[header::VARY], "Origin");
    let cors = |name: &&HeaderName| name.as_str().starts_with("access-control-");
    assert_eq!(response.headers().keys().find(cors), None);
}

#[tokio::test]
async fn an_options_request_that_is_no_preflight_reaches_the_routes() {
    let (response, body) = options(Some(PAGE), false).await;
    assert_eq!(body, "OPTIONS");
    is_readable(&response);
    for preflight in [true, false] {
        let (response, body) = options(None, preflight).await;
        assert_eq!(body, "OPTIONS", "without an origin there is no preflight");
        assert!(!response.headers().contains_key(header::ACCESS_CONTROL_EXPOSE_HEADERS));
        assert_eq!(response.headers()[header::VARY], "Origin");
    }
}

#[tokio::test]
async fn a_stranger_beyond_the_limit_is_refused_before_anything_is_looked_up_and_counted() {
    let (server, mut entries) = server(CALL_TIMEOUT);
    for expected in [StatusCode::OK, StatusCode::OK, StatusCode::TOO_MANY_REQUESTS] {
        let mut request = ask("records");
        request.headers_mut().remove(header::ORIGIN);
        let response = server.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), expected);
        assert!(response.headers().contains_key("ratelimit"));
    }
    let mut page = ask("records");
    page.headers_mut().insert(header::ORIGIN, HeaderValue::from_static("https://another.test"));
    let refused = server.clone().oneshot(page).await.unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "https://another.test");
    assert!(!refused.headers().contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS));
    let mut proved = ask("records");
    proved.headers_mut().insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer x"));
    assert_eq!(
        server.oneshot(proved).await.unwrap().status(),
        StatusCode::OK,
        "a credential is counted by itself"
    );
    let logged = std::iter::from_fn(|| entries.strangers.try_recv().ok()).count();
    assert_eq!((logged, entries.refusals.take(chrono::DateTime::UNIX_EPOCH)[0].count), (3, 2));
}
