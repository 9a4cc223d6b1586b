//! The HTTP routes of the request log.

use super::{HourOfRequests, LoggedRequest, RequestFilter};
use crate::accounts::Member;
use crate::services::Services;
use crate::sites::ManagedSite;
use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use embed_base::Result;
use embed_base::http::{Paged, Paging, Parameters};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub fn router() -> ApiRouter<Services> {
    ApiRouter::new()
        .api_route(
            "/api/v1/sites/{site}/requests",
            get_with(list, |op| {
                op.id("listRequests")
                    .tag("Requests")
                    .summary("List the calls of a site's APIs")
                    .description("Newest first. A call is in the log about a second after its response.")
            }),
        )
        .api_route(
            "/api/v1/sites/{site}/requests/per-hour",
            get_with(per_hour, |op| {
                op.id("countRequests")
                    .tag("Requests")
                    .summary("Count the calls of a site's APIs per hour")
                    .description(
                        "Oldest hour first; hours without a call are left out. Without `from` and `to` these are the last 24 hours; at most 31 days are possible. `token` shows the use of one token over time.",
                    )
            }),
        )
}

/// A [`RequestFilter`], and the page of its calls.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RequestQuery {
    /// Only calls of this module's API.
    module: Option<Uuid>,
    /// Only calls with this API token.
    token: Option<Uuid>,
    /// Only calls with this HTTP method.
    method: Option<String>,
    /// Only responses with this status, or with a class of them: `404` or `4xx`.
    status: Option<String>,
    /// Only calls from pages of this origin.
    origin: Option<String>,
    /// Only calls from this time on.
    from: Option<DateTime<Utc>>,
    /// Only calls before this time.
    to: Option<DateTime<Utc>>,
    /// The most calls on the page; 50 by default.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u8>,
    /// `nextCursor` of the previous page.
    cursor: Option<String>,
}

/// The calls of each hour.
#[derive(Serialize, JsonSchema)]
struct Hours {
    /// The hours that had calls, the oldest first.
    data: Vec<HourOfRequests>,
}

async fn list(
    ManagedSite { site, .. }: ManagedSite<Member>,
    State(services): State<Services>,
    Parameters(query): Parameters<RequestQuery>,
) -> Result<Json<Paged<LoggedRequest>>> {
    let RequestQuery { module, token, method, status, origin, from, to, limit, cursor } = query;
    let filter = RequestFilter { module, token, method, status, origin, from, to };
    services.requests.page(site.id, &filter, &Paging::new(limit, cursor.as_deref())?).await.map(Json)
}

async fn per_hour(
    ManagedSite { site, .. }: ManagedSite<Member>,
    State(services): State<Services>,
    Parameters(filter): Parameters<RequestFilter>,
) -> Result<Json<Hours>> {
    services.requests.per_hour(site.id, &filter).await.map(|data| Json(Hours { data }))
}
