//! An organization's people and their roles, and its name.

use crate::ConsoleState;
use crate::shell::elements::{BadgeKind, badge, confirmation, csrf, form_error, time};
use crate::shell::form::{EmptyForm, SessionForm, redisplay};
use crate::shell::page::{Page, PageLocation, Section};
use crate::shell::viewer::{Outcome, Viewer};
use aide::OperationInput;
use aide::axum::ApiRouter;
use aide::axum::routing::{get, post};
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use embed_base::http::path_id;
use embed_base::{Code, Error, Result};
use embed_core::accounts::{Accounts, Email, ManagedOrganization, Member, Organization, Owner, Person, Role};
use embed_core::services::Services;
use maud::{Markup, html};
use serde::Deserialize;
use uuid::Uuid;

/// `/console/organizations/{organization}/people` and below.
pub fn router() -> ApiRouter<ConsoleState> {
    let people = "/console/organizations/{organization}/people";
    ApiRouter::new()
        .api_route(people, get(list).post(invite))
        .api_route("/console/organizations/{organization}/name", post(rename))
        .api_route("/console/organizations/{organization}/leave", get(ask_leave).post(leave))
        .api_route(&format!("{people}/{{person}}/role"), post(set_role))
        .api_route(&format!("{people}/{{person}}/remove"), get(ask_remove).post(remove))
}

fn address(organization: Uuid) -> String {
    format!("/console/organizations/{organization}/people")
}

fn redirect(organization: Uuid, outcome: Outcome) -> Response {
    Redirect::to(&format!("{}?done={}", address(organization), outcome.as_str())).into_response()
}

/// The person that the path names as `{person}`; only an owner can manage people.
struct ManagedPerson {
    organization: Organization,
    person: Person,
}

impl FromRequestParts<ConsoleState> for ManagedPerson {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, console: &ConsoleState) -> Result<Self> {
        let ManagedOrganization { organization, .. } =
            ManagedOrganization::<Owner>::from_request_parts(parts, console).await?;
        let missing = |id: &str| {
            let detail = format!("{} has no member with the id {}.", organization.name, id.escape_debug());
            Error::new(Code::UserNotFound, detail)
        };
        let id = path_id(parts, "person", missing).await?;
        let people = console.0.services.accounts.list(organization.id).await?;
        let person = people.into_iter().find(|person| person.id == id);
        let person = person.ok_or_else(|| missing(&id.to_string()))?;
        Ok(Self { organization, person })
    }
}

impl OperationInput for ManagedPerson {
    fn operation_input(ctx: &mut aide::generate::GenContext, operation: &mut aide::openapi::Operation) {
        ManagedOrganization::<Owner>::operation_input(ctx, operation);
    }
}

async fn list(
    viewer: Viewer,
    ManagedOrganization { organization, .. }: ManagedOrganization<Member>,
    State(services): State<Services>,
) -> Result<Page> {
    page(&viewer, &services.accounts, &organization, &Invitation::default(), None).await
}

#[derive(Clone, Default, Deserialize)]
struct Invitation {
    #[serde(default)]
    email: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    role: String,
}

async fn page(
    viewer: &Viewer,
    accounts: &Accounts,
    organization: &Organization,
    entered: &Invitation,
    error: Option<&Error>,
) -> Result<Page> {
    let people = accounts.list(organization.id).await?;
    let is_owner = viewer.operator.role_in(organization.id) == Some(Role::Owner);
    let here = address(organization.id);
    Ok(viewer.page(&PageLocation::top(organization.id, Section::People), "People", html! {
        p.lead { "Members can view everything. Admins can also change sites, modules, domains and tokens. Owners can also manage people and delete sites." }
        (form_error(error))
        div.scroll tabindex="0" role="group" aria-label="Table" {
            table {
                thead { tr { th scope="col" { "Person" } th scope="col" { "Role" } th scope="col" { "Since" } @if is_owner { th scope="col" { span.unseen { "Change" } } } } }
                tbody {
                    @for person in &people {
                        tr {
                            th scope="row" { (person.name) br; span.hint { (person.email) } }
                            td {
                                @if is_owner { (role_form(viewer, &here, person)) } @else { (person.role) }
                                @if person.signed_in_at.is_none() { " " (badge("invited", BadgeKind::Neutral)) }
                            }
                            td { (time(person.created_at, viewer.now)) }
                            @if is_owner { td { a href={ (here) "/" (person.id) "/remove" } { "Remove" span.unseen { " " (person.email) } } } }
                        }
                    }
                }
            }
        }
        @if is_owner {
            section {
                h2 { "Invite someone" }
                form.stack method="post" action=(here) {
                    (csrf(viewer))
                    label { "Email address" input type="email" name="email" value=(entered.email) required; }
                    label { "Name" input type="text" name="name" value=(entered.name) maxlength="200" placeholder="The part before the @, if empty"; }
                    label { "Role" (roles(&entered.role, "role")) }
                    button.primary type="submit" { "Invite" }
                }
            }
            section {
                h2 { "Organization" }
                form.stack method="post" action={ "/console/organizations/" (organization.id) "/name" } {
                    (csrf(viewer))
                    label { "Name" input type="text" name="name" value=(organization.name) maxlength="200" required; }
                    button type="submit" { "Rename" }
                }
            }
        }
        p { a href={ "/console/organizations/" (organization.id) "/leave" } { "Leave " (organization.name) } }
    }))
}

