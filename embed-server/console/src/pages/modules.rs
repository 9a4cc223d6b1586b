//! A site's modules: publishing, snippets, preview and versions.

use super::preview;
use super::sites::{SiteTab, site_location};
use super::snippets;
use crate::ConsoleState;
use crate::shell::elements::{BadgeKind, badge, confirmation, csrf, empty, form_error, number, time};
use crate::shell::form::{EmptyForm, SessionForm, UploadForm, redisplay};
use crate::shell::gate::FrameOrigin;
use crate::shell::page::{Page, PageLocation};
use crate::shell::viewer::{Outcome, Viewer};
use aide::axum::ApiRouter;
use aide::axum::routing::{get, post};
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use embed_base::{Error, Result};
use embed_core::accounts::{Admin, Member, Role};
use embed_core::modules::{ManagedModule, Module, Modules, Publication, Unpacked, Upload};
use embed_core::services::Services;
use embed_core::sites::{ManagedSite, Site};
use maud::{Markup, html};
use serde::Deserialize;

/// `/console/sites/{site}` and `…/modules/{module}` with its versions.
pub fn router() -> ApiRouter<ConsoleState> {
    let module = "/console/sites/{site}/modules/{module}";
    ApiRouter::new()
        .api_route("/console/sites/{site}", get(list))
        .api_route("/console/sites/{site}/modules", post(publish).layer(Upload::limit()))
        .api_route(module, get(show))
        .api_route(
            &format!("{module}/versions"),
            get(versions).merge(post(publish_version).layer(Upload::limit())),
        )
        .api_route(&format!("{module}/roll-back"), post(roll_back))
        .api_route(&format!("{module}/unpublish"), get(ask_unpublish).post(unpublish))
}

/// A tab of a module's pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModuleTab {
    /// Snippets and preview.
    Embed,
    /// The domains that may embed it.
    Domains,
    /// The apps that may ask for access to its data.
    Apps,
    /// The published versions.
    Versions,
    /// A page below one of the tabs, which shows none.
    Inner,
}

/// The path of a module's first page.
pub fn address(module: &Module) -> String {
    format!("/console/sites/{}/modules/{}", module.site_id, module.id)
}

/// The location of a module's pages.
pub fn module_location<'a>(site: &'a Site, module: &'a Module, tab: ModuleTab) -> PageLocation<'a> {
    let here = address(module);
    let location = site_location(site, SiteTab::Inner);
    if tab == ModuleTab::Inner {
        return location.with_parent(&module.name, here);
    }
    location
        .with_tab("Embed", here.clone(), tab == ModuleTab::Embed)
        .with_tab("Domains", format!("{here}/domains"), tab == ModuleTab::Domains)
        .with_tab("Apps", format!("{here}/apps"), tab == ModuleTab::Apps)
        .with_tab("Versions", format!("{here}/versions"), tab == ModuleTab::Versions)
}

/// Whether the viewer may change what belongs to a site.
pub fn may_change(viewer: &Viewer, site: &Site) -> bool {
    viewer.operator.role_in(site.organization_id).is_some_and(|role| role >= Role::Admin)
}

async fn list(
    viewer: Viewer,
    ManagedSite { site, .. }: ManagedSite<Member>,
    State(services): State<Services>,
) -> Result<Page> {
    list_page(&viewer, &site, &services.modules, None).await
}

async fn list_page(viewer: &Viewer, site: &Site, modules: &Modules, error: Option<&Error>) -> Result<Page> {
    let modules = modules.list(site.id).await?;
    Ok(viewer.page(&site_location(site, SiteTab::Modules), &site.name, html! {
        @if modules.is_empty() {
            (empty("This site has no modules yet.", html! {
                "A module is a folder with a " code { "module.json" } " and an HTML page. Zip one, or one of the examples that come with the server, and publish it below."
            }))
        } @else {
            div.scroll tabindex="0" role="group" aria-label="Table" { table {
                thead { tr { th scope="col" { "Module" } th scope="col" { "Version" } th scope="col" { "Last published" } } }
                tbody {
                    @for module in &modules {
                        tr {
                            th scope="row" { a href=(address(module)) { (module.name) } }
                            td { (version_of(module)) }
                            td { (time(module.updated_at, viewer.now)) }
                        }
                    }
                }
            } }
        }
        (form_error(error))
        @if may_change(viewer, site) {
            section {
                h2 { "Publish a module" }
                p.hint { "A bundle with the name of a module of this site becomes its next version." }
                (upload(viewer, &format!("/console/sites/{}/modules", site.id)))
            }
        }
    }))
}

