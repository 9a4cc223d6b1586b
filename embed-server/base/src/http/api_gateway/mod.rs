//! The gateway of the modules' APIs: every request below [`PREFIX`] passes it, and no handler behind it asks again who
//! calls, from which page, or how often.
//!
//! Whatever becomes of a call, an allowed page can read the response, and the request log has an entry of it. Only a caller
//! without a valid credential who goes on beyond a limit leaves no entry: these calls are counted.
//!
//! What the gateway must look up stands in [`Lookups`], which the state of the routes behind it implements.

mod log_entry;
#[cfg(test)]
mod tests;

use super::caller::{Call, Caller};
use super::cors::{self, AllowedPage};
use super::middleware::{TIMEOUT, panicked, within};
use super::request_log::RequestLog;
use super::unauthenticated;
use crate::error::{Code, Error, Result};
use crate::limits::{Limit, LimitDecision, RateLimits};
use crate::net::ClientAddress;
use axum::Router;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
pub use log_entry::ErrorInBody;
use log_entry::OpenLogEntry;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tower::service_fn;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use uuid::Uuid;

/// The path of every module's API, which its id follows.
pub const PREFIX: &str = "/api/v1/modules/";

const API_KEY: &str = "x-api-key";
/// How long a call may take behind the gateway. Shorter than the request timeout, so a timed-out call still gets CORS
/// headers and a readable 503.
pub const CALL_TIMEOUT: Duration = TIMEOUT.saturating_sub(Duration::from_secs(5));

/// What the gateway asks the capabilities.
pub trait Lookups: Clone + Send + Sync + 'static {
    /// The site of a published module.
    fn site_of(&self, module: Uuid) -> impl Future<Output = Result<Option<Uuid>>> + Send;

    /// The page of this origin, if it may call the module's API.
    fn allowed_page(
        &self,
        site: Uuid,
        module: Uuid,
        origin: &str,
    ) -> impl Future<Output = Result<Option<AllowedPage>>> + Send;

    /// The caller with this credential; 401 if the credential is not valid, 403 if it is valid but not for this module.
    fn caller(
        &self,
        request: &ApiRequest<'_>,
        credential: &str,
    ) -> impl Future<Output = Result<Authenticated>> + Send;

    /// The address of the module's metadata (RFC 9728), which says where its apps get tokens.
    fn resource_metadata(&self, module: Uuid) -> String;

    /// How many calls an address may make per minute without a valid credential.
    fn anonymous_limit(&self) -> NonZeroU32;

    /// Where calls are counted.
    fn limits(&self) -> &RateLimits;

    /// Where calls are logged.
    fn log(&self) -> &RequestLog;

    /// The time.
    fn now(&self) -> chrono::DateTime<chrono::Utc>;
}

/// A request to a module's API, before its caller is known.
#[derive(Clone, Copy, Debug)]
pub struct ApiRequest<'a> {
    /// The tenant.
    pub site: Uuid,
    /// The module.
    pub module: Uuid,
    /// The page's origin, as its browser sent it.
    pub origin: Option<&'a str>,
    /// The client's address.
    pub address: ClientAddress,
    /// Whether the page is that of an app, so that only an access token of that app counts.
    pub is_app_page: bool,
}

/// An authenticated caller.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// The caller.
    pub caller: Caller,
    /// The caller's own limit, besides that of the page's domain.
    pub limit: Option<Limit>,
}

/// Puts the gateway before the routes of every module's API, whose handlers have so long for a response.
pub fn behind_gateway<S, L>(routes: Router<S>, lookups: L, timeout: Duration) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    L: Lookups,
{
    routes.layer((
        // Every response depends on the origin, refusals included: a cache must not give one page's to another.
        SetResponseHeaderLayer::appending(header::VARY, HeaderValue::from_static("Origin")),
        from_fn_with_state((lookups, timeout), api_gateway::<L>),
        CatchPanicLayer::custom(panicked),
    ))
}

