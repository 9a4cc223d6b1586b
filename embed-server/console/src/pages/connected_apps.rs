//! The apps that the viewer has allowed access, and how that ends.

use super::consent::in_words;
use crate::ConsoleState;
use crate::shell::elements::{confirmation, empty, time, time_or};
use crate::shell::form::{EmptyForm, SessionForm};
use crate::shell::page::{Page, PageLocation, Section};
use crate::shell::viewer::{Outcome, Viewer};
use aide::OperationInput;
use aide::axum::ApiRouter;
use aide::axum::routing::get;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use embed_base::http::path_id;
use embed_base::{Code, Error, Result};
use embed_core::oauth::AppGrant;
use embed_core::services::Services;
use maud::{Markup, html};
use uuid::Uuid;

const HERE: &str = "/console/account/apps";

/// `/console/account/apps` and below.
pub fn router() -> ApiRouter<ConsoleState> {
    ApiRouter::new()
        .api_route(HERE, get(show))
        .api_route("/console/account/apps/{grant}/end", get(ask_end).post(end))
}

/// The pages of an account.
pub fn location(this: &str) -> PageLocation<'static> {
    PageLocation { organization: None, section: Section::Account, parents: Vec::new(), tabs: Vec::new() }
        .with_tab("Account", "/console/account".to_owned(), this == "/console/account")
        .with_tab("Connected apps", HERE.to_owned(), this == HERE)
}

/// The id of a grant from the path. `own` checks whose it is.
struct NamedGrant(Uuid);

impl FromRequestParts<ConsoleState> for NamedGrant {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &ConsoleState) -> Result<Self> {
        path_id(parts, "grant", |_| no_such_grant()).await.map(Self)
    }
}

impl OperationInput for NamedGrant {}

fn no_such_grant() -> Error {
    Error::new(Code::GrantNotFound, "You have not allowed such an app, or its access was ended.")
}

async fn show(viewer: Viewer, State(services): State<Services>) -> Result<Page> {
    let grants = services.oauth.grants_of(&viewer.operator).await?;
    Ok(viewer.page(&location(HERE), "Connected apps", html! {
        p.lead { "Apps that you have allowed to use data of your organizations. Each can do no more than you can." }
        @if grants.is_empty() {
            (empty("You have allowed no app.", html! { "When an app asks for access, it is listed here, and you can end it." }))
        } @else {
            (grant_table(&viewer, &grants, |grant| format!("{HERE}/{}/end", grant.id)))
        }
    }))
}

/// A table of what apps may do; `end` makes the address of the page that ends it.
pub fn grant_table(viewer: &Viewer, grants: &[AppGrant], end: impl Fn(&AppGrant) -> String) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label="Table" { table {
            thead { tr { th scope="col" { "App" } th scope="col" { "Whose" } th scope="col" { "It can" } th scope="col" { "Since" } th scope="col" { "Last used" } th scope="col" { span.unseen { "End" } } } }
            tbody {
                @for grant in grants {
                    tr {
                        th scope="row" { (grant.client_name) @if !grant.place.is_empty() { br; span.hint { (grant.place) } } }
                        td { @match &grant.email { Some(email) => { (email) } None => { "the app’s own" } } }
                        td { @for (place, scope) in grant.scopes.iter().enumerate() { @if place > 0 { br; } (in_words(scope)) } }
                        td { (time(grant.created_at, viewer.now)) }
                        td { (time_or(grant.last_used_at, viewer.now, "never")) @if let Some(address) = &grant.last_address { br; span.hint { (address) } } }
                        td { a.button.danger href=(end(grant)) { "End…" span.unseen { " " (grant.client_name) } } }
                    }
                }
            }
        } }
    }
}

async fn ask_end(
    viewer: Viewer,
    NamedGrant(id): NamedGrant,
    State(services): State<Services>,
) -> Result<Page> {
    let grants = services.oauth.grants_of(&viewer.operator).await?;
    let grant = grants.into_iter().find(|grant| grant.id == id).ok_or_else(no_such_grant)?;
    let explanation = html! { p { "Every server refuses " strong { (grant.client_name) } " within two seconds. To use it again, you have to allow it again." } };
    let confirmation = confirmation(&viewer, &format!("{HERE}/{id}/end"), explanation, "End access", HERE);
    let location = location(HERE).with_parent("Connected apps", HERE.to_owned());
    Ok(viewer.page(&location, &format!("End the access of {}?", grant.client_name), confirmation))
}

async fn end(
    viewer: Viewer,
    NamedGrant(id): NamedGrant,
    State(services): State<Services>,
    _: SessionForm<EmptyForm>,
) -> Result<Response> {
    services.oauth.end_own_grant(&viewer.operator, id).await?;
    Ok(Redirect::to(&format!("{HERE}?done={}", Outcome::AccessEnded.as_str())).into_response())
}
