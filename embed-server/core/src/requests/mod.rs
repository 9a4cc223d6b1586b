//! The log of calls to the modules' APIs: the caller, the request and its result.
//!
//! Of callers without a valid credential only the first refusals of a module and hour are lines; the rest are counted.
//!
//! Lines are written in batches (`write`), so the newest may be missing for a second. Lines are deleted after the
//! operator's retention period.

mod retention;
pub mod routes;
mod store;
mod write;

pub use write::RequestLogWriter;

use chrono::{DateTime, Utc};
use embed_base::Context;
use embed_base::db;
use embed_base::http::{Listed, Paged, Paging, TimeRange};
use embed_base::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use std::collections::BTreeMap;
use uuid::Uuid;

/// One logged call.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoggedRequest {
    /// The call's id in the log; ids grow with time.
    pub id: Uuid,
    /// The site that the module belongs to.
    pub site_id: Uuid,
    /// The module whose API was called.
    pub module_id: Uuid,
    /// The API token that was used.
    pub token_id: Option<Uuid>,
    /// How the caller was authenticated: `visitor`, `token`, `operator`, or `nobody`.
    pub caller: String,
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The page's origin, as its browser sent it.
    pub origin: Option<String>,
    /// The client's address.
    pub ip_address: String,
    /// The client's `User-Agent`.
    pub user_agent: Option<String>,
    /// The response's status; 499 where the client disconnected before there was one.
    pub status_code: i64,
    /// Milliseconds until the response.
    pub response_time_ms: i64,
    /// The error code of the response; of a GraphQL response, which is 200, that of its first error.
    pub error_code: Option<String>,
    /// The error text of the response.
    pub error_message: Option<String>,
    /// When the call arrived.
    pub created_at: DateTime<Utc>,
}

impl Listed for LoggedRequest {
    const LIST: &'static str = "requests";

    fn id(&self) -> Uuid {
        self.id
    }
}

/// A selection of calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestFilter {
    /// Only calls of this module's API.
    pub module: Option<Uuid>,
    /// Only calls with this API token.
    pub token: Option<Uuid>,
    /// Only calls with this HTTP method.
    pub method: Option<String>,
    /// Only responses with this status, or with a class of them: `404` or `4xx`.
    pub status: Option<String>,
    /// Only calls from pages of this origin.
    pub origin: Option<String>,
    /// Only calls from this time on.
    pub from: Option<DateTime<Utc>>,
    /// Only calls before this time.
    pub to: Option<DateTime<Utc>>,
}

/// The calls of an hour.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Hour")]
pub struct HourOfRequests {
    /// The start of the hour, as `2026-11-21T04:00:00Z`.
    pub hour: String,
    /// The number of calls.
    pub requests: i64,
    /// The number of responses with a status from 400 to 499, those without a line in the log included.
    pub refused: i64,
    /// The number of responses with a status from 500 on.
    pub failed: i64,
    /// Milliseconds until the response, on average.
    pub response_time_ms: i64,
}

/// The request log. Cheap to clone.
#[derive(Clone)]
pub struct Requests {
    context: Context,
}

impl Requests {
    pub fn new(context: &Context) -> Self {
        Self { context: context.clone() }
    }

    /// The calls of a site, newest first.
    pub async fn page(
        &self,
        site: Uuid,
        filter: &RequestFilter,
        paging: &Paging<LoggedRequest>,
    ) -> Result<Paged<LoggedRequest>> {
        let statuses = filter.check()?;
        let mut tx = self.context.db.read(site).await?;
        store::page(&mut tx, site, filter, statuses, paging).await.map(|found| paging.page(found))
    }