fn version_of(module: &Module) -> Markup {
    match &module.version {
        Some(version) => html! { (version) },
        None => badge("unpublished", BadgeKind::Neutral),
    }
}

fn upload(viewer: &Viewer, action: &str) -> Markup {
    html! {
        form.stack method="post" enctype="multipart/form-data" action=(action) {
            (csrf(viewer))
            label { span { "Bundle: a zip file with " code { "module.json" } " at its top level" } input type="file" name="bundle" accept=".zip,application/zip" required; }
            button.primary type="submit" { "Publish" }
        }
    }
}

fn redirect_to_module(publication: &Publication) -> Response {
    let outcome = match (publication.changed, &publication.lower_than) {
        (false, _) => Outcome::Unchanged,
        (true, None) => Outcome::Published,
        (true, Some(_)) => Outcome::PublishedLower,
    };
    let module = format!("/console/sites/{}/modules/{}", publication.site_id, publication.id);
    Redirect::to(&format!("{module}?done={}", outcome.as_str())).into_response()
}

async fn publish(
    viewer: Viewer,
    ManagedSite { site, operator, .. }: ManagedSite<Admin>,
    State(services): State<Services>,
    UploadForm(file): UploadForm,
) -> Result<Response> {
    let publishing = async {
        let Unpacked { bundle, held: _held } = file?.unpack(&services.modules).await?;
        services.modules.publish(&operator.actor(), site.id, None, bundle, |_, _| {}).await
    };
    match publishing.await {
        Ok(publication) => Ok(redirect_to_module(&publication)),
        Err(error) => {
            redisplay(error, async |error| list_page(&viewer, &site, &services.modules, Some(error)).await)
                .await
        }
    }
}

async fn show(
    viewer: Viewer,
    ManagedSite { site, .. }: ManagedSite<Member>,
    ManagedModule { module, .. }: ManagedModule<Member>,
    State(console): State<ConsoleState>,
    State(services): State<Services>,
) -> Result<Response> {
    let domains = services.domains.list(site.id, module.id).await?;
    let is_allowed = domains.iter().any(|domain| domain.verified && domain.allow_embed);
    let serves = services.modules.published(site.id, module.id).await?;
    let frame = preview::make_frame(&console, &module, viewer.now);
    let policy = FrameOrigin(frame.origin.clone());
    let page = viewer.page(&module_location(&site, &module, ModuleTab::Embed), &module.name, html! {
        @match &serves {
            None => (empty("This module is not published.", html! { "Choose a version to serve under " a href={ (address(&module)) "/versions" } { "Versions" } "." })),
            Some(published) => {
                p.lead {
                    "Version " strong { (module.version.as_deref().unwrap_or_default()) } ", as "
                    (published.embed_types().iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", "))
                    @if is_allowed {
                        ". Websites listed under " a href={ (address(&module)) "/domains" } { "Domains" } " can show it."
                    } @else {
                        ". No website can show it yet; " a href={ (address(&module)) "/domains" } { "allow a domain" } " first."
                    }
                }
                section {
                    h2 { "Paste this into your website" }
                    (snippets::all(&console, &module, published.embed_types()))
                }
                section {
                    h2 { "Preview" }
                    (preview::render(&frame, &module))
                }
            }
        }
        dl {
            dt { "Module id" } dd { code { (module.id) } }
            dt { "Site id" } dd { code { (module.site_id) } }
        }
    });
    Ok((axum::Extension(policy), page).into_response())
}

async fn versions(
    viewer: Viewer,
    ManagedSite { site, .. }: ManagedSite<Member>,
    ManagedModule { module, .. }: ManagedModule<Member>,
    State(services): State<Services>,
) -> Result<Page> {
    versions_page(&viewer, &site, &module, &services.modules, None).await
}

