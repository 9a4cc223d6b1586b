//! An organization's sites, and what can be done to one as a whole.

use crate::Console;
use crate::shell::elements::{complaint, csrf, empty, question, time};
use crate::shell::form::{Nothing, Posted, again};
use crate::shell::page::{Page, Place, Section};
use crate::shell::viewer::{Done, Viewer};
use aide::axum::ApiRouter;
use aide::axum::routing::get;
use axum::extract::{FromRef, State};
use axum::response::{IntoResponse, Redirect, Response};
use embed_base::{Error, Result};
use embed_core::accounts::{Accounts, Admin, ManagedOrganization, Member, Organization, Owner, Role};
use embed_core::modules::Modules;
use embed_core::sites::{ManagedSite, Site, SiteChanges, Sites};
use maud::html;
use serde::Deserialize;
use std::sync::Arc;

/// `/console/organizations/{organization}/sites`, `/console/sites/{site}/settings` and `…/delete`.
pub fn router<S>() -> ApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Accounts: FromRef<S>,
    Console: FromRef<S>,
    Sites: FromRef<S>,
    Arc<Modules>: FromRef<S>,
{
    ApiRouter::new()
        .api_route("/console/organizations/{organization}/sites", get(list).post(create))
        .api_route("/console/sites/{site}/settings", get(settings).post(rename))
        .api_route("/console/sites/{site}/delete", get(ask_delete).post(delete))
}

/// The parts of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What is embedded.
    Modules,
    /// The tokens of its APIs.
    Tokens,
    /// What was asked of them.
    Requests,
    /// Its name and its end.
    Settings,
    /// Something inside one of these.
    Inner,
}

/// Where pages of a site are.
pub fn place(site: &Site, part: Part) -> Place<'_> {
    let sites = format!("/console/organizations/{}/sites", site.organization_id);
    let here = format!("/console/sites/{}", site.id);
    let place = Place::top(site.organization_id, Section::Sites).within("Sites", sites);
    if part == Part::Inner {
        return place.within(&site.name, here);
    }
    place
        .beside("Modules", here.clone(), part == Part::Modules)
        .beside("Tokens", format!("{here}/tokens"), part == Part::Tokens)
        .beside("Requests", format!("{here}/requests"), part == Part::Requests)
        .beside("Settings", format!("{here}/settings"), part == Part::Settings)
}

#[derive(Default, Deserialize)]
struct Named {
    name: String,
}

async fn list(
    viewer: Viewer,
    ManagedOrganization { organization, .. }: ManagedOrganization<Member>,
    State(sites): State<Sites>,
    State(modules): State<Arc<Modules>>,
) -> Result<Page> {
    page(&viewer, &organization, &sites, &modules, "", None).await
}

async fn page(
    viewer: &Viewer,
    organization: &Organization,
    sites: &Sites,
    modules: &Modules,
    tried: &str,
    error: Option<&Error>,
) -> Result<Page> {
    let mut rows = Vec::new();
    for site in sites.list(organization.id).await? {
        let modules = modules.list(site.id).await?;
        rows.push((site, modules));
    }
    let may = viewer.operator.role_in(organization.id).is_some_and(|role| role >= Role::Admin);
    let here = format!("/console/organizations/{}/sites", organization.id);
    Ok(viewer.page(&Place::top(organization.id, Section::Sites), "Sites", html! {
        @if rows.is_empty() {
            (empty("There is no site yet.", html! { "A site holds the modules that belong together, such as those of one customer. Make the first one below." }))
        } @else {
            div.scroll tabindex="0" role="group" aria-label="Table" { table {
                thead { tr { th scope="col" { "Site" } th scope="col" { "Modules" } th scope="col" { "Made" } } }
                tbody {
                    @for (site, modules) in &rows {
                        tr {
                            th scope="row" { a href={ "/console/sites/" (site.id) } { (site.name) } }
                            td { @if modules.is_empty() { span.hint { "none yet" } } @else { (modules.iter().map(|module| module.name.as_str()).collect::<Vec<_>>().join(", ")) } }
                            td { (time(site.created_at, viewer.now)) }
                        }
                    }
                }
            } }
        }
        @if may {
            section {
                h2 { "New site" }
                (complaint(error))
                form.stack method="post" action=(here) {
                    (csrf(viewer))
                    label { "Name" input type="text" name="name" value=(tried) maxlength="200" required; }
                    button.primary type="submit" { "Make the site" }
                }
            }
        }
    }))
}

