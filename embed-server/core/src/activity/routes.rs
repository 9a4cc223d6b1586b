//! The HTTP routes of the list of activity.

use super::{Activity, ActivityEntry};
use crate::accounts::{Accounts, Member};
use crate::sites::{ManagedSite, Sites};
use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::Json;
use axum::extract::{FromRef, State};
use embed_base::Result;
use embed_base::http::{Paged, Paging};

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
            op.id("listActivity").tag("Activity").summary("List what operators did to a site").description(
                "Includes its modules, domains and tokens. Newest first; entries are kept for a year.",
            )
        }),
    )
}

async fn list(
    ManagedSite { site, .. }: ManagedSite<Member>,
    paging: Paging<ActivityEntry>,
    State(activity): State<Activity>,
) -> Result<Json<Paged<ActivityEntry>>> {
    activity.page(site.id, &paging).await.map(Json)
}