    /// The calls of a site per hour, the oldest hour first; hours without a call are left out. Without `from` and
    /// `to` these are the last 24 hours; at most 31 days are possible.
    pub async fn per_hour(&self, site: Uuid, filter: &RequestFilter) -> Result<Vec<HourOfRequests>> {
        let statuses = filter.check()?;
        let TimeRange { from, to } = TimeRange::new(self.context.clock.now(), filter.from, filter.to)?;
        let mut tx = self.context.db.read(site).await?;
        let of_all =
            RequestFilter { module: filter.module, from: filter.from, to: filter.to, ..Default::default() };
        let refusals = if *filter == of_all {
            store::refusals_per_hour(&mut tx, site, filter.module, TimeRange { from, to }).await?
        } else {
            Vec::new()
        };
        let filter = RequestFilter { from: Some(from), to: Some(to), ..filter.clone() };
        Ok(with_refusals(store::per_hour(&mut tx, site, &filter, statuses).await?, refusals))
    }

    /// The same for all sites of an organization together.
    pub async fn organization_per_hour(
        &self,
        organization: Uuid,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
    ) -> Result<Vec<HourOfRequests>> {
        let span = TimeRange::new(self.context.clock.now(), from, to)?;
        let mut tx = self.context.db.read_global().await?;
        let refusals = store::organization_refusals_per_hour(&mut tx, organization, span).await?;
        Ok(with_refusals(store::organization_per_hour(&mut tx, organization, span).await?, refusals))
    }

    /// The calls of every site that were logged after the one with this id, oldest first, for an operator of the
    /// whole installation.
    pub async fn after(&self, id: Uuid, most: i64) -> Result<Vec<LoggedRequest>> {
        let mut tx = self.context.db.read_global().await?;
        store::after(&mut tx, id, most).await
    }
}

/// Adds refusals that have no line to the hours.
fn with_refusals(hours: Vec<HourOfRequests>, refusals: Vec<(String, i64)>) -> Vec<HourOfRequests> {
    let mut by_hour: BTreeMap<_, _> = hours.into_iter().map(|hour| (hour.hour.clone(), hour)).collect();
    for (hour, count) in refusals {
        let sum = by_hour.entry(hour.clone()).or_insert(HourOfRequests {
            hour,
            requests: 0,
            refused: 0,
            failed: 0,
            response_time_ms: 0,
        });
        sum.requests += count;
        sum.refused += count;
    }
    by_hour.into_values().collect()
}

impl RequestFilter {
    /// The range of statuses of a valid filter.
    fn check(&self) -> Result<Option<(i64, i64)>> {
        for (name, time) in [("from", self.from), ("to", self.to)] {
            if time.is_some_and(|time| !db::holds(time)) {
                let detail = format!("`{name}` is out of range; expected a time in the years 0000 to 9999.");
                return Err(Error::invalid(detail));
            }
        }
        self.statuses()
    }

    /// The first and the last status that match.
    fn statuses(&self) -> Result<Option<(i64, i64)>> {
        let Some(text) = &self.status else { return Ok(None) };
        let wrong = || {
            let detail =
                format!("`status` is {text:?}; expected a status such as 404, or a class such as 4xx.");
            Error::invalid(detail)
        };
        let (digits, span) = text.strip_suffix("xx").map_or((text.as_str(), 1), |class| (class, 100));
        let status = digits.parse::<i64>().map_err(|_| wrong())?.checked_mul(span).ok_or_else(wrong)?;
        (100..=599).contains(&status).then_some(Some((status, status + span - 1))).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_or_a_class_of_them_can_be_asked_for() {
        for (text, statuses) in [("404", (404, 404)), ("4xx", (400, 499)), ("500", (500, 500))] {
            let filter = RequestFilter { status: Some(text.to_owned()), ..RequestFilter::default() };
            assert_eq!(filter.statuses().unwrap(), Some(statuses), "{text}");
        }
        for text in ["", "xx", "9xx", "40", "-1", "9223372036854775807xx"] {
            let filter = RequestFilter { status: Some(text.to_owned()), ..RequestFilter::default() };
            assert!(filter.statuses().is_err(), "{text}");
        }
    }
}
