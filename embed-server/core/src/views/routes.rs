//! The HTTP routes of views.

use super::{HourOfViews, OriginViews};
use crate::accounts::Member;
use crate::services::Services;
use crate::sites::ManagedSite;
use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use embed_base::Result;
use embed_base::http::Parameters;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub fn router() -> ApiRouter<Services> {
    ApiRouter::new()
        .api_route(
            "/api/v1/sites/{site}/views",
            get_with(by_origin, |op| {
                op.id("listViews")
                    .tag("Views")
                    .summary("List where a site's modules are shown")
                    .description(
                        "By module, origin and type, the most recently viewed first; at most 200. Without `from` and `to` these are the last 24 hours; at most 31 days are possible. A view is counted after about a second.",
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
                        "Oldest hour first; hours without a view are left out. Without `from` and `to` these are the last 24 hours; at most 31 days are possible.",
                    )
            }),
        )
}

/// A selection of views.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ViewQuery {
    /// Only views of this module.
    module: Option<Uuid>,
    /// Only views from this time on, and those earlier in the same hour.
    from: Option<DateTime<Utc>>,
    /// Only views in hours that began before this time.
    to: Option<DateTime<Utc>>,
}

/// The views by origin.
#[derive(Serialize, JsonSchema)]
struct ViewsByOrigin {
    /// The origins that had views.
    data: Vec<OriginViews>,
}

/// The views of each hour.
#[derive(Serialize, JsonSchema)]
struct ViewsPerHour {
    /// The hours that had views, the oldest first.
    data: Vec<HourOfViews>,
}

async fn by_origin(
    ManagedSite { site, .. }: ManagedSite<Member>,
    State(services): State<Services>,
    Parameters(ViewQuery { module, from, to }): Parameters<ViewQuery>,
) -> Result<Json<ViewsByOrigin>> {
    services.views.by_origin(site.id, module, from, to).await.map(|data| Json(ViewsByOrigin { data }))
}

async fn per_hour(
    ManagedSite { site, .. }: ManagedSite<Member>,
    State(services): State<Services>,
    Parameters(ViewQuery { module, from, to }): Parameters<ViewQuery>,
) -> Result<Json<ViewsPerHour>> {
    services.views.per_hour(site.id, module, from, to).await.map(|data| Json(ViewsPerHour { data }))
}
