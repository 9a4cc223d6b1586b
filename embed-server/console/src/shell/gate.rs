//! The middleware of the console: it finds the session, refuses forms of other websites, shows errors as pages, and sets a
//! policy that trusts this server's own files alone.

use super::cookies::Cookie;
use super::page;
use super::sign_in_link;
use crate::Console;
use axum::extract::{Extension, FromRef, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use embed_base::http::Failure;
use embed_base::net::ClientAddress;
use embed_base::{Code, Error, Result};
use embed_core::accounts::Accounts;
use uuid::Uuid;

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// The session of a request that has one.
#[derive(Clone, Copy, Debug)]
pub struct SessionId(pub Uuid);

/// A frame that a page shows, besides this server's own files. An extension of a page's answer.
#[derive(Clone, Debug)]
pub struct Framed(pub String);

/// The layer around every page.
pub async fn gate<S>(
    State(state): State<S>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    mut request: Request,
    next: Next,
) -> Response
where
    S: Clone + Send + Sync + 'static,
    Accounts: FromRef<S>,
    Console: FromRef<S>,
{
    let console = Console::from_ref(&state);
    let method = request.method().clone();
    let entered = async {
        comes_from_here(&console, &method, request.headers())?;
        if let Some(secret) = Cookie::Session.read(&console, request.headers())
            && let Some((operator, session)) = Accounts::from_ref(&state).session(secret, address).await?
        {
            request.extensions_mut().insert(SessionId(session.id));
            request.extensions_mut().insert(operator);
        }
        Ok(())
    };
    let mut response = match entered.await {
        Ok(()) => next.run(request).await,
        Err(error) => Error::into_response(error),
    };
    protect(&mut response);
    response
}

/// Whatever changes something has to come from a page of this origin; browsers say so, and a page cannot forge it.
fn comes_from_here(console: &Console, method: &Method, headers: &HeaderMap) -> Result<()> {
    if method.is_safe() {
        return Ok(());
    }
    let here = console.origin();
    match headers.get(header::ORIGIN) {
        Some(origin) if origin == here => Ok(()),
        origin => {
            let said = origin.and_then(|origin| origin.to_str().ok()).unwrap_or("nowhere");
            let detail = format!(
                "This form came from {said}, and the console takes forms from its own pages at {here} alone. Open {here}/console and try there."
            );
            Err(Error::new(Code::ForeignForm, detail))
        }
    }
}

/// The console's error presentation: a page. Without a session it leads to the sign-in, and from there back to the page that
/// was asked for.
pub fn error_page(failure: Failure<'_>) -> Response {
    let mut response = unprotected_error_page(&failure);
    protect(&mut response);
    response
}

fn unprotected_error_page(failure: &Failure<'_>) -> Response {
    let Failure { error, method, uri, headers, .. } = failure;
    if error.status() == StatusCode::UNAUTHORIZED {
        let next = if method.is_safe() {
            uri.path_and_query().map_or("/console", |next| next.as_str())
        } else {
            "/console"
        };
        return Redirect::to(&sign_in_link::path(next)).into_response();
    }
    let mut response = (error.status(), page::of_error(error)).into_response();
    if let Some(seconds) = headers.get(header::RETRY_AFTER) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.clone());
    }
    response
}

fn protect(response: &mut Response) {
    let framed = response.extensions_mut().remove::<Framed>();
    let frames = framed.map_or_else(|| "'none'".to_owned(), |Framed(origin)| origin);
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
         frame-src {frames}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
