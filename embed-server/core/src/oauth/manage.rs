//! The HTTP routes for managing clients.

use super::grants::GrantId;
use super::{AppGrant, Client, ClientChanges, ClientToRotate, CreatedClient, ManagedClient, NewClient};
use crate::accounts::{Admin, Member};
use crate::modules::ManagedModule;
use crate::services::Services;
use crate::sites::ManagedSite;
use aide::axum::ApiRouter;
use aide::axum::routing::{delete_with, get_with, post_with};
use axum::Json;
use axum::extract::State;
use axum::response::NoContent;
use chrono::TimeDelta;
use embed_base::http::openapi::refused;
use embed_base::http::{Created, Input, Paged, Paging};
use embed_base::{Code, Result};

pub fn router() -> ApiRouter<Services> {
    ApiRouter::new()
        .api_route(
            "/api/v1/sites/{site}/oauth-clients",
            get_with(list, |op| {
                op.id("listOauthClients")
                    .tag("Apps")
                    .summary("List a site's apps")
                    .description("Newest first, without their secrets.")
            })
            .post_with(create, |op| {
                op.id("createOauthClient")
                    .tag("Apps")
                    .summary("Register an app")
                    .description("The response contains the secret of a confidential client, which is not shown again.")
                    .with(refused(Code::ModuleNotFound, "The site has no such module."))
            }),
        )
        .api_route(
            "/api/v1/sites/{site}/oauth-clients/{client}",
            get_with(show, |op| op.id("getOauthClient").tag("Apps").summary("Get an app"))
                .patch_with(change, |op| {
                    op.id("changeOauthClient")
                        .tag("Apps")
                        .summary("Change an app")
                        .description("Where its name or redirect URIs change, people are asked for their consent again.")
                })
                .delete_with(delete, |op| {
                    op.id("deleteOauthClient")
                        .tag("Apps")
                        .summary("Delete an app")
                        .description("Everything that people have allowed it ends; every server refuses its tokens within two seconds.")
                }),
        )
        .api_route(
            "/api/v1/sites/{site}/oauth-clients/{client}/rotate",
            post_with(rotate, |op| {
                op.id("rotateOauthClient")
                    .tag("Apps")
                    .summary("Give an app a new secret")
                    .description("The old one stays valid for a while, so that the app can switch without a gap. Rotating again ends it.")
            }),
        )
        .api_route(
            "/api/v1/sites/{site}/modules/{module}/oauth-grants",
            get_with(list_grants, |op| {
                op.id("listOauthGrants")
                    .tag("Apps")
                    .summary("List what apps may do on a module")
                    .description("Newest first, without what has ended.")
            }),
        )
        .api_route(
            "/api/v1/sites/{site}/modules/{module}/oauth-grants/{grant}",
            delete_with(end_grant, |op| {
                op.id("endOauthGrant")
                    .tag("Apps")
                    .summary("End what an app may do for somebody")
                    .description("Every server refuses its tokens within two seconds.")
            }),
        )
}

async fn list(
    ManagedSite { site, .. }: ManagedSite<Member>,
    paging: Paging<Client>,
    State(services): State<Services>,
) -> Result<Json<Paged<Client>>> {
    services.oauth.client_page(site.id, &paging).await.map(Json)
}

async fn create(
    ManagedSite { site, operator, .. }: ManagedSite<Admin>,
    State(services): State<Services>,
    Input(new): Input<NewClient>,
) -> Result<Created<CreatedClient>> {
    services.oauth.create_client(&operator.actor(), site.id, new).await.map(Created)
}

async fn list_grants(
    ManagedModule { module, .. }: ManagedModule<Admin>,
    paging: Paging<AppGrant>,
    State(services): State<Services>,
) -> Result<Json<Paged<AppGrant>>> {
    services.oauth.page_of_grants(module.site_id, module.id, &paging).await.map(Json)
}

async fn end_grant(
    ManagedModule { module, operator, .. }: ManagedModule<Admin>,
    GrantId(grant): GrantId,
    State(services): State<Services>,
) -> Result<NoContent> {
    services.oauth.end_grant_on(&operator.actor(), &module, grant).await.map(|()| NoContent)
}

async fn show(ManagedClient { client, .. }: ManagedClient<Member>) -> Json<Client> {
    Json(client)
}

async fn change(
    ManagedClient { client, operator, .. }: ManagedClient<Admin>,
    State(services): State<Services>,
    Input(changes): Input<ClientChanges>,
) -> Result<Json<Client>> {
    let by = operator.actor();
    services.oauth.change_client(&by, client.site_id, &client.client_id, changes).await.map(Json)
}

async fn delete(
    ManagedClient { client, operator, .. }: ManagedClient<Admin>,
    State(services): State<Services>,
) -> Result<NoContent> {
    let by = operator.actor();
    services.oauth.delete_client(&by, client.site_id, &client.client_id).await.map(|()| NoContent)
}

async fn rotate(
    ManagedClient { client, operator, .. }: ManagedClient<Admin>,
    State(services): State<Services>,
    Input(ClientToRotate { overlap_seconds }): Input<ClientToRotate>,
) -> Result<Created<CreatedClient>> {
    let (by, overlap) = (operator.actor(), overlap_seconds.map(|seconds| TimeDelta::seconds(seconds.into())));
    services.oauth.rotate_client(&by, client.site_id, &client.client_id, overlap).await.map(Created)
}
