//! The viewer's account: sessions and personal tokens.

use super::connected_apps;
use crate::ConsoleState;
use crate::shell::elements::{BadgeKind, badge, confirmation, csrf, empty, form_error, time, time_or};
use crate::shell::form::{EmptyForm, SessionForm, redisplay};
use crate::shell::new_secret;
use crate::shell::page::{Page, PageLocation};
use crate::shell::viewer::{Outcome, Viewer};
use aide::OperationInput;
use aide::axum::ApiRouter;
use aide::axum::routing::{get, post};
use axum::extract::{FromRequestParts, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::TimeDelta;
use embed_base::http::path_id;
use embed_base::secrets::SecretKind;
use embed_base::{Code, Error, Result};
use embed_core::accounts::{Accounts, PersonalToken, Session};
use embed_core::services::Services;
use maud::{Markup, html};
use serde::Deserialize;
use uuid::Uuid;

const HERE: &str = "/console/account";

/// `/console/account` and below.
pub fn router() -> ApiRouter<ConsoleState> {
    ApiRouter::new()
        .api_route(HERE, get(show))
        .api_route("/console/account/sessions/{session}/end", post(end))
        .api_route("/console/account/sessions/end", post(end_all))
        .api_route("/console/account/tokens", post(make_token))
        .api_route("/console/account/tokens/{token}/revoke", get(ask_revoke).post(revoke))
}

fn location() -> PageLocation<'static> {
    connected_apps::location(HERE)
}

fn redirect(outcome: Outcome) -> Response {
    Redirect::to(&format!("{HERE}?done={}", outcome.as_str())).into_response()
}

/// The id of a session from the path. `Accounts::end_session` checks whose it is.
struct NamedSession(Uuid);

/// The id of a personal token from the path. `own_token` checks whose it is.
struct NamedToken(Uuid);

impl FromRequestParts<ConsoleState> for NamedSession {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &ConsoleState) -> Result<Self> {
        let missing =
            |_: &str| Error::new(Code::SessionNotFound, "You have no such session, or it has ended.");
        path_id(parts, "session", missing).await.map(Self)
    }
}

impl FromRequestParts<ConsoleState> for NamedToken {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &ConsoleState) -> Result<Self> {
        path_id(parts, "token", |_| no_such_token()).await.map(Self)
    }
}

impl OperationInput for NamedSession {}
impl OperationInput for NamedToken {}

fn no_such_token() -> Error {
    Error::new(Code::TokenNotFound, "You have no such token, or it has ended.")
}

async fn show(
    viewer: Viewer,
    State(services): State<Services>,
    State(console): State<ConsoleState>,
    headers: HeaderMap,
) -> Result<Response> {
    let tokens = services.accounts.tokens(viewer.operator.email()).await?;
    let prefixes = tokens.iter().map(|token| token.prefix.as_str());
    let is_own = |text: &str| new_secret::is_token(text, SecretKind::User, prefixes);
    let secret = new_secret::read(&console, &headers, is_own);
    let secret_notice = new_secret::notice("token", secret.as_deref());
    let page =
        page(&viewer, &services.accounts, &tokens, &PersonalTokenForm::defaults(), secret_notice, None)
            .await?;
    Ok(new_secret::respond(&console, secret.as_deref(), page))
}

async fn page(
    viewer: &Viewer,
    accounts: &Accounts,
    tokens: &[PersonalToken],
    entered: &PersonalTokenForm,
    secret_notice: Markup,
    error: Option<&Error>,
) -> Result<Page> {
    let sessions = accounts.sessions(&viewer.operator).await?;
    Ok(viewer.page(&location(), "Account", html! {
        p.lead { "You are signed in as " strong { (viewer.operator.email()) } "." }
        (secret_notice)
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
            p { "Your programs use one to call the management API as you: " code { "Authorization: Bearer dram_user_…" } ". A token can do whatever you can." }
            @if tokens.is_empty() {
                (empty("You have no personal tokens.", html! { "Create one for a program that manages sites, modules or domains for you." }))
            } @else {
                (token_table(viewer, tokens))
            }
            (form_error(error))
            form.inline method="post" action={ (HERE) "/tokens" } {
                (csrf(viewer))
                label { "Name " input type="text" name="name" value=(entered.name) maxlength="200" placeholder="What it is for" required; }
                label { "Expires " select name="days" {
                    @for (days, label) in [("30", "in 30 days"), ("90", "in 90 days"), ("365", "in a year"), ("", "never")] {
                        option value=(days) selected[days == entered.days] { (label) }
                    }
                } }
                button.primary type="submit" { "Create token" }
            }
        }
    }))
}

