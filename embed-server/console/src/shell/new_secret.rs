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

/// Reads the secret for this page, which says whether it is one of its own.
pub fn read(
    console: &ConsoleState,
    headers: &HeaderMap,
    is_own: impl FnOnce(&str) -> bool,
) -> Option<String> {
    Cookie::NewSecret.read(console, headers).filter(|text| is_own(text)).map(str::to_owned)
}

/// Whether a text is a token of this kind with one of these prefixes.
pub fn is_token<'a>(text: &str, kind: SecretKind, mut prefixes: impl Iterator<Item = &'a str>) -> bool {
    Bearer::parse(text)
        .is_some_and(|secret| secret.kind() == kind && prefixes.any(|prefix| prefix == secret.shown_prefix()))
}

/// Renders the secret, a `thing` ("token"), with a warning that it is shown only once.
pub fn notice(thing: &str, secret: Option<&str>) -> Markup {
    html! {
        @if let Some(secret) = secret {
            div.secret role="status" {
                p { strong { "This " (thing) " is shown only once." } " Copy it to where your program reads it." }
                (copyable("secret", &format!("The {thing}"), secret))
            }
        }
    }
}

/// Responds with the page and removes the cookie.
pub fn respond(console: &ConsoleState, secret: Option<&str>, page: Page) -> Response {
    let mut response = page.into_response();
    if secret.is_some() {
        Cookie::NewSecret.remove(console, response.headers_mut());
    }
    response
}
