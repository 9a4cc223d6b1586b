//! The headers of CORS: which pages of other origins may read a response.

use crate::limits::Limit;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::response::Response;
use std::convert::Infallible;
use std::sync::LazyLock;
use std::time::Duration;
use tower::{Layer, Service, ServiceExt};
use tower_http::cors::{AllowCredentials, AllowOrigin, CorsLayer};

/// How long a browser may remember a preflight.
const MAX_AGE: Duration = Duration::from_secs(86_400);

/// Which pages of other origins may read the responses of a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorsPolicy {
    /// The routes decide.
    Routes,
    /// Every page may, refusals and failures included: else it could not say what went wrong. No credentials are allowed,
    /// so a response holds nothing that the page could not have asked for by itself.
    AnyPage,
    /// The routes decide, and every page may send what headers it likes: scripts that watch a page add theirs to each of its
    /// requests, which makes browsers ask first.
    Files,
    /// Every page may, without credentials: what an app's page needs of the authorization server.
    OAuth,
}

/// What pages may send to the authorization server.
const OAUTH_HEADERS: &str = "Authorization, Content-Type, X-Requested-With, traceparent, DPoP";

impl CorsPolicy {
    /// Whether the request is a preflight, which no route answers.
    pub(super) fn is_preflight(self, method: &Method, headers: &HeaderMap) -> bool {
        method == Method::OPTIONS
            && match self {
                Self::Routes => false,
                Self::AnyPage | Self::OAuth => true,
                Self::Files => headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD),
            }
    }

    /// Sets the headers on the response to a page of `origin`.
    ///
    /// `CorsLayer` would add 1.5 µs to the 5.6 µs that a request spends in router and middleware (medians of 41 interleaved
    /// rounds on a busy machine with two cores), and this is the hot path of `verify`.
    pub(super) fn set_headers(self, origin: Option<HeaderValue>, preflight: bool, headers: &mut HeaderMap) {
        if preflight {
            let (methods, names) = match self {
                Self::Files => ("GET, HEAD", "*"),
                Self::OAuth => ("GET, POST", OAUTH_HEADERS),
                Self::AnyPage | Self::Routes => ("POST", "*"),
            };
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(names));
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(MAX_AGE.as_secs()));
        }
        match self {
            Self::Routes => return,
            Self::Files => {
                if preflight {
                    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
                }
                return;
            }
            Self::OAuth => {
                headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
                let exposed = HeaderValue::from_static("WWW-Authenticate, Retry-After, X-Request-Id");
                headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
                return;
            }
            Self::AnyPage => {}
        }
        headers.insert(header::VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = origin else { return };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let exposed = "X-Request-Id, RateLimit-Policy, RateLimit, X-Rate-Limit, Retry-After";
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(exposed));
    }
}

/// A page whose scripts may call a module's API and read the responses. An extension of the page's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllowedPage {
    /// The limit of its domain; none for the module's own page, for this server's and for that of an app.
    pub limit: Option<Limit>,
    /// Whether only an app's access token makes it one, and cookies are no matter: the page of an OAuth client.
    pub is_app: bool,
}

/// The headers for a page that the gateway has allowed. The gateway sets `Vary`, on refusals too.
static MODULE_API: LazyLock<CorsLayer> = LazyLock::new(|| {
    let name = HeaderName::from_static;
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(|_, request| request.extensions.get::<AllowedPage>().is_some()))
        // Sandboxed modules share the origin `null` with every other sandbox, and are trusted with no credentials.
        .allow_credentials(AllowCredentials::predicate(|origin, request| {
            origin != "null" && request.extensions.get::<AllowedPage>().is_some_and(|page| !page.is_app)
        }))
        .allow_methods([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::OPTIONS,
        ])
        .allow_headers([
            header::CONTENT_TYPE,
            header::AUTHORIZATION,
            name("x-api-key"),
            name("idempotency-key"),
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            name("last-event-id"),
            // What scripts that watch a page add to its requests (W3C "Trace Context" and "Baggage", Sentry).
            name("traceparent"),
            name("tracestate"),
            name("baggage"),
            name("sentry-trace"),
        ])
        .expose_headers([
            header::ETAG,
            header::LOCATION,
            header::WWW_AUTHENTICATE,
            name("x-request-id"),
            name("ratelimit-policy"),
            name("ratelimit"),
            name("x-rate-limit"),
            header::RETRY_AFTER,
            name("idempotency-replayed"),
        ])
        .max_age(MAX_AGE)
        .vary([])
});

/// Answers the preflights of an allowed page, and lets the page read the responses of the routes.
pub(super) async fn for_allowed_page<F>(mut request: Request, routes: F) -> Response
where
    F: Service<Request, Response = Response, Error = Infallible>,
{
    let method = request.method().clone();
    // The layer takes every OPTIONS request for a preflight, so any other one passes it as GET.
    if method == Method::OPTIONS && !request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        *request.method_mut() = Method::GET;
    }
    let routes = routes.map_request(move |mut request: Request| {
        *request.method_mut() = method.clone();
        request
    });
    let Ok(response) = MODULE_API.layer(routes).oneshot(request).await;
    response
}
