//! Signing in: by a code to one's address, by GitHub, or by a link that the server has printed.

use crate::Console;
use crate::shell::cookies::Cookie;
use crate::shell::elements::complaint;
use crate::shell::form::{Asked, Nothing, Open, Posted, again};
use crate::shell::page::{Page, outside};
use crate::shell::sign_in_link::{START, own_page, path, with_query};
use crate::shell::viewer::Viewer;
use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post, post_with};
use axum::extract::{FromRef, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use embed_base::http::openapi::requires;
use embed_base::limits::{Limit, RateLimits};
use embed_base::{Code, Error, Result};
use embed_core::accounts::{
    Accounts, Attempt, Browser, CODES_PER_MINUTE, Email, LONGEST, LinkKind, StartedSession,
};
use maud::html;
use serde::Deserialize;
use std::num::NonZeroU32;
use std::sync::Arc;
use uuid::Uuid;

/// Attempts of any kind per minute and address.
const ATTEMPTS: NonZeroU32 = NonZeroU32::new(20).expect("20 is not zero");
/// How long an attempt with GitHub may take, in seconds.
const GITHUB_SECONDS: i64 = 10 * 60;

/// What the rule of a page says that anybody may open.
const NOBODY: &str = "nobody";

const CODE: &str = "/console/sign-in/code";
const ENTER: &str = "/console/enter";

/// `/console/sign-in`, `/console/enter` and `/console/sign-out`.
pub fn router<S>() -> ApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Accounts: FromRef<S>,
    Console: FromRef<S>,
    Arc<RateLimits>: FromRef<S>,
{
    let open = || requires(NOBODY);
    ApiRouter::new()
        .api_route(START, get_with(ask, |op| op.with(open())).post_with(send_code, |op| op.with(open())))
        .api_route(CODE, get_with(ask_code, |op| op.with(open())).post_with(redeem, |op| op.with(open())))
        .api_route("/console/sign-in/github", get_with(to_github, |op| op.with(open())))
        .api_route("/console/sign-in/github/callback", get_with(from_github, |op| op.with(open())))
        .api_route(
            ENTER,
            get_with(follow, |op| op.with(open())).merge(post_with(enter, |op| op.with(open()))),
        )
        .api_route("/console/sign-out", post(sign_out))
}

#[derive(Default, Deserialize)]
struct Wish {
    next: Option<String>,
}

async fn ask(State(console): State<Console>, Asked(Wish { next }): Asked<Wish>) -> Page {
    start(&console, "", next.as_deref(), None)
}

fn start(console: &Console, email: &str, next: Option<&str>, error: Option<&Error>) -> Page {
    let next = own_page(next);
    outside(
        "Sign in",
        html! {
            @if !console.is_private() {
                p.complaint role="alert" {
                    "This console is reached by plain http, where others on the way can read along. Put a proxy with a certificate in front, and set EMBED_PUBLIC_URL to its https address."
                }
            }
            (complaint(error))
            form method="post" action=(START) {
                input type="hidden" name="next" value=(next);
                label { "Your e-mail address" input type="email" name="email" value=(email) autocomplete="username" required autofocus; }
                button.primary type="submit" { "Send me a code" }
            }
            @if !console.0.context.mail.is_configured() {
                p.hint { "No mail server is set (" code { "SMTP_URL" } "), so the code is printed in the server's log." }
            }
            @if console.0.github.is_some() {
                p.or { "or" }
                a.button href=(with_query("/console/sign-in/github", &[("next", &next)])) { "Continue with GitHub" }
            }
        },
    )
}

#[derive(Deserialize)]
struct Address {
    email: String,
    next: Option<String>,
}

async fn send_code(
    State(console): State<Console>,
    State(accounts): State<Accounts>,
    State(limits): State<Arc<RateLimits>>,
    browser: Browser,
    Open(Address { email, next }): Open<Address>,
) -> Result<Response> {
    let sent = async {
        let email = Email::parse(&email)?;
        let both =
            vec![Limit::sign_in(browser.address, ATTEMPTS), Limit::mailbox(email.as_str(), CODES_PER_MINUTE)];
        limits.count(both).await.check()?;
        accounts.send_code(email).await
    };
    match sent.await {
        Ok(id) => {
            let parameters = [("id", &*id.to_string()), ("next", &own_page(next.as_deref()))];
            Ok(Redirect::to(&with_query(CODE, &parameters)).into_response())
        }
        Err(error) => {
            again(error, async |error| Ok(start(&console, &email, next.as_deref(), Some(error)))).await
        }
    }
}

#[derive(Default, Deserialize)]
struct CodeAsked {
    #[serde(default)]
    id: Uuid,
    next: Option<String>,
}

async fn ask_code(State(console): State<Console>, Asked(asked): Asked<CodeAsked>) -> Page {
    code_page(&console, asked.id, asked.next.as_deref(), None)
}

fn code_page(console: &Console, id: Uuid, next: Option<&str>, error: Option<&Error>) -> Page {
    outside(
        "Enter the code",
        html! {
            (complaint(error))
            p {
                @if console.0.context.mail.is_configured() {
                    "If the address is invited here, a letter with six digits is on its way."
                } @else {
                    "No mail server is set, so the six digits are printed in the server's log, if the address is invited here."
                }
                " They count for five minutes."
            }
            form method="post" action=(CODE) {
                input type="hidden" name="id" value=(id);
                input type="hidden" name="next" value=(own_page(next));
                label { "Code" input.code type="text" name="code" inputmode="numeric" autocomplete="one-time-code" maxlength="12" required autofocus; }
                button.primary type="submit" { "Sign in" }
            }
            p { a href=(path(&own_page(next))) { "Ask for another code" } }
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
    State(console): State<Console>,
    State(accounts): State<Accounts>,
    State(limits): State<Arc<RateLimits>>,
    browser: Browser,
    Open(RedeemForm { id, code, next }): Open<RedeemForm>,
) -> Result<Response> {
    let redeemed = async {
        limits.count(vec![Limit::sign_in(browser.address, ATTEMPTS)]).await.check()?;
        accounts.redeem_code(id, &code, &browser).await
    };
    match redeemed.await {
        Ok(session) => Ok(welcome(&console, &session, next.as_deref())),
        Err(error) => {
            again(error, async |error| Ok(code_page(&console, id, next.as_deref(), Some(error)))).await
        }
    }
}

/// Sends the browser to the page that it wanted, with its session.
fn welcome(console: &Console, session: &StartedSession, next: Option<&str>) -> Response {
    let mut response = Redirect::to(&own_page(next)).into_response();
    Cookie::Session.set(console, &session.secret, LONGEST.num_seconds(), response.headers_mut());
    response
}

async fn to_github(State(console): State<Console>, Asked(Wish { next }): Asked<Wish>) -> Result<Response> {
    let github = console.0.github.as_ref().ok_or_else(no_github)?;
    let (url, Attempt { state, verifier }) = github.begin()?;
    let next = hex_of(&own_page(next.as_deref()));
    let mut response = Redirect::to(url.as_str()).into_response();
    let kept = format!("{state}.{verifier}.{next}");
    Cookie::GitHub.set(&console, &kept, GITHUB_SECONDS, response.headers_mut());
    Ok(response)
}

#[derive(Default, Deserialize)]
struct Returned {
    #[serde(default)]
    state: String,
    code: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

async fn from_github(
    State(console): State<Console>,
    State(accounts): State<Accounts>,
    State(limits): State<Arc<RateLimits>>,
    browser: Browser,
    headers: HeaderMap,
    Asked(returned): Asked<Returned>,
) -> Result<Response> {
    let github = console.0.github.as_ref().ok_or_else(no_github)?;
    let kept = Cookie::GitHub.read(&console, &headers).unwrap_or_default().to_owned();
    let mut kept = kept.split('.').map(str::to_owned);
    let attempt =
        Attempt { state: kept.next().unwrap_or_default(), verifier: kept.next().unwrap_or_default() };
    let next = kept.next().and_then(|hex| text_of(&hex));
    let signed_in = async {
        limits.count(vec![Limit::sign_in(browser.address, ATTEMPTS)]).await.check()?;
        if attempt.verifier.is_empty() {
            let detail = "This browser has not begun to sign in with GitHub, or more than ten minutes ago. Begin again.";
            return Err(Error::new(Code::WrongState, detail));
        }
        let Some(code) = &returned.code else {
            let reason =
                returned.error_description.or(returned.error).unwrap_or_else(|| "no reason".to_owned());
            let reason: String = reason.chars().take(200).collect();
            let detail = format!("GitHub did not say who you are ({}). Begin again.", reason.escape_debug());
            return Err(Error::new(Code::GithubRefused, detail));
        };
        accounts.sign_in_with_github(github, &attempt, (&returned.state, code), &browser).await
    };
    let mut response = match signed_in.await {
        Ok(session) => welcome(&console, &session, next.as_deref()),
        Err(error) => {
            again(error, async |error| Ok(start(&console, "", next.as_deref(), Some(error)))).await?
        }
    };
    // One attempt, one answer.
    Cookie::GitHub.remove(&console, response.headers_mut());
    Ok(response)
}

fn no_github() -> Error {
    let detail = "Signing in with GitHub is not set up here: EMBED_GITHUB_CLIENT_ID and EMBED_GITHUB_CLIENT_SECRET name the app.";
    Error::new(Code::NoGithub, detail)
}

/// A text as a cookie can hold it.
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
struct Link {
    #[serde(default)]
    link: String,
}

/// A link that signs in does so at once; one for the first owner asks who that is.
async fn follow(
    State(console): State<Console>,
    State(accounts): State<Accounts>,
    browser: Browser,
    Asked(Link { link }): Asked<Link>,
) -> Result<Response> {
    match accounts.link_kind(&link).await? {
        LinkKind::SignIn => Ok(welcome(&console, &accounts.follow_link(&link, None, &browser).await?, None)),
        LinkKind::FirstOwner => Ok(first_owner(&link, "", "", None).into_response()),
    }
}

fn first_owner(link: &str, email: &str, name: &str, error: Option<&Error>) -> Page {
    outside(
        "Welcome",
        html! {
            p { "Nobody manages this installation yet. Who are you?" }
            (complaint(error))
            form method="post" action=(ENTER) {
                input type="hidden" name="link" value=(link);
                label { "Your e-mail address" input type="email" name="email" value=(email) autocomplete="email" required autofocus; }
                label { "Your name" input type="text" name="name" value=(name) autocomplete="name" maxlength="200"; }
                button.primary type="submit" { "Become the first owner" }
            }
            p.hint { "You will sign in with this address from now on. An owner manages people and may delete sites." }
        },
    )
}

#[derive(Deserialize)]
struct Newcomer {
    link: String,
    email: String,
    #[serde(default)]
    name: String,
}

async fn enter(
    State(console): State<Console>,
    State(accounts): State<Accounts>,
    State(limits): State<Arc<RateLimits>>,
    browser: Browser,
    Open(Newcomer { link, email, name }): Open<Newcomer>,
) -> Result<Response> {
    limits.count(vec![Limit::sign_in(browser.address, ATTEMPTS)]).await.check()?;
    let given = Some(name.trim()).filter(|name| !name.is_empty());
    let entered = async {
        let newcomer = (Email::parse(&email)?, given);
        accounts.follow_link(&link, Some(newcomer), &browser).await
    };
    match entered.await {
        Ok(session) => Ok(welcome(&console, &session, None)),
        Err(error) => again(error, async |error| Ok(first_owner(&link, &email, &name, Some(error)))).await,
    }
}

async fn sign_out(
    viewer: Viewer,
    State(console): State<Console>,
    State(accounts): State<Accounts>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response> {
    accounts.end_session(&viewer.operator, Some(viewer.session)).await?;
    let mut response = Redirect::to(START).into_response();
    Cookie::Session.remove(&console, response.headers_mut());
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_meanwhile_is_read_back() {
        assert_eq!(text_of(&hex_of("/console/sites?ä=1")).as_deref(), Some("/console/sites?ä=1"));
        for broken in ["x", "zz", "ff", "+1"] {
            assert_eq!(text_of(broken).filter(|text| !text.is_ascii()), None, "{broken}");
        }
    }
}
