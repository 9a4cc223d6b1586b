//! Signing in: with a code sent by email, with GitHub, or with a link that the server has printed.

use crate::ConsoleState;
use crate::shell::cookies::Cookie;
use crate::shell::elements::form_error;
use crate::shell::form::{PageQuery, PublicForm, SessionForm, redisplay};
use crate::shell::page::{Page, signed_out_page};
use crate::shell::sign_in_link::{CONSENT, SIGN_IN, console_path, path, with_query};
use crate::shell::viewer::Viewer;
use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post, post_with};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use embed_base::http::openapi::requires;
use embed_base::limits::Limit;
use embed_base::{Code, Error, Result};
use embed_core::accounts::{Browser, Email, MAX_SESSION, StartedSession};
use embed_core::services::Services;
use embed_core::sign_in::{CODES_PER_MINUTE, LinkKind, SignInAttempt};
use maud::html;
use serde::Deserialize;
use std::num::NonZeroU32;
use uuid::Uuid;

/// Attempts of any kind per minute and client address.
pub const ATTEMPTS: NonZeroU32 = NonZeroU32::new(20).expect("20 is not zero");
/// How long a browser keeps what its codes are bound to, in seconds: longer than any of them is valid.
const CODE_SECONDS: i64 = 10 * 60;
/// How long a browser keeps the id of its last code, in seconds: as long as the code is valid.
const WAITING_SECONDS: i64 = 5 * 60;
/// How long an attempt with GitHub may take, in seconds.
const GITHUB_SECONDS: i64 = 10 * 60;

/// The rule of a page that needs no session.
const NOBODY: &str = "nobody";

const CODE: &str = "/console/sign-in/code";
const ENTER: &str = "/console/enter";

/// `/console/sign-in`, `/console/enter` and `/console/sign-out`.
pub fn router() -> ApiRouter<ConsoleState> {
    let public = || requires(NOBODY);
    ApiRouter::new()
        .api_route(
            SIGN_IN,
            get_with(show_sign_in, |op| op.with(public())).post_with(send_code, |op| op.with(public())),
        )
        .api_route(
            CODE,
            get_with(show_code, |op| op.with(public())).post_with(redeem, |op| op.with(public())),
        )
        .api_route("/console/sign-in/github", get_with(to_github, |op| op.with(public())))
        .api_route("/console/sign-in/github/callback", get_with(from_github, |op| op.with(public())))
        .api_route(
            ENTER,
            get_with(follow_link, |op| op.with(public())).merge(post_with(enter, |op| op.with(public()))),
        )
        .api_route("/console/sign-out", post(sign_out))
}

#[derive(Default, Deserialize)]
struct NextQuery {
    next: Option<String>,
    /// The address that is expected here.
    email: Option<String>,
    /// Set where another code is wanted.
    again: Option<String>,
}

async fn show_sign_in(
    State(console): State<ConsoleState>,
    headers: HeaderMap,
    PageQuery(NextQuery { next, email, again }): PageQuery<NextQuery>,
) -> Response {
    // An app's window may be gone while the mail is read; whoever it sends here again goes on where they were.
    let from_app = next.as_deref().is_some_and(|next| next.starts_with(CONSENT)) && again.is_none();
    let waits = Cookie::Code.read(&console, &headers).filter(|id| from_app && Uuid::try_parse(id).is_ok());
    match waits {
        Some(id) => {
            let parameters = [("id", id), ("next", &*console_path(next.as_deref()))];
            Redirect::to(&with_query(CODE, &parameters)).into_response()
        }
        None => sign_in_page(&console, email.as_deref().unwrap_or_default(), next.as_deref(), None)
            .into_response(),
    }
}

