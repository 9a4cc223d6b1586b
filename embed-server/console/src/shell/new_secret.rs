//! Shows a newly created secret once. The form that creates it redirects to the page that shows it, so that a reload creates
//! nothing; a cookie carries the secret there, and the page removes the cookie.

use super::cookies::Cookie;
use super::elements::copyable;
use super::page::Page;
use crate::ConsoleState;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use embed_base::secrets::{Bearer, SecretKind};
use maud::{Markup, html};

/// How long the cookie lives.
const COOKIE_SECONDS: i64 = 60;

/// Redirects to the page that shows the secret.
pub fn redirect(console: &ConsoleState, secret: &str, page: &str) -> Response {
    let mut response = Redirect::to(page).into_response();
    Cookie::NewSecret.set(console, secret, COOKIE_SECONDS, response.headers_mut());
    response
}

/// Reads the secret for this page: it is of the page's kind, and its prefix is in the page's list.
pub fn read<'a>(
    console: &ConsoleState,
    headers: &HeaderMap,
    kind: SecretKind,
    mut prefixes: impl Iterator<Item = &'a str>,
) -> Option<Bearer> {
    let secret = Cookie::NewSecret.read(console, headers).and_then(Bearer::parse)?;
    (secret.kind() == kind && prefixes.any(|prefix| prefix == secret.shown_prefix())).then_some(secret)
}

/// Renders the secret, with a warning that it is shown only once.
pub fn notice(secret: Option<&Bearer>) -> Markup {
    html! {
        @if let Some(secret) = secret {
            div.secret role="status" {
                p { strong { "This token is shown only once." } " Copy it to where your program reads it." }
                (copyable("secret", "The token", secret.reveal()))
            }
        }
    }
}

/// Responds with the page and removes the cookie.
pub fn respond(console: &ConsoleState, secret: Option<&Bearer>, page: Page) -> Response {
    let mut response = page.into_response();
    if secret.is_some() {
        Cookie::NewSecret.remove(console, response.headers_mut());
    }
    response
}
