//! The HTTP of views.

use super::{Hour, OriginViews, Views};
use crate::accounts::{Accounts, Member};
use crate::sites::{ManagedSite, Sites};
use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::Json;
use axum::extract::{FromRef, State};
use chrono::{DateTime, Utc};
use embed_base::Result;
use embed_base::http::Parameters;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `/api/v1/sites/{site}/views` and below.
pub fn router<S>() -> ApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Accounts: FromRef<S>,
    Sites: FromRef<S>,
    Views: FromRef<S>,
{
    ApiRouter::new()
        .api_route(
            "/api/v1/sites/{site}/views",
            get_with(by_origin, |op| {
                op.id("listViews")
                    .tag("Views")
                    .summary("List where a site's modules are shown")
                    .description(
                        "By module, origin and type, those with the most recent view first; at most 200. Without `from` and `to` the last 24 hours count, at most 31 days can. A view is counted about a second after it happened.",
                    )
            }),
        )
        .api_route(
            "/api/v1/sites/{site}/views/per-hour",
            get_with(per_hour, |op| {
                op.id("countViews")
                    .tag("Views")
                    .summary("Count per hour how often a site's modules are shown")
                    .description(
                        "Oldest hour first; hours without a view are left out. Without `from` and `to` the last 24 hours count, at most 31 days can.",
                    )
            }),
        )
}

/// Which views are meant.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Only views of this module.
    module: Option<Uuid>,
    /// Only views from this time on; the hour of this time counts whole.
    from: Option<DateTime<Utc>>,
    /// Only views of hours that began before this time.
    to: Option<DateTime<Utc>>,
}

/// The views by origin.
#[derive(Serialize, JsonSchema)]
struct ViewsByOrigin {
    /// The origins that had any.
    data: Vec<OriginViews>,
}

/// The views of each hour.
#[derive(Serialize, JsonSchema)]
struct ViewsPerHour {
    /// The hours that had any.
    data: Vec<Hour>,
}

async fn by_origin(
    ManagedSite { site, .. }: ManagedSite<Member>,
    State(views): State<Views>,
    Parameters(Wanted { module, from, to }): Parameters<Wanted>,
) -> Result<Json<ViewsByOrigin>> {
    views.by_origin(site.id, module, from, to).await.map(|data| Json(ViewsByOrigin { data }))
}

async fn per_hour(
    ManagedSite { site, .. }: ManagedSite<Member>,
    State(views): State<Views>,
    Parameters(Wanted { module, from, to }): Parameters<Wanted>,
) -> Result<Json<ViewsPerHour>> {
    views.per_hour(site.id, module, from, to).await.map(|data| Json(ViewsPerHour { data }))
}