fn sign_in_page(console: &ConsoleState, email: &str, next: Option<&str>, error: Option<&Error>) -> Page {
    let next = console_path(next);
    signed_out_page(
        "Sign in",
        html! {
            @if !console.is_private() {
                p.complaint role="alert" {
                    "This console uses plain http, so others on the network can read what you send. Put a proxy with a certificate in front of it, and set EMBED_PUBLIC_URL to its https address."
                }
            }
            (form_error(error))
            form method="post" action=(SIGN_IN) {
                input type="hidden" name="next" value=(next);
                label { "Your email address" input type="email" name="email" value=(email) autocomplete="username" required autofocus; }
                button.primary type="submit" { "Send me a code" }
            }
            @if !console.0.services.context.mail.is_configured() {
                p.hint { "No mail server is set up (" code { "SMTP_URL" } "), so the code appears in the server's log." }
            }
            @if console.0.services.sign_in.has_github() {
                p.or { "or" }
                a.button href=(with_query("/console/sign-in/github", &[("next", &next)])) { "Continue with GitHub" }
            }
        },
    )
}

#[derive(Deserialize)]
struct EmailForm {
    email: String,
    next: Option<String>,
}

async fn send_code(
    State(console): State<ConsoleState>,
    State(services): State<Services>,
    browser: Browser,
    headers: HeaderMap,
    PublicForm(EmailForm { email, next }): PublicForm<EmailForm>,
) -> Result<Response> {
    // Several codes of one browser are all valid in it.
    let binding = Cookie::SignIn.read(&console, &headers).filter(|value| is_token(value));
    let binding = binding.map_or_else(|| services.context.random.hex_token(), str::to_owned);
    let sent = async {
        let email = Email::parse(&email)?;
        let counted = vec![
            Limit::sign_in(browser.address, ATTEMPTS),
            Limit::mailbox(email.as_str(), browser.address, CODES_PER_MINUTE),
        ];
        services.limits.count(counted).await.check()?;
        services.sign_in.send_code(email, &browser, &binding).await
    };
    match sent.await {
        Ok(id) => {
            let parameters = [("id", &*id.to_string()), ("next", &console_path(next.as_deref()))];
            let mut response = Redirect::to(&with_query(CODE, &parameters)).into_response();
            Cookie::SignIn.set(&console, &binding, CODE_SECONDS, response.headers_mut());
            Cookie::Code.set(&console, &id.to_string(), WAITING_SECONDS, response.headers_mut());
            Ok(response)
        }
        Err(error) => {
            redisplay(error, async |error| Ok(sign_in_page(&console, &email, next.as_deref(), Some(error))))
                .await
        }
    }
}

#[derive(Default, Deserialize)]
struct CodeQuery {
    #[serde(default)]
    id: Uuid,
    next: Option<String>,
}

async fn show_code(State(console): State<ConsoleState>, PageQuery(query): PageQuery<CodeQuery>) -> Page {
    code_page(&console, query.id, query.next.as_deref(), None)
}

fn code_page(console: &ConsoleState, id: Uuid, next: Option<&str>, error: Option<&Error>) -> Page {
    signed_out_page(
        "Enter the code",
        html! {
            (form_error(error))
            p {
                @if console.0.services.context.mail.is_configured() {
                    "If this address has been invited, an email with a six-digit code and a link is on its way."
                } @else {
                    "No mail server is set up. If this address has been invited, a six-digit code and a link are in the server's log."
                }
                " The code is valid for five minutes in this browser, the link in any."
            }
            form method="post" action=(CODE) {
                input type="hidden" name="id" value=(id);
                input type="hidden" name="next" value=(console_path(next));
                label { "Code" input.code type="text" name="code" inputmode="numeric" autocomplete="one-time-code" maxlength="12" required autofocus; }
                button.primary type="submit" { "Sign in" }
            }
            p { a href=(with_query(SIGN_IN, &[("next", &console_path(next)), ("again", "1")])) { "Request another code" } }
        },
    )
}

#[derive(Deserialize)]
struct RedeemForm {
    id: Uuid,
    code: String,
    next: Option<String>,
}

