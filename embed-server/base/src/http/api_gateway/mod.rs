//! The gateway of the modules' APIs: every request below [`PREFIX`] passes it, and no handler behind it asks again who
//! calls, from which page, or how often.
//!
//! Whatever becomes of a call, an allowed page can read the response, and the request log has an entry of it.
//!
//! What the gateway must look up stands in [`Lookups`], which the state of the whole server implements.

mod log_entry;
#[cfg(test)]
mod tests;

use super::caller::{Call, Caller};
use super::cors::{self, AllowedPage};
use super::middleware::{TIMEOUT, caught};
use super::request_log::RequestLog;
use super::unauthenticated;
use crate::error::{Code, Error, Result};
use crate::limits::{Limit, LimitDecision, RateLimits};
use crate::net::ClientAddress;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use log_entry::OpenLogEntry;
use std::time::Duration;
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
}

/// An authenticated caller.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// The caller.
    pub caller: Caller,
    /// The caller's own limit, besides that of the page's domain.
    pub limit: Option<Limit>,
}

/// The middleware around the routes of every module's API, whose handlers have so long for a response.
pub async fn api_gateway<S: Lookups>(
    State((state, timeout)): State<(S, Duration)>,
    Extension(address): Extension<ClientAddress>,
    mut request: Request,
    next: Next,
) -> Response {
    let at = state.now();
    let Some(module) = module_of(request.uri().path()) else {
        return with_vary(no_module("of this id").into_response());
    };
    let site = match state.site_of(module).await {
        Ok(Some(site)) => site,
        Ok(None) => return with_vary(no_module(&module.to_string()).into_response()),
        Err(error) => return with_vary(error.into_response()),
    };
    let origin = text(request.headers(), header::ORIGIN);
    let mut entry = OpenLogEntry::new(state.log(), at, (site, module), address.0, &request);
    let api_request = ApiRequest { site, module, origin: origin.as_deref(), address };
    let response = answer((&state, timeout), &api_request, &mut request, next, &mut entry).await;
    entry.close(&response);
    response
}

async fn answer<S: Lookups>(
    (state, timeout): (&S, Duration),
    api_request: &ApiRequest<'_>,
    request: &mut Request,
    next: Next,
    entry: &mut OpenLogEntry<'_>,
) -> Response {
    let page = match api_request.origin {
        None => None,
        Some(origin) => match state.allowed_page(api_request.site, api_request.module, origin).await {
            Ok(Some(page)) => Some(page),
            Ok(None) => return with_vary(origin_not_allowed(origin).into_response()),
            Err(error) => return with_vary(error.into_response()),
        },
    };
    if let Some(origin) = api_request.origin
        && is_preflight(request)
    {
        let mut response = StatusCode::NO_CONTENT.into_response();
        cors::allow(origin, response.headers_mut());
        cors::answer_preflight(response.headers_mut());
        return with_vary(response);
    }
    let domain = page.and_then(|page| page.limit);
    let mut call = Call { site: api_request.site, module: api_request.module, caller: Caller::NOBODY };
    let mut response = match authenticate(state, api_request, domain, request.headers()).await {
        Err(error) => error.into_response(),
        Ok((caller, decision)) => {
            entry.set_caller(&caller);
            call.caller = caller;
            let mut response = match decision.check() {
                Err(error) => error.into_response(),
                Ok(()) => {
                    request.extensions_mut().insert(call.clone());
                    caught(std::mem::take(request), next, timeout).await
                }
            };
            decision.set_headers(response.headers_mut());
            response
        }
    };
    if let Some(origin) = api_request.origin {
        cors::allow(origin, response.headers_mut());
    }
    response.extensions_mut().insert(call);
    with_vary(response)
}

/// Authenticates the caller, and counts the request against the caller's limit and that of the page's domain.
async fn authenticate<S: Lookups>(
    state: &S,
    request: &ApiRequest<'_>,
    domain: Option<Limit>,
    headers: &HeaderMap,
) -> Result<(Caller, LimitDecision)> {
    let Authenticated { caller, limit } = match credential(headers)? {
        Some(credential) => state.caller(request, credential).await?,
        None => Authenticated { caller: Caller::NOBODY, limit: None },
    };
    let mut limits = Vec::from_iter(domain);
    limits.extend(limit.filter(|limit| domain != Some(*limit)));
    Ok((caller, state.limits().count(limits).await))
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

fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn with_vary(mut response: Response) -> Response {
    cors::vary(response.headers_mut());
    response
}

fn no_module(module: &str) -> Error {
    let detail =
        format!("There is no published module {module} on this server. Check the module id of the path.");
    Error::new(Code::ModuleNotFound, detail)
}

fn origin_not_allowed(origin: &str) -> Error {
    // An origin has at most 300 characters; longer text is not repeated.
    let origin = if origin.len() <= 300 { origin } else { "This page" };
    let detail = format!(
        "{origin} may not call this module's API. Its domain must be on the module's list, verified, and allowed to use the API (`embed-server domain add`, `domain verify`)."
    );
    Error::new(Code::OriginNotAllowed, detail)
}