fn role_form(viewer: &Viewer, people: &str, person: &Person) -> Markup {
    html! {
        form.inline method="post" action={ (people) "/" (person.id) "/role" } {
            (csrf(viewer))
            (roles(person.role.as_str(), &format!("Role of {}", person.email)))
            button type="submit" { "Set" }
        }
    }
}

fn roles(chosen: &str, name: &str) -> Markup {
    html! {
        select name="role" aria-label=(name) {
            @for role in [Role::Member, Role::Admin, Role::Owner] {
                option value=(role) selected[role.as_str() == chosen] { (role) }
            }
        }
    }
}

async fn invite(
    viewer: Viewer,
    ManagedOrganization { organization, operator, .. }: ManagedOrganization<Owner>,
    State(services): State<Services>,
    SessionForm(invitation): SessionForm<Invitation>,
) -> Result<Response> {
    let invited = async {
        let name = Some(invitation.name.trim()).filter(|name| !name.is_empty());
        let (email, role) = (Email::parse(&invitation.email)?, Role::parse(&invitation.role)?);
        services.accounts.invite(&operator.actor(), organization.id, email, name, role).await
    };
    match invited.await {
        Ok(person) => {
            let outcome = match services.accounts.write_invitation(&person.email).await {
                Ok(true) => Outcome::InvitedByMail,
                Ok(false) => Outcome::Invited,
                Err(error) => {
                    tracing::error!(causes = error.causes(), "an invitation could not be sent: {error}");
                    Outcome::InvitedWithoutMail
                }
            };
            Ok(redirect(organization.id, outcome))
        }
        Err(error) => {
            redisplay(error, async |error| {
                page(&viewer, &services.accounts, &organization, &invitation, Some(error)).await
            })
            .await
        }
    }
}

#[derive(Deserialize)]
struct NameForm {
    name: String,
}

async fn rename(
    viewer: Viewer,
    ManagedOrganization { organization, operator, .. }: ManagedOrganization<Owner>,
    State(services): State<Services>,
    SessionForm(NameForm { name }): SessionForm<NameForm>,
) -> Result<Response> {
    match services.accounts.rename_organization(&operator.actor(), organization.id, &name).await {
        Ok(_) => Ok(redirect(organization.id, Outcome::Saved)),
        Err(error) => {
            redisplay(error, async |error| {
                let entered = Organization { name, ..organization };
                page(&viewer, &services.accounts, &entered, &Invitation::default(), Some(error)).await
            })
            .await
        }
    }
}

/// Shows the list again with the error of a change.
async fn redisplay_people(
    error: Error,
    viewer: &Viewer,
    accounts: &Accounts,
    organization: &Organization,
) -> Result<Response> {
    redisplay(error, async |error| {
        page(viewer, accounts, organization, &Invitation::default(), Some(error)).await
    })
    .await
}

#[derive(Deserialize)]
struct RoleForm {
    role: Role,
}

async fn set_role(
    viewer: Viewer,
    ManagedPerson { organization, person }: ManagedPerson,
    State(services): State<Services>,
    SessionForm(RoleForm { role }): SessionForm<RoleForm>,
) -> Result<Response> {
    match services.accounts.set_role(&viewer.operator.actor(), organization.id, &person.email, role).await {
        Ok(_) => Ok(redirect(organization.id, Outcome::Saved)),
        Err(error) => redisplay_people(error, &viewer, &services.accounts, &organization).await,
    }
}

async fn ask_remove(viewer: Viewer, ManagedPerson { organization, person }: ManagedPerson) -> Page {
    let here = address(organization.id);
    let title = format!("Remove {}?", person.email);
    let location = PageLocation::top(organization.id, Section::People).with_parent("People", here.clone());
    let explanation = html! {
        p { strong { (person.name) } " will no longer be able to view or change anything in " strong { (organization.name) } ". If they belong to no other organization, their personal tokens and sessions end too." }
    };
    let action = format!("{here}/{}/remove", person.id);
    viewer.page(&location, &title, confirmation(&viewer, &action, explanation, "Remove", &here))
}

async fn remove(
    viewer: Viewer,
    ManagedPerson { organization, person }: ManagedPerson,
    State(services): State<Services>,
    _: SessionForm<EmptyForm>,
) -> Result<Response> {
    if let Err(error) =
        services.accounts.remove(&viewer.operator.actor(), organization.id, &person.email).await
    {
        return redisplay_people(error, &viewer, &services.accounts, &organization).await;
    }
    Ok(if person.id == viewer.operator.user() {
        Redirect::to("/console").into_response()
    } else {
        redirect(organization.id, Outcome::Removed)
    })
}

async fn ask_leave(
    viewer: Viewer,
    ManagedOrganization { organization, .. }: ManagedOrganization<Member>,
) -> Page {
    let here = address(organization.id);
    let location = PageLocation::top(organization.id, Section::People).with_parent("People", here.clone());
    let explanation = html! { p { "You can come back only if an owner invites you again." } };
    let action = format!("/console/organizations/{}/leave", organization.id);
    let title = format!("Leave “{}”?", organization.name);
    viewer.page(&location, &title, confirmation(&viewer, &action, explanation, "Leave", &here))
}

async fn leave(
    viewer: Viewer,
    ManagedOrganization { organization, operator, .. }: ManagedOrganization<Member>,
    State(services): State<Services>,
    _: SessionForm<EmptyForm>,
) -> Result<Response> {
    match services.accounts.remove(&operator.actor(), organization.id, viewer.operator.email()).await {
        Ok(_) => Ok(Redirect::to("/console").into_response()),
        Err(error) => redisplay_people(error, &viewer, &services.accounts, &organization).await,
    }
}