async fn redeem(
    State(console): State<ConsoleState>,
    State(services): State<Services>,
    browser: Browser,
    headers: HeaderMap,
    PublicForm(RedeemForm { id, code, next }): PublicForm<RedeemForm>,
) -> Result<Response> {
    let redeemed = async {
        services.limits.count(vec![Limit::sign_in(browser.address, ATTEMPTS)]).await.check()?;
        let binding = Cookie::SignIn.read(&console, &headers).unwrap_or_default();
        services.sign_in.redeem_code(id, &code, &browser, binding).await
    };
    match redeemed.await {
        Ok(session) => {
            let mut response = redirect_with_session(&console, &session, next.as_deref());
            Cookie::Code.remove(&console, response.headers_mut());
            Ok(response)
        }
        Err(error) => {
            redisplay(error, async |error| Ok(code_page(&console, id, next.as_deref(), Some(error)))).await
        }
    }
}

/// Sets the session's cookie and redirects to the requested page.
fn redirect_with_session(console: &ConsoleState, session: &StartedSession, next: Option<&str>) -> Response {
    let mut response = Redirect::to(&console_path(next)).into_response();
    Cookie::Session.set(console, &session.secret, MAX_SESSION.num_seconds(), response.headers_mut());
    response
}

async fn to_github(
    State(console): State<ConsoleState>,
    PageQuery(NextQuery { next, .. }): PageQuery<NextQuery>,
) -> Result<Response> {
    let (url, SignInAttempt { state, verifier }) = console.0.services.sign_in.github()?.begin()?;
    let next = hex_of(&console_path(next.as_deref()));
    let mut response = Redirect::to(url.as_str()).into_response();
    let attempt = format!("{state}.{verifier}.{next}");
    Cookie::GitHub.set(&console, &attempt, GITHUB_SECONDS, response.headers_mut());
    Ok(response)
}

