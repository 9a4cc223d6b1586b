//! One's own: the browsers in which one is signed in, and the tokens of one's programs.

use super::Console;
use super::elements::{Mood, badge, complaint, copyable, csrf, empty, time, time_or};
use super::form::{Nothing, Posted};
use super::page::{Page, Place, Section};
use super::viewer::{Done, Viewer};
use crate::accounts::{Accounts, PersonalToken, Session};
use crate::error::{Error, Result};
use crate::http::path_id;
use aide::OperationInput;
use aide::axum::ApiRouter;
use aide::axum::routing::{get, post};
use axum::extract::{FromRef, FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::TimeDelta;
use maud::{Markup, html};
use serde::Deserialize;
use uuid::Uuid;

const HERE: &str = "/console/account";

/// `/console/account` and below.
pub(super) fn router<S>() -> ApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Accounts: FromRef<S>,
    Console: FromRef<S>,
{
    ApiRouter::new()
        .api_route(HERE, get(show))
        .api_route("/console/account/sessions/{session}/end", post(end))
        .api_route("/console/account/sessions/end", post(end_all))
        .api_route("/console/account/tokens", post(make_token))
        .api_route("/console/account/tokens/{token}/revoke", post(revoke))
}

fn said(done: Done) -> Response {
    Redirect::to(&format!("{HERE}?done={}", done.word())).into_response()
}

/// The session that the path names as `{session}`: whose it is, the one who ends it finds out.
struct NamedSession(Uuid);

/// The token that the path names as `{token}`, likewise.
struct NamedToken(Uuid);

impl<S: Send + Sync> FromRequestParts<S> for NamedSession {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let missing =
            |_: &str| Error::not_found("session_not_found", "There is no such session of yours any more.");
        path_id(parts, "session", missing).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for NamedToken {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        path_id(parts, "token", |_| no_such_token()).await.map(Self)
    }
}

impl OperationInput for NamedSession {}
impl OperationInput for NamedToken {}

fn no_such_token() -> Error {
    Error::not_found("token_not_found", "You have no such token any more.")
}

async fn show(viewer: Viewer, State(accounts): State<Accounts>) -> Result<Page> {
    page(&viewer, &accounts, html! {}, None).await
}

async fn page(viewer: &Viewer, accounts: &Accounts, made: Markup, error: Option<&Error>) -> Result<Page> {
    let sessions = accounts.sessions(&viewer.operator).await?;
    let tokens = accounts.tokens(viewer.operator.email()).await?;
    let place = Place { organization: None, section: Section::Account, trail: Vec::new(), tabs: Vec::new() };
    Ok(viewer.page(&place, "Account", html! {
        p.lead { "You are " strong { (viewer.operator.email()) } "." }
        (made)
        (complaint(error))
        section {
            h2 { "Where you are signed in" }
            (session_table(viewer, &sessions))
            form method="post" action={ (HERE) "/sessions/end" } {
                (csrf(viewer))
                button type="submit" { "Sign out everywhere" }
            }
        }
        section {
            h2 { "Personal tokens" }
            p { "With one, your programs call the management API as you would: " code { "Authorization: Bearer dram_user_…" } ". What it may is what you may." }
            @if tokens.is_empty() {
                (empty("You have no personal token.", html! { "Make one for a program that manages sites, modules or domains for you." }))
            } @else {
                (token_table(viewer, &tokens))
            }
            form.inline method="post" action={ (HERE) "/tokens" } {
                (csrf(viewer))
                label { "Ends " select name="days" {
                    option value="30" { "in 30 days" } option value="90" selected { "in 90 days" } option value="365" { "in a year" } option value="" { "never" }
                } }
                button.primary type="submit" { "Make a token" }
            }
        }
    }))
}

fn session_table(viewer: &Viewer, sessions: &[Session]) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label="Table" { table {
            thead { tr { th scope="col" { "Browser" } th scope="col" { "From" } th scope="col" { "Began" } th scope="col" { "Last used" } th scope="col" { span.unseen { "End" } } } }
            tbody {
                @for session in sessions {
                    tr {
                        th scope="row" title=[session.user_agent.as_deref()] {
                            (session.user_agent.as_deref().map_or("Unknown", browser))
                            @if session.id == viewer.session { " " (badge("this one", Mood::Good)) }
                        }
                        td { (session.ip_address) }
                        td { (time(session.created_at, viewer.now)) " with " (means(&session.means)) }
                        td { (time(session.last_seen_at, viewer.now)) }
                        td {
                            form.inline method="post" action={ (HERE) "/sessions/" (session.id) "/end" } { (csrf(viewer)) button type="submit" { "End" } }
                        }
                    }
                }
            }
        } }
    }
}