async fn versions_page(
    viewer: &Viewer,
    site: &Site,
    module: &Module,
    modules: &Modules,
    error: Option<&Error>,
) -> Result<Page> {
    let versions = modules.versions(site.id, module.id).await?;
    let may = may_change(viewer, site);
    let here = address(module);
    Ok(viewer.page(&module_location(site, module, ModuleTab::Versions), &module.name, html! {
        (form_error(error))
        div.scroll tabindex="0" role="group" aria-label="Table" { table {
            thead { tr { th scope="col" { "Version" } th scope="col" { "Published" } th.number scope="col" { "Files" } th.number scope="col" { "Bytes" } @if may { th scope="col" { span.unseen { "Serve" } } } } }
            tbody {
                @for version in &versions {
                    @let serves = module.version.as_ref() == Some(&version.version);
                    tr {
                        th scope="row" { (version.version) @if serves { " " (badge("served", BadgeKind::Good)) } }
                        td { (time(version.published_at, viewer.now)) }
                        td.number { (number(version.files)) }
                        td.number { (number(version.bytes)) }
                        @if may { td { @if !serves {
                            form.inline method="post" action={ (here) "/roll-back" } {
                                (csrf(viewer))
                                input type="hidden" name="version" value=(version.version);
                                button type="submit" { "Serve this" span.unseen { " (" (version.version) ")" } }
                            }
                        } } }
                    }
                }
            }
        } }
        @if may {
            section {
                h2 { "Publish a version" }
                (upload(viewer, &format!("{here}/versions")))
            }
            @if module.version.is_some() {
                section.danger-zone {
                    h2 { "Unpublish" }
                    p { "Websites show nothing until you serve a version again." }
                    a.button.danger href={ (here) "/unpublish" } { "Unpublish…" }
                }
            }
        }
    }))
}

async fn publish_version(
    viewer: Viewer,
    ManagedSite { site, operator, .. }: ManagedSite<Admin>,
    ManagedModule { module, .. }: ManagedModule<Admin>,
    State(services): State<Services>,
    UploadForm(file): UploadForm,
) -> Result<Response> {
    let publishing = async {
        let Unpacked { bundle, held: _held } = file?.unpack(&services.modules).await?;
        services.modules.publish(&operator.actor(), site.id, Some(module.id), bundle, |_, _| {}).await
    };
    match publishing.await {
        Ok(publication) => Ok(redirect_to_module(&publication)),
        Err(error) => {
            redisplay(error, async |error| {
                versions_page(&viewer, &site, &module, &services.modules, Some(error)).await
            })
            .await
        }
    }
}

#[derive(Deserialize)]
struct RollBackForm {
    version: String,
}

async fn roll_back(
    ManagedModule { module, operator, .. }: ManagedModule<Admin>,
    State(services): State<Services>,
    SessionForm(RollBackForm { version }): SessionForm<RollBackForm>,
) -> Result<Response> {
    services.modules.roll_back(&operator.actor(), module.site_id, module.id, &version).await?;
    let versions = format!("{}/versions?done={}", address(&module), Outcome::RolledBack.as_str());
    Ok(Redirect::to(&versions).into_response())
}

async fn ask_unpublish(
    viewer: Viewer,
    ManagedSite { site, .. }: ManagedSite<Admin>,
    ManagedModule { module, .. }: ManagedModule<Admin>,
) -> Page {
    let here = address(&module);
    let title = format!("Unpublish “{}”?", module.name);
    let explanation = html! {
        p { "Websites stop showing " strong { (module.name) } " within two seconds. Its id, versions, domains, tokens and records are kept." }
    };
    let confirmation = confirmation(
        &viewer,
        &format!("{here}/unpublish"),
        explanation,
        "Unpublish",
        &format!("{here}/versions"),
    );
    viewer.page(&module_location(&site, &module, ModuleTab::Inner), &title, confirmation)
}

async fn unpublish(
    ManagedModule { module, operator, .. }: ManagedModule<Admin>,
    State(services): State<Services>,
    _: SessionForm<EmptyForm>,
) -> Result<Response> {
    services.modules.unpublish(&operator.actor(), module.site_id, module.id).await?;
    let versions = format!("{}/versions?done={}", address(&module), Outcome::Unpublished.as_str());
    Ok(Redirect::to(&versions).into_response())
}