#[derive(Default, Deserialize)]
struct GitHubCallback {
    #[serde(default)]
    state: String,
    code: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

async fn from_github(
    State(console): State<ConsoleState>,
    State(services): State<Services>,
    browser: Browser,
    headers: HeaderMap,
    PageQuery(returned): PageQuery<GitHubCallback>,
) -> Result<Response> {
    services.sign_in.github()?;
    let cookie = Cookie::GitHub.read(&console, &headers).unwrap_or_default().to_owned();
    let mut parts = cookie.split('.').map(str::to_owned);
    let attempt =
        SignInAttempt { state: parts.next().unwrap_or_default(), verifier: parts.next().unwrap_or_default() };
    let next = parts.next().and_then(|hex| text_of(&hex));
    let signed_in = async {
        services.limits.count(vec![Limit::sign_in(browser.address, ATTEMPTS)]).await.check()?;
        if attempt.verifier.is_empty() {
            let detail = "This browser did not start signing in with GitHub, or started more than ten minutes ago. Start again.";
            return Err(Error::new(Code::WrongState, detail));
        }
        let Some(code) = &returned.code else {
            let reason =
                returned.error_description.or(returned.error).unwrap_or_else(|| "no reason".to_owned());
            let reason: String = reason.chars().take(200).collect();
            let detail =
                format!("GitHub did not confirm who you are ({}). Start again.", reason.escape_debug());
            return Err(Error::new(Code::GithubRefused, detail));
        };
        services.sign_in.with_github(&attempt, (&returned.state, code), &browser).await
    };
    let mut response = match signed_in.await {
        Ok(session) => redirect_with_session(&console, &session, next.as_deref()),
        Err(error) => {
            redisplay(error, async |error| Ok(sign_in_page(&console, "", next.as_deref(), Some(error))))
                .await?
        }
    };
    // An attempt is good for one callback.
    Cookie::GitHub.remove(&console, response.headers_mut());
    Ok(response)
}

/// Whether it is a value that this server has set.
fn is_token(value: &str) -> bool {
    value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Encodes a text for a cookie's value.
fn hex_of(text: &str) -> String {
    embed_base::crypto::hex(text.as_bytes())
}

fn text_of(hex: &str) -> Option<String> {
    let bytes: Option<Vec<u8>> = hex
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    String::from_utf8(bytes?).ok()
}

#[derive(Default, Deserialize)]
struct LinkQuery {
    #[serde(default)]
    link: String,
}

/// A reusable link starts a session at once, a single-use link after a confirmation; the first owner's link asks for their
/// address and name.
async fn follow_link(
    State(console): State<ConsoleState>,
    State(services): State<Services>,
    browser: Browser,
    PageQuery(LinkQuery { link }): PageQuery<LinkQuery>,
) -> Result<Response> {
    match services.sign_in.link_kind(&link).await? {
        LinkKind::SignIn => Ok(redirect_with_session(
            &console,
            &services.sign_in.follow_link(&link, None, &browser).await?,
            None,
        )),
        LinkKind::Confirm(email) => Ok(confirm_page(&link, &email).into_response()),
        LinkKind::FirstOwner => Ok(first_owner_page(&link, "", "", None).into_response()),
    }
}

fn confirm_page(link: &str, email: &Email) -> Page {
    signed_out_page(
        "Sign in",
        html! {
            p { "This link signs you in as " strong { (email) } ". It works once." }
            form method="post" action=(ENTER) {
                input type="hidden" name="link" value=(link);
                button.primary type="submit" autofocus { "Sign in" }
            }
        },
    )
}

fn first_owner_page(link: &str, email: &str, name: &str, error: Option<&Error>) -> Page {
    signed_out_page(
        "Welcome",
        html! {
            p { "This installation has no owner yet. Who are you?" }
            (form_error(error))
            form method="post" action=(ENTER) {
                input type="hidden" name="link" value=(link);
                label { "Your email address" input type="email" name="email" value=(email) autocomplete="email" required autofocus; }
                label { "Your name" input type="text" name="name" value=(name) autocomplete="name" maxlength="200"; }
                button.primary type="submit" { "Become the first owner" }
            }
            p.hint { "You will sign in with this address from now on. Owners manage people and can delete sites." }
        },
    )
}

#[derive(Deserialize)]
struct EnterForm {
    link: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    name: String,
}

async fn enter(
    State(console): State<ConsoleState>,
    State(services): State<Services>,
    browser: Browser,
    PublicForm(EnterForm { link, email, name }): PublicForm<EnterForm>,
) -> Result<Response> {
    services.limits.count(vec![Limit::sign_in(browser.address, ATTEMPTS)]).await.check()?;
    if let LinkKind::SignIn | LinkKind::Confirm(_) = services.sign_in.link_kind(&link).await? {
        let session = services.sign_in.follow_link(&link, None, &browser).await?;
        return Ok(redirect_with_session(&console, &session, None));
    }
    let given = Some(name.trim()).filter(|name| !name.is_empty());
    let entered = async {
        let newcomer = (Email::parse(&email)?, given);
        services.sign_in.follow_link(&link, Some(newcomer), &browser).await
    };
    match entered.await {
        Ok(session) => Ok(redirect_with_session(&console, &session, None)),
        Err(error) => {
            redisplay(error, async |error| Ok(first_owner_page(&link, &email, &name, Some(error)))).await
        }
    }
}

async fn sign_out(
    viewer: Viewer,
    State(console): State<ConsoleState>,
    State(services): State<Services>,
    SessionForm(NextQuery { next, .. }): SessionForm<NextQuery>,
) -> Result<Response> {
    services.accounts.end_session(&viewer.operator, Some(viewer.session)).await?;
    let mut response = Redirect::to(&path(&console_path(next.as_deref()))).into_response();
    Cookie::Session.remove(&console, response.headers_mut());
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_in_a_cookie_is_read_back() {
        assert_eq!(text_of(&hex_of("/console/sites?ä=1")).as_deref(), Some("/console/sites?ä=1"));
        for broken in ["x", "zz", "ff", "+1"] {
            assert_eq!(text_of(broken).filter(|text| !text.is_ascii()), None, "{broken}");
        }
    }
}
