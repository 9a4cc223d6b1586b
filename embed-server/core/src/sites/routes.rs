//! The HTTP routes of sites.

use super::{ManagedSite, NewSite, Site, SiteChanges};
use crate::accounts::{Admin, Member, Operator, Owner};
use crate::services::Services;
use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, patch_with};
use axum::Json;
use axum::extract::State;
use axum::response::NoContent;
use embed_base::http::openapi::{refused, requires};
use embed_base::http::{Created, Input, Paged, Paging};
use embed_base::{Code, Result};

pub fn router() -> ApiRouter<Services> {
    ApiRouter::new()
        .api_route(
            "/api/v1/sites",
            get_with(list, |op| {
                op.id("listSites")
                    .tag("Sites")
                    .summary("List sites")
                    .description("The sites of the operator's organizations, oldest first.")
                    .with(requires("member"))
            })
            .post_with(create, |op| {
                op.id("createSite")
                    .tag("Sites")
                    .summary("Create a site")
                    .with(requires("admin"))
                    .with(refused(Code::Forbidden, "The operator's role is lower than admin."))
                    .with(refused(Code::OrganizationNotFound, "The operator is in no such organization."))
            }),
        )
        .api_route(
            "/api/v1/sites/{site}",
            patch_with(change, |op| op.id("changeSite").tag("Sites").summary("Change a site"))
                .get_with(show, |op| op.id("getSite").tag("Sites").summary("Get a site"))
                .delete_with(delete, |op| {
                    op.id("deleteSite")
                        .tag("Sites")
                        .summary("Delete a site")
                        .description("Deletes its modules, domains, tokens, records and events too.")
                }),
        )
}

async fn list(
    operator: Operator,
    paging: Paging<Site>,
    State(services): State<Services>,
) -> Result<Json<Paged<Site>>> {
    services.sites.page(&operator, &paging).await.map(Json)
}

async fn create(
    operator: Operator,
    State(services): State<Services>,
    Input(new): Input<NewSite>,
) -> Result<Created<Site>> {
    let organization = operator.organization::<Admin>(new.organization_id)?;
    services.sites.create(&operator.actor(), organization, &new.name).await.map(Created)
}

async fn show(managed: ManagedSite<Member>) -> Json<Site> {
    Json(managed.site)
}

async fn change(
    managed: ManagedSite<Admin>,
    State(services): State<Services>,
    Input(changes): Input<SiteChanges>,
) -> Result<Json<Site>> {
    services.sites.change(&managed.operator.actor(), managed.site.id, changes).await.map(Json)
}

async fn delete(managed: ManagedSite<Owner>, State(services): State<Services>) -> Result<NoContent> {
    services.sites.delete(&managed.operator.actor(), managed.site.id).await.map(|()| NoContent)
}