fn session_table(viewer: &Viewer, sessions: &[Session]) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label="Table" { table {
            thead { tr { th scope="col" { "Browser" } th scope="col" { "Address" } th scope="col" { "Signed in" } th scope="col" { "Last used" } th scope="col" { span.unseen { "End" } } } }
            tbody {
                @for session in sessions {
                    tr {
                        th scope="row" title=[session.user_agent.as_deref()] {
                            (session.user_agent.as_deref().map_or("Unknown", browser))
                            @if session.id == viewer.session { " " (badge("this session", BadgeKind::Good)) }
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

/// The browser's name from its `User-Agent`. Specific names come first, since browsers also list the names of others.
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
            thead { tr { th scope="col" { "Token" } th scope="col" { "Created" } th scope="col" { "Expires" } th scope="col" { span.unseen { "Revoke" } } } }
            tbody {
                @for token in tokens {
                    tr {
                        th scope="row" { (token.name) br; code.hint { "dram_user_" (token.prefix) "…" } }
                        td { (time(token.created_at, viewer.now)) }
                        td { (time_or(token.expires_at, viewer.now, "never")) }
                        td { a.button.danger href={ (HERE) "/tokens/" (token.id) "/revoke" } { "Revoke…" span.unseen { " " (token.name) } } }
                    }
                }
            }
        } }
    }
}

async fn end(
    viewer: Viewer,
    NamedSession(session): NamedSession,
    State(services): State<Services>,
    _: SessionForm<EmptyForm>,
) -> Result<Response> {
    services.accounts.end_session(&viewer.operator, Some(session)).await?;
    Ok(redirect(Outcome::Ended))
}

async fn end_all(
    viewer: Viewer,
    State(services): State<Services>,
    _: SessionForm<EmptyForm>,
) -> Result<Response> {
    services.accounts.end_session(&viewer.operator, None).await?;
    Ok(Redirect::to("/console").into_response())
}

/// The form that creates a personal token.
#[derive(Default, Deserialize)]
#[serde(default)]
struct PersonalTokenForm {
    name: String,
    days: String,
}

impl PersonalTokenForm {
    fn defaults() -> Self {
        Self { name: String::new(), days: "90".to_owned() }
    }

    fn lifetime(&self) -> Result<Option<TimeDelta>> {
        match self.days.as_str() {
            "" => Ok(None),
            days => match days.parse() {
                Ok(days @ 1..=3650) => Ok(Some(TimeDelta::days(days))),
                _ => Err(Error::invalid("A token expires in 1 to 3650 days, or never.")),
            },
        }
    }
}

async fn make_token(
    viewer: Viewer,
    State(services): State<Services>,
    State(console): State<ConsoleState>,
    SessionForm(form): SessionForm<PersonalTokenForm>,
) -> Result<Response> {
    let operator = &viewer.operator;
    let created = async {
        services.accounts.token(&operator.actor(), operator.email(), &form.name, form.lifetime()?).await
    };
    match created.await {
        Ok((_, secret)) => Ok(new_secret::redirect(&console, secret.reveal(), HERE)),
        Err(error) => {
            redisplay(error, async |error| {
                let tokens = services.accounts.tokens(operator.email()).await?;
                page(&viewer, &services.accounts, &tokens, &form, html! {}, Some(error)).await
            })
            .await
        }
    }
}

/// Finds the viewer's own token of this id.
async fn own_token(viewer: &Viewer, accounts: &Accounts, id: Uuid) -> Result<PersonalToken> {
    let tokens = accounts.tokens(viewer.operator.email()).await?;
    tokens.into_iter().find(|token| token.id == id).ok_or_else(no_such_token)
}

async fn ask_revoke(
    viewer: Viewer,
    NamedToken(id): NamedToken,
    State(services): State<Services>,
) -> Result<Page> {
    let token = own_token(&viewer, &services.accounts, id).await?;
    let location = location().with_parent("Account", HERE.to_owned());
    let explanation = html! { p { "Programs that use " strong { (token.name) } " are refused within two seconds. This cannot be undone." } };
    let confirmation =
        confirmation(&viewer, &format!("{HERE}/tokens/{id}/revoke"), explanation, "Revoke", HERE);
    Ok(viewer.page(&location, &format!("Revoke “{}”?", token.name), confirmation))
}

async fn revoke(
    viewer: Viewer,
    NamedToken(id): NamedToken,
    State(services): State<Services>,
    _: SessionForm<EmptyForm>,
) -> Result<Response> {
    let operator = &viewer.operator;
    let token = own_token(&viewer, &services.accounts, id).await?;
    services.accounts.revoke(&operator.actor(), operator.email(), Some(&token.prefix)).await?;
    Ok(redirect(Outcome::Revoked))
}
