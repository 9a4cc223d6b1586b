//! A secret that was just made. The answer to its form leads on to the page that shows it, so that loading that page again
//! makes nothing; on the way the secret waits in a cookie, which the page takes away.

use super::cookies::Cookie;
use super::elements::copyable;
use super::page::Page;
use crate::Console;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use embed_base::secrets::{Bearer, SecretKind};
use maud::{Markup, html};

/// For how many seconds it waits.
const WAITS: i64 = 60;

/// Leads to the page that shows a secret.
pub fn lead(console: &Console, secret: &str, page: &str) -> Response {
    let mut response = Redirect::to(page).into_response();
    Cookie::Fresh.set(console, secret, WAITS, response.headers_mut());
    response
}

/// The secret that waits for this page: one of its kind, which begins like one of those that the page lists.
pub fn waiting<'a>(
    console: &Console,
    headers: &HeaderMap,
    kind: SecretKind,
    mut listed: impl Iterator<Item = &'a str>,
) -> Option<Bearer> {
    let secret = Cookie::Fresh.read(console, headers).and_then(Bearer::parse)?;
    (secret.kind() == kind && listed.any(|prefix| prefix == secret.shown_prefix())).then_some(secret)
}

/// The secret, and that it is shown once.
pub fn shown(secret: Option<&Bearer>) -> Markup {
    html! {
        @if let Some(secret) = secret {
            div.secret role="status" {
                p { strong { "This is shown once." } " Copy it to where your program finds it." }
                (copyable("secret", "The token", secret.reveal()))
            }
        }
    }
}

/// The page, after which the secret is gone.
pub fn page(console: &Console, secret: Option<&Bearer>, page: Page) -> Response {
    let mut response = page.into_response();
    if secret.is_some() {
        Cookie::Fresh.remove(console, response.headers_mut());
    }
    response
}