async fn api_gateway<L: Lookups>(
    State((lookups, timeout)): State<(L, Duration)>,
    Extension(address): Extension<ClientAddress>,
    request: Request,
    next: Next,
) -> Response {
    let at = lookups.now();
    let Some(module) = module_of(request.uri().path()) else {
        return no_module("of this id").into_response();
    };
    let origin = text(request.headers(), header::ORIGIN);
    let counted = match count_stranger(&lookups, address, (request.method(), request.headers())).await {
        Ok(counted) => counted,
        Err((error, decision)) => {
            lookups.log().count_refusal(module, at);
            return refused_stranger(error, &decision, origin.as_deref());
        }
    };
    let site = match lookups.site_of(module).await {
        Ok(Some(site)) => site,
        Ok(None) => return no_module(&module.to_string()).into_response(),
        Err(error) => return error.into_response(),
    };
    let entry = OpenLogEntry::new(lookups.log(), at, (site, module), address.0, &request);
    let api_request = ApiRequest { site, module, origin: origin.as_deref(), address, is_app_page: false };
    let gateway = Gateway { lookups: &lookups, timeout, api_request, entry: &entry, counted };
    let response = gateway.answer(request, next).await;
    entry.close(&response);
    response
}

/// Counts a request that shows no credential, before anything is looked up for it. Preflights, which never show one, count
/// as files.
async fn count_stranger<L: Lookups>(
    lookups: &L,
    ClientAddress(address): ClientAddress,
    (method, headers): (&Method, &HeaderMap),
) -> Result<LimitDecision, (Error, LimitDecision)> {
    if headers.contains_key(header::AUTHORIZATION) || headers.contains_key(API_KEY) {
        return Ok(LimitDecision::unlimited());
    }
    let limit = lookups.anonymous_limit();
    let is_preflight =
        method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let decision = if is_preflight {
        lookups.limits().count_here(Limit::files(address, limit))
    } else {
        lookups.limits().count(vec![Limit::anonymous(address, limit)]).await
    };
    match decision.check() {
        Ok(()) if is_preflight => Ok(LimitDecision::unlimited()),
        Ok(()) => Ok(decision),
        Err(error) => Err((error, decision)),
    }
}

/// 429. Any page may read it, since it holds nothing of the module.
fn refused_stranger(error: Error, decision: &LimitDecision, origin: Option<&str>) -> Response {
    let mut response = error.into_response();
    decision.set_headers(response.headers_mut());
    if let Some(origin) = origin.and_then(|origin| HeaderValue::from_str(origin).ok()) {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    response
}

/// One request in the gateway.
struct Gateway<'a, L> {
    lookups: &'a L,
    timeout: Duration,
    api_request: ApiRequest<'a>,
    entry: &'a OpenLogEntry<'a>,
    /// What a request without a credential was counted against.
    counted: LimitDecision,
}

