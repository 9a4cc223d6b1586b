//! The HTTP routes for managing modules and their versions.

use super::upload::{Unpacked, Upload};
use super::{ManagedModule, Module, ModuleChanges, Publication, RollBack, Version};
use crate::accounts::{Admin, Member};
use crate::services::Services;
use crate::sites::ManagedSite;
use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use aide::transform::TransformOperation;
use axum::Json;
use axum::extract::State;
use embed_base::http::openapi::refused;
use embed_base::http::{Created, Input, Paged, Paging};
use embed_base::{Code, Result};

pub fn router() -> ApiRouter<Services> {
    ApiRouter::new()
        .api_route(
            "/api/v1/sites/{site}/modules",
            get_with(list, |op| {
                op.id("listModules").tag("Modules").summary("List modules").description("Oldest first.")
            })
            .merge(
                post_with(publish, |op| {
                    op.id("publishModule")
                        .tag("Modules")
                        .summary("Publish a module")
                        .description(
                            "Publishes the bundle as a version of the site's module with the bundle's name, which is created when \
                             there is none. Publishing the same again changes nothing, and says so.",
                        )
                        .with(conflicts)
                })
                .layer(Upload::limit()),
            ),
        )
        .api_route(
            "/api/v1/sites/{site}/modules/{module}",
            get_with(show, |op| op.id("getModule").tag("Modules").summary("Get a module")).patch_with(
                change,
                |op| op.id("changeModule").tag("Modules").summary("Change a module's settings"),
            ),
        )
        .api_route(
            "/api/v1/sites/{site}/modules/{module}/versions",
            get_with(versions, |op| {
                op.id("listVersions").tag("Modules").summary("List a module's versions").description("Newest first.")
            })
            .merge(
                post_with(publish_version, |op| {
                    op.id("publishVersion")
                        .tag("Modules")
                        .summary("Publish a version")
                        .description(
                            "Publishes the bundle as a version of this module; another name in the bundle renames the \
                             module.",
                        )
                        .with(conflicts)
                })
                .layer(Upload::limit()),
            ),
        )
        .api_route(
            "/api/v1/sites/{site}/modules/{module}/rollback",
            post_with(roll_back, |op| {
                op.id("rollBackModule")
                    .tag("Modules")
                    .summary("Serve another version")
                    .description("Serves an earlier version again, or any other published version.")
                    .with(refused(Code::VersionNotFound, "The module has no such version."))
                    .with(refused(Code::ModuleExists, "Another module has that version's name."))
            }),
        )
        .api_route(
            "/api/v1/sites/{site}/modules/{module}/unpublish",
            post_with(unpublish, |op| {
                op.id("unpublishModule")
                    .tag("Modules")
                    .summary("Stop serving a module")
                    .description("Its id, versions, domains, tokens and records stay.")
            }),
        )
}

fn conflicts(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .with(refused(Code::VersionExists, "The version is published with other content; raise `version`."))
        .with(refused(Code::ModuleExists, "Another module of the site has the bundle's name."))
}

async fn list(
    managed: ManagedSite<Member>,
    paging: Paging<Module>,
    State(services): State<Services>,
) -> Result<Json<Paged<Module>>> {
    services.modules.page(managed.site.id, &paging).await.map(Json)
}

async fn publish(
    managed: ManagedSite<Admin>,
    State(services): State<Services>,
    Upload(archive): Upload,
) -> Result<Created<Publication>> {
    let modules = &services.modules;
    let Unpacked { bundle, held: _held } = archive.unpack(modules).await?;
    modules.publish(&managed.operator.actor(), managed.site.id, None, bundle, |_, _| {}).await.map(Created)
}

async fn show(managed: ManagedModule<Member>) -> Json<Module> {
    Json(managed.module)
}

async fn change(
    ManagedModule { module, operator, .. }: ManagedModule<Admin>,
    State(services): State<Services>,
    Input(changes): Input<ModuleChanges>,
) -> Result<Json<Module>> {
    services.modules.change(&operator.actor(), module.site_id, module.id, changes).await.map(Json)
}

async fn versions(
    ManagedModule { module, .. }: ManagedModule<Member>,
    paging: Paging<Version>,
    State(services): State<Services>,
) -> Result<Json<Paged<Version>>> {
    services.modules.page_of_versions(module.site_id, module.id, &paging).await.map(Json)
}

async fn publish_version(
    ManagedModule { module, operator, .. }: ManagedModule<Admin>,
    State(services): State<Services>,
    Upload(archive): Upload,
) -> Result<Created<Publication>> {
    let modules = &services.modules;
    let Unpacked { bundle, held: _held } = archive.unpack(modules).await?;
    modules.publish(&operator.actor(), module.site_id, Some(module.id), bundle, |_, _| {}).await.map(Created)
}

async fn roll_back(
    ManagedModule { module, operator, .. }: ManagedModule<Admin>,
    State(services): State<Services>,
    Input(RollBack { version }): Input<RollBack>,
) -> Result<Json<Module>> {
    services.modules.roll_back(&operator.actor(), module.site_id, module.id, &version).await.map(Json)
}

async fn unpublish(
    ManagedModule { module, operator, .. }: ManagedModule<Admin>,
    State(services): State<Services>,
) -> Result<Json<Module>> {
    services.modules.unpublish(&operator.actor(), module.site_id, module.id).await.map(Json)
}
