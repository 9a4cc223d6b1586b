//! The HTTP routes of the list of activity.

use super::ActivityEntry;
use crate::accounts::Member;
use crate::services::Services;
use crate::sites::ManagedSite;
use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::Json;
use axum::extract::State;
use embed_base::Result;
use embed_base::http::{Paged, Paging};

pub fn router() -> ApiRouter<Services> {
    ApiRouter::new().api_route(
        "/api/v1/sites/{site}/activity",
        get_with(list, |op| {
            op.id("listActivity").tag("Activity").summary("List what operators did to a site").description(
                "Includes its modules, domains and tokens. Newest first; entries are kept for a year.",
            )
        }),
    )
}

async fn list(
    ManagedSite { site, .. }: ManagedSite<Member>,
    paging: Paging<ActivityEntry>,
    State(services): State<Services>,
) -> Result<Json<Paged<ActivityEntry>>> {
    services.activity.page(site.id, &paging).await.map(Json)
}