impl<L: Lookups> Gateway<'_, L> {
    /// Refuses pages that may not call the API, before the CORS layer answers their preflights.
    async fn answer(mut self, mut request: Request, next: Next) -> Response {
        let ApiRequest { site, module, origin, .. } = self.api_request;
        let Some(origin) = origin else { return self.call(None, request, next).await };
        let page = match self.lookups.allowed_page(site, module, origin).await {
            Ok(Some(page)) => page,
            Ok(None) => return origin_not_allowed(origin).into_response(),
            Err(error) => return error.into_response(),
        };
        self.api_request.is_app_page = page.is_app;
        request.extensions_mut().insert(page);
        let routes = service_fn(|request| self.call(page.limit, request, next.clone()).map(Ok));
        cors::for_allowed_page(request, routes).await
    }

    /// Lets the request through to its handler if the caller is authenticated and within the limits.
    async fn call(&self, domain: Option<Limit>, mut request: Request, next: Next) -> Response {
        let ApiRequest { site, module, .. } = self.api_request;
        let mut call = Call { site, module, caller: Caller::NOBODY };
        let is_shown =
            request.headers().contains_key(header::AUTHORIZATION) || request.headers().contains_key(API_KEY);
        let mut response = match self.authenticate(domain, request.headers()).await {
            Err(error) => error.into_response(),
            Ok((caller, decision)) => {
                self.entry.set_caller(&caller);
                call.caller = caller;
                let mut response = match decision.check() {
                    Err(error) => error.into_response(),
                    Ok(()) => {
                        request.extensions_mut().insert(call.clone());
                        within(self.timeout, next.run(request)).await
                    }
                };
                decision.set_headers(response.headers_mut());
                response
            }
        };
        self.challenge(is_shown, &mut response);
        response.extensions_mut().insert(call);
        response
    }

    /// Says on a refusal what would be enough (RFC 6750, section 3): where tokens are given, whether the shown one is not
    /// valid, and which scope it lacks.
    fn challenge(&self, is_shown: bool, response: &mut Response) {
        let error = response.extensions().get::<Arc<Error>>();
        let scope = error.and_then(|error| error.member("scope")).and_then(|scope| scope.as_str());
        let reason = match (response.status(), scope) {
            (StatusCode::UNAUTHORIZED, _) if is_shown => "error=\"invalid_token\", ".to_owned(),
            (StatusCode::UNAUTHORIZED, _) => String::new(),
            (StatusCode::FORBIDDEN, Some(scope)) => {
                format!("error=\"insufficient_scope\", scope=\"{scope}\", ")
            }
            _ => return,
        };
        let metadata = self.lookups.resource_metadata(self.api_request.module);
        if let Ok(value) = HeaderValue::try_from(format!("Bearer {reason}resource_metadata=\"{metadata}\"")) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
    }

    /// Authenticates the caller, and counts the request: against the caller's limit, that of the page's domain, and the
    /// address's share of it. Whoever shows no valid credential is counted by address, and takes nothing from a domain.
    async fn authenticate(
        &self,
        domain: Option<Limit>,
        headers: &HeaderMap,
    ) -> Result<(Caller, LimitDecision)> {
        let found = match credential(headers) {
            Ok(None) if self.api_request.is_app_page => {
                return Err(origin_not_allowed(self.api_request.origin.unwrap_or_default()));
            }
            Ok(None) => return Ok((Caller::NOBODY, self.counted.clone())),
            Ok(Some(credential)) => self.lookups.caller(&self.api_request, credential).await,
            Err(error) => Err(error),
        };
        let address = self.api_request.address.0;
        let Authenticated { caller, limit } = match found {
            Ok(found) => found,
            Err(error) if error.status().is_client_error() => {
                let limit = Limit::anonymous(address, self.lookups.anonymous_limit());
                self.lookups.limits().count(vec![limit]).await.check()?;
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        let mut limits = Vec::from_iter(domain);
        limits.extend(limit.filter(|limit| domain != Some(*limit)));
        let shares: Vec<_> = limits.iter().filter_map(|limit| limit.share_of(address)).collect();
        limits.extend(shares);
        Ok((caller, self.lookups.limits().count(limits).await))
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// The credential of a request: a bearer token (RFC 6750) or an API key.
fn credential(headers: &HeaderMap) -> Result<Option<&str>> {
    let bearer = match headers.get(header::AUTHORIZATION) {
        None => None,
        Some(value) => {
            let value = value.to_str().unwrap_or_default();
            let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
            if !scheme.eq_ignore_ascii_case("Bearer") || token.trim().is_empty() {
                let detail = "The Authorization header is not understood; expected `Bearer` and a token.";
                return Err(unauthenticated(detail));
            }
            Some(token.trim())
        }
    };
    let key = headers.get(API_KEY).map(|value| value.to_str().unwrap_or_default().trim());
    match (bearer, key) {
        (Some(bearer), Some(key)) if bearer != key => {
            Err(Error::invalid("The request shows two credentials; send either Authorization or X-API-Key."))
        }
        (bearer, key) => Ok(bearer.or(key)),
    }
}

/// The module whose API a path belongs to.
fn module_of(path: &str) -> Option<Uuid> {
    let rest = path.strip_prefix(PREFIX)?;
    Uuid::try_parse(rest.split('/').next()?).ok()
}

fn no_module(module: &str) -> Error {
    let detail =
        format!("There is no published module {module} on this server. Check the module id of the path.");
    Error::new(Code::ModuleNotFound, detail)
}

/// 403: a page of this origin may not call the module's API.
pub fn origin_not_allowed(origin: &str) -> Error {
    // An origin has at most 300 characters; longer text is not repeated.
    let origin = if origin.len() <= 300 { origin } else { "This page" };
    let detail = format!(
        "{origin} may not call this module's API. Its domain must be on the module's list, verified, and allowed to use the API (`embed-server domain add`, `domain verify`)."
    );
    Error::new(Code::OriginNotAllowed, detail)
}
