//! The middleware around every page of the console: it finds the session, refuses forms of other websites, turns errors into
//! pages, and sets a policy that allows nothing but this server's own files.

use super::assets;
use super::cookies::Cookie;
use super::page;
use super::sign_in_link;
use crate::ConsoleState;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, Utc};
use embed_base::http::Failure;
use embed_base::net::ClientAddress;
use embed_base::{Code, Error, Result};
use uuid::Uuid;

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

#[derive(Clone, Copy, Debug)]
pub struct SessionId(pub Uuid);

/// When the session began.
#[derive(Clone, Copy, Debug)]
pub struct SessionStart(pub DateTime<Utc>);

/// The origin of a frame that a page shows, set as an extension of the page's response.
#[derive(Clone, Debug)]
pub struct FrameOrigin(pub String);

pub async fn gate(
    State(console): State<ConsoleState>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    mut request: Request,
    next: Next,
) -> Response {
    let method = request.method().clone();
    let leads_to_app = leads_to_app(request.uri().path());
    let admitted = async {
        check_origin(&console, &method, request.headers())?;
        if let Some(secret) = Cookie::Session.read(&console, request.headers())
            && let Some((operator, session)) = console.0.services.accounts.session(secret, address).await?
        {
            request.extensions_mut().insert(SessionId(session.id));
            request.extensions_mut().insert(SessionStart(session.created_at));
            request.extensions_mut().insert(operator);
        }
        Ok(())
    };
    let mut response = match admitted.await {
        Ok(()) => next.run(request).await,
        Err(error) => Error::into_response(error),
    };
    set_security_headers(&mut response, Some(console.origin()), leads_to_app);
    response
}

/// Whether a page is on the way from an app and back to it. Chromium and WebKit hold `form-action` against every redirect
/// that follows a form, those of the app included, and with an opener policy a popup would lose the page that opened it.
fn leads_to_app(path: &str) -> bool {
    path.starts_with("/oauth/") || path.starts_with(sign_in_link::SIGN_IN) || path == "/console/enter"
}

/// A request that changes something must come from a page of this origin: browsers send `Origin`, and a page cannot forge it.
fn check_origin(console: &ConsoleState, method: &Method, headers: &HeaderMap) -> Result<()> {
    if method.is_safe() {
        return Ok(());
    }
    let here = console.origin();
    match headers.get(header::ORIGIN) {
        Some(origin) if origin == here => Ok(()),
        origin => {
            let origin = origin.and_then(|origin| origin.to_str().ok()).unwrap_or("nowhere");
            let detail = format!(
                "This form came from {origin}, but the console accepts forms from its own pages at {here} only. Open {here}/console and try there."
            );
            Err(Error::new(Code::ForeignForm, detail))
        }
    }
}

/// The console's error presentation: a page. A 401 redirects to the sign-in page, and from there back to the requested page.
pub fn error_page(failure: Failure<'_>) -> Response {
    let mut response = render_error(&failure);
    set_security_headers(&mut response, None, leads_to_app(failure.uri.path()));
    // The gate knows the origin of the console's files; an error outside of it has a page without the script.
    if let Some(policy) = failure.headers.get(header::CONTENT_SECURITY_POLICY) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy.clone());
    }
    response
}

fn render_error(failure: &Failure<'_>) -> Response {
    let Failure { error, method, uri, headers, .. } = failure;
    if error.status() == StatusCode::UNAUTHORIZED {
        let next = if method.is_safe() {
            uri.path_and_query().map_or("/console", |next| next.as_str())
        } else {
            "/console"
        };
        return Redirect::to(&sign_in_link::path(next)).into_response();
    }
    let mut response = (error.status(), page::error_page(error)).into_response();
    if let Some(seconds) = headers.get(header::RETRY_AFTER) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.clone());
    }
    response
}

/// The policy names the console's two files, not its origin: without a module host the files of tenants are there, too.
fn set_security_headers(response: &mut Response, origin: Option<&str>, leads_to_app: bool) {
    let framed = response.extensions_mut().remove::<FrameOrigin>();
    let frames = framed.map_or_else(|| "'none'".to_owned(), |FrameOrigin(origin)| origin);
    let (script, style) = match origin {
        Some(origin) => (format!("{origin}{}", assets::script()), format!("{origin}{}", assets::style())),
        None => ("'none'".to_owned(), "'self'".to_owned()),
    };
    let forms = if leads_to_app { "" } else { "form-action 'self'; " };
    let policy = format!(
        "default-src 'none'; script-src {script}; style-src {style}; img-src 'self' data:; connect-src 'self'; \
         frame-src {frames}; {forms}base-uri 'none'; frame-ancestors 'none'"
    );
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    if !leads_to_app {
        headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
