//! One's own: the browsers in which one is signed in, and the tokens of one's programs.

use crate::Console;
use crate::shell::elements::{Mood, badge, complaint, csrf, empty, question, time, time_or};
use crate::shell::form::{Nothing, Posted, again};
use crate::shell::fresh;
use crate::shell::page::{Page, Place, Section};
use crate::shell::viewer::{Done, Viewer};
use aide::OperationInput;
use aide::axum::ApiRouter;
use aide::axum::routing::{get, post};
use axum::extract::{FromRef, FromRequestParts, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::TimeDelta;
use embed_base::http::path_id;
use embed_base::secrets::SecretKind;
use embed_base::{Code, Error, Result};
use embed_core::accounts::{Accounts, PersonalToken, Session};
use maud::{Markup, html};
use serde::Deserialize;
use uuid::Uuid;

const HERE: &str = "/console/account";

/// `/console/account` and below.
pub fn router<S>() -> ApiRouter<S>
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
        .api_route("/console/account/tokens/{token}/revoke", get(ask_revoke).post(revoke))
}

fn place() -> Place<'static> {
    Place { organization: None, section: Section::Account, trail: Vec::new(), tabs: Vec::new() }
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
            |_: &str| Error::new(Code::SessionNotFound, "There is no such session of yours any more.");
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
    Error::new(Code::TokenNotFound, "You have no such token any more.")
}

async fn show(
    viewer: Viewer,
    State(accounts): State<Accounts>,
    State(console): State<Console>,
    headers: HeaderMap,
) -> Result<Response> {
    let tokens = accounts.tokens(viewer.operator.email()).await?;
    let listed = tokens.iter().map(|token| token.prefix.as_str());
    let secret = fresh::waiting(&console, &headers, SecretKind::User, listed);
    let made = fresh::shown(secret.as_ref());
    let page = page(&viewer, &accounts, &tokens, &TokenForm::usual(), made, None).await?;
    Ok(fresh::page(&console, secret.as_ref(), page))
}

async fn page(
    viewer: &Viewer,
    accounts: &Accounts,
    tokens: &[PersonalToken],
    tried: &TokenForm,
    made: Markup,
    error: Option<&Error>,
) -> Result<Page> {
    let sessions = accounts.sessions(&viewer.operator).await?;
    Ok(viewer.page(&place(), "Account", html! {
        p.lead { "You are " strong { (viewer.operator.email()) } "." }
        (made)
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
                (token_table(viewer, tokens))
            }
            (complaint(error))
            form.inline method="post" action={ (HERE) "/tokens" } {
                (csrf(viewer))
                label { "Name " input type="text" name="name" value=(tried.name) maxlength="200" placeholder="What it is for" required; }
                label { "Ends " select name="days" {
                    @for (days, said) in [("30", "in 30 days"), ("90", "in 90 days"), ("365", "in a year"), ("", "never")] {
                        option value=(days) selected[days == tried.days] { (said) }
                    }
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
            thead { tr { th scope="col" { "Token" } th scope="col" { "Made" } th scope="col" { "Ends" } th scope="col" { span.unseen { "Revoke" } } } }
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

/// What a form says about a token.
#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenForm {
    name: String,
    days: String,
}

impl TokenForm {
    fn usual() -> Self {
        Self { name: String::new(), days: "90".to_owned() }
    }

    fn lifetime(&self) -> Result<Option<TimeDelta>> {
        match self.days.as_str() {
            "" => Ok(None),
            days => match days.parse() {
                Ok(days @ 1..=3650) => Ok(Some(TimeDelta::days(days))),
                _ => Err(Error::invalid("A token ends in 1 to 3650 days, or never.")),
            },
        }
    }
}

async fn make_token(
    viewer: Viewer,
    State(accounts): State<Accounts>,
    State(console): State<Console>,
    Posted(form): Posted<TokenForm>,
) -> Result<Response> {
    let operator = &viewer.operator;
    let made =
        async { accounts.token(&operator.actor(), operator.email(), &form.name, form.lifetime()?).await };
    match made.await {
        Ok((_, secret)) => Ok(fresh::lead(&console, secret.reveal(), HERE)),
        Err(error) => {
            again(error, async |error| {
                let tokens = accounts.tokens(operator.email()).await?;
                page(&viewer, &accounts, &tokens, &form, html! {}, Some(error)).await
            })
            .await
        }
    }
}

/// The viewer's own token of this id.
async fn own(viewer: &Viewer, accounts: &Accounts, id: Uuid) -> Result<PersonalToken> {
    let tokens = accounts.tokens(viewer.operator.email()).await?;
    tokens.into_iter().find(|token| token.id == id).ok_or_else(no_such_token)
}

async fn ask_revoke(
    viewer: Viewer,
    NamedToken(id): NamedToken,
    State(accounts): State<Accounts>,
) -> Result<Page> {
    let token = own(&viewer, &accounts, id).await?;
    let place = place().within("Account", HERE.to_owned());
    let explanation = html! { p { "Programs that use " strong { (token.name) } " are refused within two seconds, for good." } };
    let question = question(&viewer, &format!("{HERE}/tokens/{id}/revoke"), explanation, "Revoke", HERE);
    Ok(viewer.page(&place, &format!("Revoke {}?", token.name), question))
}

async fn revoke(
    viewer: Viewer,
    NamedToken(id): NamedToken,
    State(accounts): State<Accounts>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response> {
    let operator = &viewer.operator;
    let token = own(&viewer, &accounts, id).await?;
    accounts.revoke(&operator.actor(), operator.email(), Some(&token.prefix)).await?;
    Ok(said(Done::Revoked))
}
