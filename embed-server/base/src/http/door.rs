//! The door of a module's API: every request below [`PREFIX`] comes through here, and nothing behind it asks again who
//! calls, from which page, or how often.
//!
//! Whatever becomes of a call behind the door, an allowed page can read the answer, and a line of it stands in the log.
//!
//! This folder knows no capability. What must be looked up stands in [`Lookups`], which the state of the whole server
//! implements.

mod line;
#[cfg(test)]
mod tests;

use super::caller::{Call, Caller};
use super::cors::{self, Page};
use super::passage::{TIMEOUT, caught};
use super::request_log::RequestLog;
use super::unauthenticated;
use crate::error::{Code, Error, Result};
use crate::limits::{Counted, Limit, RateLimits};
use crate::net::ClientAddress;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use line::OpenLine;
use std::time::Duration;
use uuid::Uuid;

/// The path of every module's API, which its id follows.
pub const PREFIX: &str = "/api/v1/modules/";

const API_KEY: &str = "x-api-key";
/// How long a call may take behind the door: less than all that is around it, so that who has waited in vain is told so
/// in an answer that he can read.
pub const PATIENCE: Duration = TIMEOUT.saturating_sub(Duration::from_secs(5));

/// What the door asks of the capabilities.
pub trait Lookups: Clone + Send + Sync + 'static {
    /// The site of a published module.
    fn site_of(&self, module: Uuid) -> impl Future<Output = Result<Option<Uuid>>> + Send;

    /// How a page of this origin stands with the module's API; `None` for a stranger.
    fn page(
        &self,
        site: Uuid,
        module: Uuid,
        origin: &str,
    ) -> impl Future<Output = Result<Option<Page>>> + Send;

    /// Who shows this credential, and what else he is counted against; 401 when it is worth nothing, 403 when it is
    /// but not here.
    fn caller(&self, asked: &Asked<'_>, credential: &str) -> impl Future<Output = Result<Proved>> + Send;

    /// Where calls are counted.
    fn limits(&self) -> &RateLimits;

    /// Where calls leave a line.
    fn log(&self) -> &RequestLog;

    /// What time it is.
    fn now(&self) -> chrono::DateTime<chrono::Utc>;
}

/// What is asked, and from where.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The tenant.
    pub site: Uuid,
    /// The module.
    pub module: Uuid,
    /// The page's origin, as its browser said.
    pub origin: Option<&'a str>,
    /// The client's address.
    pub address: ClientAddress,
}

/// A caller who was proved.
#[derive(Clone, Debug)]
pub struct Proved {
    /// Who it is.
    pub caller: Caller,
    /// What his calls are counted against, besides the page's domain.
    pub limit: Option<Limit>,
}

/// The layer around the routes of every module's API, which have so long for an answer.
pub async fn door<S: Lookups>(
    State((state, within)): State<(S, Duration)>,
    Extension(address): Extension<ClientAddress>,
    mut request: Request,
    next: Next,
) -> Response {
    let at = state.now();
    let Some(module) = addressed(request.uri().path()) else {
        return with_vary(no_module("of this id").into_response());
    };
    let site = match state.site_of(module).await {
        Ok(Some(site)) => site,
        Ok(None) => return with_vary(no_module(&module.to_string()).into_response()),
        Err(error) => return with_vary(error.into_response()),
    };
    let origin = text(request.headers(), header::ORIGIN);
    let mut line = OpenLine::new(state.log(), at, (site, module), address.0, &request);
    let asked = Asked { site, module, origin: origin.as_deref(), address };
    let response = answer((&state, within), &asked, &mut request, next, &mut line).await;
    line.close(&response);
    response
}

async fn answer<S: Lookups>(
    (state, within): (&S, Duration),
    asked: &Asked<'_>,
    request: &mut Request,
    next: Next,
    line: &mut OpenLine<'_>,
) -> Response {
    let page = match asked.origin {
        None => None,
        Some(origin) => match state.page(asked.site, asked.module, origin).await {
            Ok(Some(page)) => Some(page),
            Ok(None) => return with_vary(stranger(origin).into_response()),
            Err(error) => return with_vary(error.into_response()),
        },
    };
    if let Some(origin) = asked.origin
        && is_preflight(request)
    {
        let mut response = StatusCode::NO_CONTENT.into_response();
        cors::allow(origin, response.headers_mut());
        cors::answer_preflight(response.headers_mut());
        return with_vary(response);
    }
    let domain = page.and_then(|page| page.limit);
    let mut call = Call { site: asked.site, module: asked.module, caller: Caller::NOBODY };
    let mut response = match admit(state, asked, domain, request.headers()).await {
        Err(error) => error.into_response(),
        Ok((caller, counted)) => {
            line.called_by(&caller);
            call.caller = caller;
            let mut response = match counted.check() {
                Err(error) => error.into_response(),
                Ok(()) => {
                    request.extensions_mut().insert(call.clone());
                    caught(std::mem::take(request), next, within).await
                }
            };
            counted.say(response.headers_mut());
            response
        }
    };
    if let Some(origin) = asked.origin {
        cors::allow(origin, response.headers_mut());
    }
    response.extensions_mut().insert(call);
    with_vary(response)
}

/// Proves the caller, and counts him together with the page that he calls from.
async fn admit<S: Lookups>(
    state: &S,
    asked: &Asked<'_>,
    domain: Option<Limit>,
    headers: &HeaderMap,
) -> Result<(Caller, Counted)> {
    let proved = match credential(headers)? {
        Some(credential) => state.caller(asked, credential).await?,
        None => Proved { caller: Caller::NOBODY, limit: None },
    };
    let mut limits = Vec::from_iter(domain);
    limits.extend(proved.limit.filter(|limit| domain != Some(*limit)));
    Ok((proved.caller, state.limits().count(limits).await))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// What the caller shows: a bearer token (RFC 6750) or an API key.
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
fn addressed(path: &str) -> Option<Uuid> {
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

fn stranger(origin: &str) -> Error {
    // What is longer than any origin is not worth repeating.
    let origin = if origin.len() <= 300 { origin } else { "This page" };
    let detail = format!(
        "{origin} may not call this module's API. Its domain must be on the module's list, verified, and allowed to use the API (`embed-server domain add`, `domain verify`)."
    );
    Error::new(Code::OriginNotAllowed, detail)
}
