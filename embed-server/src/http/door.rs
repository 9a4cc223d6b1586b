//! The door of a module's API: every request below [`PREFIX`] comes through here, and nothing behind it asks again who
//! calls, from which page, or how often.
//!
//! This folder knows no capability. What must be looked up stands in [`Lookups`], which the state of the whole server
//! implements.

use super::caller::{Call, Caller};
use super::client::ClientAddress;
use super::cors::{self, Page};
use super::rate_limit::{Limit, RateLimits};
use super::request_log::{Line, RequestLog};
use super::unauthenticated;
use crate::error::{Error, Result};
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Instant;
use uuid::Uuid;

/// The path of every module's API, which its id follows.
pub const PREFIX: &str = "/api/v1/modules/";

const API_KEY: &str = "x-api-key";

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

/// The layer around the routes of every module's API.
pub async fn door<S: Lookups>(
    State(state): State<S>,
    Extension(address): Extension<ClientAddress>,
    mut request: Request,
    next: Next,
) -> Response {
    let (at, started) = (state.now(), Instant::now());
    let Some(module) = addressed(request.uri().path()) else {
        return with_vary(no_module("of this id").into_response());
    };
    let site = match state.site_of(module).await {
        Ok(Some(site)) => site,
        Ok(None) => return with_vary(no_module(&module.to_string()).into_response()),
        Err(error) => return with_vary(error.into_response()),
    };
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    let origin = text(request.headers(), header::ORIGIN);
    let user_agent = text(request.headers(), header::USER_AGENT);
    let asked = Asked { site, module, origin: origin.as_deref(), address };

    let (caller, response) = answer(&state, &asked, &mut request, next).await;

    let error = response.extensions().get::<Arc<Error>>();
    let error = error.map(|error| (error.code(), error.detail().to_owned()));
    let (status, took) = (response.status().as_u16(), started.elapsed());
    let address = address.0;
    state.log().note(Line {
        at,
        site,
        module,
        caller,
        method,
        path,
        origin,
        address,
        user_agent,
        status,
        took,
        error,
    });
    response
}

async fn answer<S: Lookups>(
    state: &S,
    asked: &Asked<'_>,
    request: &mut Request,
    next: Next,
) -> (Caller, Response) {
    let page = match asked.origin {
        None => None,
        Some(origin) => match state.page(asked.site, asked.module, origin).await {
            Ok(Some(page)) => Some(page),
            Ok(None) => return (Caller::NOBODY, with_vary(stranger(origin).into_response())),
            Err(error) => return (Caller::NOBODY, with_vary(error.into_response())),
        },
    };
    if let Some(origin) = asked.origin
        && is_preflight(request)
    {
        let mut response = StatusCode::NO_CONTENT.into_response();
        cors::allow(origin, response.headers_mut());
        cors::answer_preflight(response.headers_mut());
        return (Caller::NOBODY, with_vary(response));
    }
    let domain = page.and_then(|page| page.limit);
    let (caller, mut response) = match admit(state, asked, domain, request.headers()).await {
        Err(error) => (Caller::NOBODY, error.into_response()),
        Ok((caller, counted)) => {
            let mut response = match counted.check() {
                Err(error) => error.into_response(),
                Ok(()) => {
                    let (site, module) = (asked.site, asked.module);
                    request.extensions_mut().insert(Call { site, module, caller: caller.clone() });
                    next.run(std::mem::take(request)).await
                }
            };
            counted.say(response.headers_mut());
            (caller, response)
        }
    };
    if let Some(origin) = asked.origin {
        cors::allow(origin, response.headers_mut());
    }
    let (site, module) = (asked.site, asked.module);
    response.extensions_mut().insert(Call { site, module, caller: caller.clone() });
    (caller, with_vary(response))
}

/// Proves the caller, and counts him together with the page that he calls from.
async fn admit<S: Lookups>(
    state: &S,
    asked: &Asked<'_>,
    domain: Option<Limit>,
    headers: &HeaderMap,
) -> Result<(Caller, super::Counted)> {
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
    Error::not_found("module_not_found", detail)
}

fn stranger(origin: &str) -> Error {
    // What is longer than any origin is not worth repeating.
    let origin = if origin.len() <= 300 { origin } else { "This page" };
    let detail = format!(
        "{origin} may not call this module's API. Its domain must be on the module's list, verified, and allowed to use the API (`embed-server domain add`, `domain verify`)."
    );
    Error::new(StatusCode::FORBIDDEN, "origin_not_allowed", detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn shown(headers: &[(&'static str, &'static str)]) -> Result<Option<String>> {
        let headers = headers
            .iter()
            .map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
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
            (&[("authorization", "Basic eDp5")][..], "unauthenticated"),
            (&[("authorization", "Bearer")], "unauthenticated"),
            (&[("authorization", "Bearer x"), ("x-api-key", "y")], "invalid_request"),
        ] {
            assert_eq!(shown(headers).unwrap_err().code(), code, "{headers:?}");
        }
    }

    #[test]
    fn a_path_says_which_module_is_addressed() {
        let module = Uuid::now_v7();
        assert_eq!(addressed(&format!("/api/v1/modules/{module}/records/x")), Some(module));
        assert_eq!(addressed(&format!("/api/v1/modules/{module}")), Some(module));
        assert_eq!(addressed("/api/v1/modules/feedback/records"), None);
    }
}
