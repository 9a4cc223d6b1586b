//! The HTTP of the list of activity.

use super::{Activity, Done};
use crate::accounts::{Accounts, Member};
use crate::sites::{ManagedSite, Sites};
use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::Json;
use axum::extract::{FromRef, State};
use embed_base::Result;
use embed_base::http::{Paged, Paging};

/// `/api/v1/sites/{site}/activity`.
pub fn router<S>() -> ApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Accounts: FromRef<S>,
    Sites: FromRef<S>,
    Activity: FromRef<S>,
{
    ApiRouter::new().api_route(
        "/api/v1/sites/{site}/activity",
        get_with(list, |op| {
            op.id("listActivity").tag("Activity").summary("List what people have done to a site").description(
                "And to its modules, domains and tokens. Newest first; entries are kept for a year.",
            )
        }),
    )
}

async fn list(
    ManagedSite { site, .. }: ManagedSite<Member>,
    paging: Paging<Done>,
    State(activity): State<Activity>,
) -> Result<Json<Paged<Done>>> {
    activity.page(site.id, &paging).await.map(Json)
}
