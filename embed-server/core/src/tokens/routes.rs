//! The HTTP routes of API tokens.

use super::{ApiToken, CreatedToken, ManagedToken, NewToken, TokenToRotate};
use crate::accounts::{Admin, Member};
use crate::services::Services;
use crate::sites::ManagedSite;
use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::Json;
use axum::extract::State;
use chrono::TimeDelta;
use embed_base::http::openapi::refused;
use embed_base::http::{Created, Input, Paged, Paging};
use embed_base::{Code, Result};

pub fn router() -> ApiRouter<Services> {
    ApiRouter::new()
        .api_route(
            "/api/v1/sites/{site}/tokens",
            get_with(list, |op| {
                op.id("listTokens")
                    .tag("Tokens")
                    .summary("List a site's API tokens")
                    .description("Newest first, without their secrets. Revoked and expired ones are listed for a month.")
            })
            .post_with(create, |op| {
                op.id("createToken")
                    .tag("Tokens")
                    .summary("Create an API token")
                    .description("The response contains the secret, which is not shown again.")
                    .with(refused(Code::ModuleNotFound, "The site has no such module."))
            }),
        )
        .api_route(
            "/api/v1/sites/{site}/tokens/{token}",
            get_with(show, |op| op.id("getToken").tag("Tokens").summary("Get an API token"))
                .delete_with(revoke, |op| {
                    op.id("revokeToken")
                        .tag("Tokens")
                        .summary("Revoke an API token")
                        .description("Every server refuses it within two seconds.")
                }),
        )
        .api_route(
            "/api/v1/sites/{site}/tokens/{token}/rotate",
            post_with(rotate, |op| {
                op.id("rotateToken")
                    .tag("Tokens")
                    .summary("Give an API token a new secret")
                    .description(
                        "Creates a token with the same permissions and expiry. The old one stays valid for a while, so that an app can switch without a gap.",
                    )
                    .with(refused(Code::TokenEnded, "The token was revoked or has expired."))
                    .with(refused(Code::TokenReplaced, "The token was already rotated."))
            }),
        )
}

async fn list(
    ManagedSite { site, .. }: ManagedSite<Member>,
    paging: Paging<ApiToken>,
    State(services): State<Services>,
) -> Result<Json<Paged<ApiToken>>> {
    services.tokens.page(site.id, &paging).await.map(Json)
}

async fn create(
    ManagedSite { site, operator, .. }: ManagedSite<Admin>,
    State(services): State<Services>,
    Input(new): Input<NewToken>,
) -> Result<Created<CreatedToken>> {
    services.tokens.create(&operator.actor(), site.id, new).await.map(Created)
}

async fn show(ManagedToken { token, .. }: ManagedToken<Member>) -> Json<ApiToken> {
    Json(token)
}

async fn revoke(
    ManagedToken { token, operator, .. }: ManagedToken<Admin>,
    State(services): State<Services>,
) -> Result<Json<ApiToken>> {
    services.tokens.revoke(&operator.actor(), token.site_id, token.id).await.map(Json)
}

async fn rotate(
    ManagedToken { token, operator, .. }: ManagedToken<Admin>,
    State(services): State<Services>,
    Input(TokenToRotate { overlap_seconds }): Input<TokenToRotate>,
) -> Result<Created<CreatedToken>> {
    let overlap = overlap_seconds.map(|seconds| TimeDelta::seconds(seconds.into()));
    services.tokens.rotate(&operator.actor(), token.site_id, token.id, overlap).await.map(Created)
}
