//! Who manages: an organization's people and their roles, and its name.

use crate::Console;
use crate::shell::elements::{Mood, badge, complaint, csrf, question, time};
use crate::shell::form::{Nothing, Posted, again};
use crate::shell::page::{Page, Place, Section};
use crate::shell::viewer::{Done, Viewer};
use aide::OperationInput;
use aide::axum::ApiRouter;
use aide::axum::routing::{get, post};
use axum::extract::{FromRef, FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use embed_base::http::path_id;
use embed_base::{Code, Error, Result};
use embed_core::accounts::{Accounts, Email, ManagedOrganization, Member, Organization, Owner, Person, Role};
use maud::{Markup, html};
use serde::Deserialize;
use uuid::Uuid;

/// `/console/organizations/{organization}/people` and below.
pub fn router<S>() -> ApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Accounts: FromRef<S>,
    Console: FromRef<S>,
{
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

fn said(organization: Uuid, done: Done) -> Response {
    Redirect::to(&format!("{}?done={}", address(organization), done.word())).into_response()
}

/// One of the organization's people, whom the path names as `{person}`; an owner manages him.
struct ManagedPerson {
    organization: Organization,
    person: Person,
}

impl<S: Send + Sync> FromRequestParts<S> for ManagedPerson
where
    Accounts: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let ManagedOrganization { organization, .. } =
            ManagedOrganization::<Owner>::from_request_parts(parts, state).await?;
        let missing = |id: &str| {
            let detail = format!("{} has nobody of the id {}.", organization.name, id.escape_debug());
            Error::new(Code::UserNotFound, detail)
        };
        let id = path_id(parts, "person", missing).await?;
        let people = Accounts::from_ref(state).list(organization.id).await?;
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
    State(accounts): State<Accounts>,
) -> Result<Page> {
    page(&viewer, &accounts, &organization, &Invitation::default(), None).await
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
    tried: &Invitation,
    error: Option<&Error>,
) -> Result<Page> {
    let people = accounts.list(organization.id).await?;
    let manages = viewer.operator.role_in(organization.id) == Some(Role::Owner);
    let here = address(organization.id);
    Ok(viewer.page(&Place::top(organization.id, Section::People), "People", html! {
        p.lead { "A member looks at everything, an admin changes sites, modules, domains and tokens, an owner manages people and deletes sites." }
        (complaint(error))
        div.scroll tabindex="0" role="group" aria-label="Table" {
            table {
                thead { tr { th scope="col" { "Person" } th scope="col" { "Role" } th scope="col" { "Since" } @if manages { th scope="col" { span.unseen { "Change" } } } } }
                tbody {
                    @for person in &people {
                        tr {
                            th scope="row" { (person.name) br; span.hint { (person.email) } }
                            td {
                                @if manages { (role_form(viewer, &here, person)) } @else { (person.role) }
                                @if person.signed_in_at.is_none() { " " (badge("invited", Mood::Open)) }
                            }
                            td { (time(person.created_at, viewer.now)) }
                            @if manages { td { a href={ (here) "/" (person.id) "/remove" } { "Remove" span.unseen { " " (person.email) } } } }
                        }
                    }
                }
            }
        }
        @if manages {
            section {
                h2 { "Invite somebody" }
                form.stack method="post" action=(here) {
                    (csrf(viewer))
                    label { "E-mail address" input type="email" name="email" value=(tried.email) required; }
                    label { "Name" input type="text" name="name" value=(tried.name) maxlength="200" placeholder="What stands before the @"; }
                    label { "Role" (roles(&tried.role, "role")) }
                    button.primary type="submit" { "Invite" }
                }
            }
            section {
                h2 { "The organization" }
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
    State(accounts): State<Accounts>,
    Posted(invitation): Posted<Invitation>,
) -> Result<Response> {
    let invited = async {
        let name = Some(invitation.name.trim()).filter(|name| !name.is_empty());
        let (email, role) = (Email::parse(&invitation.email)?, Role::parse(&invitation.role)?);
        accounts.invite(&operator.actor(), organization.id, email, name, role).await
    };
    match invited.await {
        Ok(person) => {
            let done = match accounts.write_invitation(&person.email).await {
                Ok(true) => Done::InvitedByLetter,
                Ok(false) => Done::Invited,
                Err(error) => {
                    tracing::error!(causes = error.causes(), "an invitation could not be sent: {error}");
                    Done::InvitedWithoutLetter
                }
            };
            Ok(said(organization.id, done))
        }
        Err(error) => {
            again(error, async |error| {
                page(&viewer, &accounts, &organization, &invitation, Some(error)).await
            })
            .await
        }
    }
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

async fn rename(
    viewer: Viewer,
    ManagedOrganization { organization, operator, .. }: ManagedOrganization<Owner>,
    State(accounts): State<Accounts>,
    Posted(Named { name }): Posted<Named>,
) -> Result<Response> {
    match accounts.rename_organization(&operator.actor(), organization.id, &name).await {
        Ok(_) => Ok(said(organization.id, Done::Saved)),
        Err(error) => {
            again(error, async |error| {
                let tried = Organization { name, ..organization };
                page(&viewer, &accounts, &tried, &Invitation::default(), Some(error)).await
            })
            .await
        }
    }
}

/// The page of people, with what was wrong about a change.
async fn again_people(
    error: Error,
    viewer: &Viewer,
    accounts: &Accounts,
    organization: &Organization,
) -> Result<Response> {
    again(error, async |error| {
        page(viewer, accounts, organization, &Invitation::default(), Some(error)).await
    })
    .await
}

#[derive(Deserialize)]
struct NewRole {
    role: Role,
}

async fn set_role(
    viewer: Viewer,
    ManagedPerson { organization, person }: ManagedPerson,
    State(accounts): State<Accounts>,
    Posted(NewRole { role }): Posted<NewRole>,
) -> Result<Response> {
    match accounts.set_role(&viewer.operator.actor(), organization.id, &person.email, role).await {
        Ok(_) => Ok(said(organization.id, Done::Saved)),
        Err(error) => again_people(error, &viewer, &accounts, &organization).await,
    }
}

async fn ask_remove(viewer: Viewer, ManagedPerson { organization, person }: ManagedPerson) -> Page {
    let here = address(organization.id);
    let title = format!("Remove {}?", person.email);
    let place = Place::top(organization.id, Section::People).within("People", here.clone());
    let explanation = html! {
        p { strong { (person.name) } " will not be able to look at or change anything of " strong { (organization.name) } " any more. Personal tokens and sessions of whoever is in no other organization end with that." }
    };
    let action = format!("{here}/{}/remove", person.id);
    viewer.page(&place, &title, question(&viewer, &action, explanation, "Remove", &here))
}

async fn remove(
    viewer: Viewer,
    ManagedPerson { organization, person }: ManagedPerson,
    State(accounts): State<Accounts>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response> {
    if let Err(error) = accounts.remove(&viewer.operator.actor(), organization.id, &person.email).await {
        return again_people(error, &viewer, &accounts, &organization).await;
    }
    Ok(if person.id == viewer.operator.user() {
        Redirect::to("/console").into_response()
    } else {
        said(organization.id, Done::Removed)
    })
}

async fn ask_leave(
    viewer: Viewer,
    ManagedOrganization { organization, .. }: ManagedOrganization<Member>,
) -> Page {
    let here = address(organization.id);
    let place = Place::top(organization.id, Section::People).within("People", here.clone());
    let explanation = html! { p { "You will come back only when an owner invites you again." } };
    let action = format!("/console/organizations/{}/leave", organization.id);
    let title = format!("Leave {}?", organization.name);
    viewer.page(&place, &title, question(&viewer, &action, explanation, "Leave", &here))
}

async fn leave(
    viewer: Viewer,
    ManagedOrganization { organization, operator, .. }: ManagedOrganization<Member>,
    State(accounts): State<Accounts>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response> {
    match accounts.remove(&operator.actor(), organization.id, viewer.operator.email()).await {
        Ok(_) => Ok(Redirect::to("/console").into_response()),
        Err(error) => again_people(error, &viewer, &accounts, &organization).await,
    }
}