async fn create(
    viewer: Viewer,
    ManagedOrganization { organization, operator, .. }: ManagedOrganization<Admin>,
    State(sites): State<Sites>,
    State(modules): State<Arc<Modules>>,
    Posted(Named { name }): Posted<Named>,
) -> Result<Response> {
    match sites.create(&operator.actor(), organization.id, &name).await {
        Ok(site) => Ok(Redirect::to(&format!("/console/sites/{}?done=created", site.id)).into_response()),
        Err(error) => {
            again(error, async |error| {
                page(&viewer, &organization, &sites, &modules, &name, Some(error)).await
            })
            .await
        }
    }
}

async fn settings(viewer: Viewer, ManagedSite { site, .. }: ManagedSite<Member>) -> Page {
    settings_page(&viewer, &site, &site.name, None)
}

fn settings_page(viewer: &Viewer, site: &Site, name: &str, error: Option<&Error>) -> Page {
    let here = format!("/console/sites/{}", site.id);
    let role = viewer.operator.role_in(site.organization_id);
    viewer.page(
        &place(site, Part::Settings),
        &site.name,
        html! {
            (complaint(error))
            @if role >= Some(Role::Admin) {
                form.stack method="post" action={ (here) "/settings" } {
                    (csrf(viewer))
                    label { "Name" input type="text" name="name" value=(name) maxlength="200" required; }
                    button.primary type="submit" { "Save" }
                }
            }
            dl {
                dt { "Site id" } dd { code { (site.id) } }
                dt { "Made" } dd { (time(site.created_at, viewer.now)) }
            }
            @if role == Some(Role::Owner) {
                section.danger-zone {
                    h2 { "The end" }
                    p { "Deleting a site takes its modules, domains, tokens and records with it." }
                    a.button.danger href={ (here) "/delete" } { "Delete the site…" }
                }
            }
        },
    )
}

async fn rename(
    viewer: Viewer,
    ManagedSite { site, operator, .. }: ManagedSite<Admin>,
    State(sites): State<Sites>,
    Posted(Named { name }): Posted<Named>,
) -> Result<Response> {
    match sites.change(&operator.actor(), site.id, SiteChanges { name: Some(name.clone()) }).await {
        Ok(_) => {
            let next = format!("/console/sites/{}/settings?done={}", site.id, Done::Saved.word());
            Ok(Redirect::to(&next).into_response())
        }
        Err(error) => again(error, async |error| Ok(settings_page(&viewer, &site, &name, Some(error)))).await,
    }
}

async fn ask_delete(
    viewer: Viewer,
    ManagedSite { site, .. }: ManagedSite<Owner>,
    State(modules): State<Arc<Modules>>,
) -> Result<Page> {
    let modules = modules.list(site.id).await?;
    let explanation = html! {
        p { "This ends " strong { (site.name) } " for good: its modules, domains, tokens and records go with it, and websites stop showing them within two seconds." }
        @if !modules.is_empty() { p { "Its modules are:" } ul { @for module in &modules { li { (module.name) } } } }
    };
    let here = format!("/console/sites/{}", site.id);
    let title = format!("Delete {}?", site.name);
    let question = question(
        &viewer,
        &format!("{here}/delete"),
        explanation,
        "Delete the site",
        &format!("{here}/settings"),
    );
    Ok(viewer.page(&place(&site, Part::Inner), &title, question))
}

async fn delete(
    ManagedSite { site, operator, .. }: ManagedSite<Owner>,
    State(sites): State<Sites>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response> {
    sites.delete(&operator.actor(), site.id).await?;
    let sites =
        format!("/console/organizations/{}/sites?done={}", site.organization_id, Done::Deleted.word());
    Ok(Redirect::to(&sites).into_response())
}