fn means(word: &str) -> &str {
    match word {
        "code" => "a code",
        "github" => "GitHub",
        _ => "a link",
    }
}

/// The browser's name, as far as its own words tell; the more special one comes first, because all claim to be others too.
fn browser(user_agent: &str) -> &'static str {
    let known = [
        ("Firefox/", "Firefox"),
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Chrome/", "Chrome"),
        ("Chromium/", "Chromium"),
        ("Safari/", "Safari"),
    ];
    known.into_iter().find(|(mark, _)| user_agent.contains(mark)).map_or("Another browser", |(_, name)| name)
}

fn token_table(viewer: &Viewer, tokens: &[PersonalToken]) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label="Table" { table {
            thead { tr { th scope="col" { "Begins with" } th scope="col" { "Made" } th scope="col" { "Ends" } th scope="col" { span.unseen { "Revoke" } } } }
            tbody {
                @for token in tokens {
                    tr {
                        th scope="row" { code { "dram_user_" (token.prefix) "…" } }
                        td { (time(token.created_at, viewer.now)) }
                        td { (time_or(token.expires_at, viewer.now, "never")) }
                        td { form.inline method="post" action={ (HERE) "/tokens/" (token.id) "/revoke" } { (csrf(viewer)) button.danger type="submit" { "Revoke" span.unseen { " " (token.prefix) } } } }
                    }
                }
            }
        } }
    }
}

async fn end(
    viewer: Viewer,
    NamedSession(session): NamedSession,
    State(accounts): State<Accounts>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response> {
    accounts.end_session(&viewer.operator, Some(session)).await?;
    Ok(said(Done::Ended))
}

async fn end_all(
    viewer: Viewer,
    State(accounts): State<Accounts>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response> {
    accounts.end_session(&viewer.operator, None).await?;
    Ok(Redirect::to("/console").into_response())
}

#[derive(Deserialize)]
struct NewToken {
    #[serde(default)]
    days: String,
}

/// The secret stands in the answer to the form and nowhere else, so it is gone when the page is left.
async fn make_token(
    viewer: Viewer,
    State(accounts): State<Accounts>,
    Posted(NewToken { days }): Posted<NewToken>,
) -> Result<Page> {
    let lifetime = match days.as_str() {
        "" => None,
        days => match days.parse() {
            Ok(days @ 1..=3650) => Some(TimeDelta::days(days)),
            _ => {
                let error = Error::invalid("A token ends in 1 to 3650 days, or never.");
                return page(&viewer, &accounts, html! {}, Some(&error)).await;
            }
        },
    };
    let operator = &viewer.operator;
    let (_, secret) = accounts.token(&operator.actor(), operator.email(), lifetime).await?;
    let made = html! {
        div.secret role="status" {
            p { strong { "This is shown once." } " Copy it to where your program finds it." }
            (copyable("secret", "The token", secret.reveal()))
        }
    };
    page(&viewer, &accounts, made, None).await
}

async fn revoke(
    viewer: Viewer,
    NamedToken(id): NamedToken,
    State(accounts): State<Accounts>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response> {
    let operator = &viewer.operator;
    let tokens = accounts.tokens(operator.email()).await?;
    let token = tokens.into_iter().find(|token| token.id == id).ok_or_else(no_such_token)?;
    accounts.revoke(&operator.actor(), operator.email(), Some(&token.prefix)).await?;
    Ok(said(Done::Revoked))
}
