//! An organization's sites, and a site's settings.

use crate::ConsoleState;
use crate::shell::elements::{confirmation, csrf, empty, form_error, time};
use crate::shell::form::{EmptyForm, SessionForm, redisplay};
use crate::shell::page::{Page, PageLocation, Section};
use crate::shell::viewer::{Outcome, Viewer};
use aide::axum::ApiRouter;
use aide::axum::routing::get;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use embed_base::{Error, Result};
use embed_core::accounts::{Admin, ManagedOrganization, Member, Organization, Owner, Role};
use embed_core::modules::Modules;
use embed_core::services::Services;
use embed_core::sites::{ManagedSite, Site, SiteChanges, Sites};
use maud::html;
use serde::Deserialize;

/// `/console/organizations/{organization}/sites`, `/console/sites/{site}/settings` and `…/delete`.
pub fn router() -> ApiRouter<ConsoleState> {
    ApiRouter::new()
        .api_route("/console/organizations/{organization}/sites", get(list).post(create))
        .api_route("/console/sites/{site}/settings", get(settings).post(rename))
        .api_route("/console/sites/{site}/delete", get(ask_delete).post(delete))
}

/// A tab of a site's pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SiteTab {
    /// The modules that websites embed.
    Modules,
    /// API tokens.
    Tokens,
    /// Views and API calls.
    Requests,
    /// Renaming and deleting the site.
    Settings,
    /// A page below one of the tabs, which shows none.
    Inner,
}

/// The location of a site's pages.
pub fn site_location(site: &Site, tab: SiteTab) -> PageLocation<'_> {
    let sites = format!("/console/organizations/{}/sites", site.organization_id);
    let here = format!("/console/sites/{}", site.id);
    let location = PageLocation::top(site.organization_id, Section::Sites).with_parent("Sites", sites);
    if tab == SiteTab::Inner {
        return location.with_parent(&site.name, here);
    }
    location
        .with_tab("Modules", here.clone(), tab == SiteTab::Modules)
        .with_tab("Tokens", format!("{here}/tokens"), tab == SiteTab::Tokens)
        .with_tab("Requests", format!("{here}/requests"), tab == SiteTab::Requests)
        .with_tab("Settings", format!("{here}/settings"), tab == SiteTab::Settings)
}

#[derive(Default, Deserialize)]
struct NameForm {
    name: String,
}

async fn list(
    viewer: Viewer,
    ManagedOrganization { organization, .. }: ManagedOrganization<Member>,
    State(services): State<Services>,
) -> Result<Page> {
    page(&viewer, &organization, &services.sites, &services.modules, "", None).await
}

async fn page(
    viewer: &Viewer,
    organization: &Organization,
    sites: &Sites,
    modules: &Modules,
    entered: &str,
    error: Option<&Error>,
) -> Result<Page> {
    let mut rows = Vec::new();
    for site in sites.list(organization.id).await? {
        let modules = modules.list(site.id).await?;
        rows.push((site, modules));
    }
    let may = viewer.operator.role_in(organization.id).is_some_and(|role| role >= Role::Admin);
    let here = format!("/console/organizations/{}/sites", organization.id);
    Ok(viewer.page(&PageLocation::top(organization.id, Section::Sites), "Sites", html! {
        @if rows.is_empty() {
            (empty("There are no sites yet.", html! { "A site holds modules that belong together, such as those of one customer. Create the first one below." }))
        } @else {
            div.scroll tabindex="0" role="group" aria-label="Table" { table {
                thead { tr { th scope="col" { "Site" } th scope="col" { "Modules" } th scope="col" { "Created" } } }
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
                (form_error(error))
                form.stack method="post" action=(here) {
                    (csrf(viewer))
                    label { "Name" input type="text" name="name" value=(entered) maxlength="200" required; }
                    button.primary type="submit" { "Create site" }
                }
            }
        }
    }))
}

async fn create(
    viewer: Viewer,
    ManagedOrganization { organization, operator, .. }: ManagedOrganization<Admin>,
    State(services): State<Services>,
    SessionForm(NameForm { name }): SessionForm<NameForm>,
) -> Result<Response> {
    match services.sites.create(&operator.actor(), organization.id, &name).await {
        Ok(site) => Ok(Redirect::to(&format!("/console/sites/{}?done=created", site.id)).into_response()),
        Err(error) => {
            redisplay(error, async |error| {
                page(&viewer, &organization, &services.sites, &services.modules, &name, Some(error)).await
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
        &site_location(site, SiteTab::Settings),
        &site.name,
        html! {
            (form_error(error))
            @if role >= Some(Role::Admin) {
                form.stack method="post" action={ (here) "/settings" } {
                    (csrf(viewer))
                    label { "Name" input type="text" name="name" value=(name) maxlength="200" required; }
                    button.primary type="submit" { "Save" }
                }
            }
            dl {
                dt { "Site id" } dd { code { (site.id) } }
                dt { "Created" } dd { (time(site.created_at, viewer.now)) }
            }
            @if role == Some(Role::Owner) {
                section.danger-zone {
                    h2 { "Delete this site" }
                    p { "Deleting a site also deletes its modules, domains, tokens and records." }
                    a.button.danger href={ (here) "/delete" } { "Delete the site…" }
                }
            }
        },
    )
}

async fn rename(
    viewer: Viewer,
    ManagedSite { site, operator, .. }: ManagedSite<Admin>,
    State(services): State<Services>,
    SessionForm(NameForm { name }): SessionForm<NameForm>,
) -> Result<Response> {
    match services.sites.change(&operator.actor(), site.id, SiteChanges { name: Some(name.clone()) }).await {
        Ok(_) => {
            let next = format!("/console/sites/{}/settings?done={}", site.id, Outcome::Saved.as_str());
            Ok(Redirect::to(&next).into_response())
        }
        Err(error) => {
            redisplay(error, async |error| Ok(settings_page(&viewer, &site, &name, Some(error)))).await
        }
    }
}

async fn ask_delete(
    viewer: Viewer,
    ManagedSite { site, .. }: ManagedSite<Owner>,
    State(services): State<Services>,
) -> Result<Page> {
    let modules = services.modules.list(site.id).await?;
    let explanation = html! {
        p { "This deletes " strong { (site.name) } " with its modules, domains, tokens and records. Websites stop showing its modules within two seconds. This cannot be undone." }
        @if !modules.is_empty() { p { "Its modules are:" } ul { @for module in &modules { li { (module.name) } } } }
    };
    let here = format!("/console/sites/{}", site.id);
    let title = format!("Delete “{}”?", site.name);
    let confirmation = confirmation(
        &viewer,
        &format!("{here}/delete"),
        explanation,
        "Delete the site",
        &format!("{here}/settings"),
    );
    Ok(viewer.page(&site_location(&site, SiteTab::Inner), &title, confirmation))
}

async fn delete(
    ManagedSite { site, operator, .. }: ManagedSite<Owner>,
    State(services): State<Services>,
    _: SessionForm<EmptyForm>,
) -> Result<Response> {
    services.sites.delete(&operator.actor(), site.id).await?;
    let sites =
        format!("/console/organizations/{}/sites?done={}", site.organization_id, Outcome::Deleted.as_str());
    Ok(Redirect::to(&sites).into_response())
}
