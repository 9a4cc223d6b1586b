//! The HTTP routes of allowed domains.

use super::{
    AddedDomain, AllowedDomain, DomainChanges, DomainToAllow, Instructions, ManagedDomain,
    VERIFICATIONS_PER_MINUTE, Verification,
};
use crate::accounts::{Admin, Member};
use crate::modules::ManagedModule;
use crate::services::Services;
use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::Json;
use axum::extract::State;
use axum::response::NoContent;
use embed_base::http::openapi::refused;
use embed_base::http::{Created, Input, Paged, Paging};
use embed_base::limits::Limit;
use embed_base::{Code, Result};

pub fn router() -> ApiRouter<Services> {
    ApiRouter::new()
        .api_route(
            "/api/v1/sites/{site}/modules/{module}/domains",
            get_with(list, |op| {
                op.id("listDomains")
                    .tag("Domains")
                    .summary("List a module's domains")
                    .description("Oldest first.")
            })
            .post_with(add, |op| {
                op.id("addDomain")
                    .tag("Domains")
                    .summary("Allow a domain")
                    .description(
                        "It is active once it is verified; the answer says what its owner has to publish.",
                    )
                    .with(refused(Code::InvalidDomain, "The domain cannot be allowed."))
                    .with(refused(Code::DomainExists, "The domain is already on the module's list."))
            }),
        )
        .api_route(
            "/api/v1/sites/{site}/modules/{module}/domains/{domain}",
            get_with(show, |op| op.id("getDomain").tag("Domains").summary("Get a domain"))
                .patch_with(change, |op| {
                    op.id("changeDomain")
                        .tag("Domains")
                        .summary("Change the permissions of a domain's pages")
                        .with(refused(Code::InvalidDomain, "An ancestor cannot frame the domain's pages."))
                })
                .delete_with(remove, |op| {
                    op.id("removeDomain").tag("Domains").summary("Remove a domain from the list")
                }),
        )
        .api_route(
            "/api/v1/sites/{site}/modules/{module}/domains/{domain}/verify",
            post_with(verify, |op| {
                op.id("verifyDomain")
                    .tag("Domains")
                    .summary("Check a domain's proof now")
                    .with(refused(Code::VerificationFailed, "The proof was not found; `detail` says why."))
                    .with(refused(Code::RateLimited, "Too many checks of this site's domains."))
            }),
        )
        .api_route(
            "/api/v1/sites/{site}/modules/{module}/domains/{domain}/instructions",
            get_with(instructions, |op| {
                op.id("getInstructions").tag("Domains").summary("Get what a domain's owner must publish")
            }),
        )
}

async fn list(
    ManagedModule { module, .. }: ManagedModule<Member>,
    paging: Paging<AllowedDomain>,
    State(services): State<Services>,
) -> Result<Json<Paged<AllowedDomain>>> {
    services.domains.page(module.site_id, module.id, &paging).await.map(Json)
}

async fn add(
    ManagedModule { module, operator, .. }: ManagedModule<Admin>,
    State(services): State<Services>,
    Input(new): Input<DomainToAllow>,
) -> Result<Created<AddedDomain>> {
    let new = new.check(&services.domains)?;
    services
        .domains
        .add(&operator.actor(), module.site_id, module.id, new)
        .await
        .and_then(AddedDomain::new)
        .map(Created)
}

async fn show(ManagedDomain { domain, .. }: ManagedDomain<Member>) -> Json<AllowedDomain> {
    Json(domain)
}

async fn change(
    ManagedDomain { domain, operator, .. }: ManagedDomain<Admin>,
    State(services): State<Services>,
    Input(changes): Input<DomainChanges>,
) -> Result<Json<AllowedDomain>> {
    services.domains.change(&operator.actor(), domain.site_id, domain.id, &changes).await.map(Json)
}

async fn remove(
    ManagedDomain { domain, operator, .. }: ManagedDomain<Admin>,
    State(services): State<Services>,
) -> Result<NoContent> {
    services.domains.remove(&operator.actor(), domain.site_id, domain.id).await.map(|_| NoContent)
}

async fn verify(
    ManagedDomain { domain, operator, .. }: ManagedDomain<Admin>,
    State(services): State<Services>,
    Input(Verification { method }): Input<Verification>,
) -> Result<Json<AllowedDomain>> {
    services
        .limits
        .count(vec![Limit::verification(domain.site_id, VERIFICATIONS_PER_MINUTE)])
        .await
        .check()?;
    services.domains.verify(&operator.actor(), domain.site_id, domain.id, method).await.map(Json)
}

async fn instructions(ManagedDomain { domain, .. }: ManagedDomain<Member>) -> Result<Json<Instructions>> {
    Instructions::new(&domain).map(Json)
}
