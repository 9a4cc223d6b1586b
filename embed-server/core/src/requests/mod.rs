//! The log of calls to the modules' APIs: who called what, from where, and how it went.
//!
//! Lines are written in batches beside the requests ([`write`]), so the newest are up to a second old. What is older than
//! the operator wants to keep is forgotten.

mod retention;
pub mod routes;
mod store;
mod write;

pub use write::Writer;

use chrono::{DateTime, Utc};
use embed_base::Context;
use embed_base::db;
use embed_base::http::{Listed, Paged, Paging, TimeRange};
use embed_base::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use uuid::Uuid;

/// One call, as it was logged.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoggedRequest {
    /// Its id in the log; ids grow with time.
    pub id: Uuid,
    /// The tenant.
    pub site_id: Uuid,
    /// The module whose API was called.
    pub module_id: Uuid,
    /// The API token that was shown.
    pub token_id: Option<Uuid>,
    /// How the caller proved who he is: `visitor`, `token`, `operator`, or `nobody`.
    pub caller: String,
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The page's origin, as its browser said.
    pub origin: Option<String>,
    /// The client's address.
    pub ip_address: String,
    /// What the client calls itself.
    pub user_agent: Option<String>,
    /// The answer's status; 499 where the client went away before there was one.
    pub status_code: i64,
    /// Milliseconds until the answer.
    pub response_time_ms: i64,
    /// The code of an answer that is an error.
    pub error_code: Option<String>,
    /// Its sentence.
    pub error_message: Option<String>,
    /// When the call came.
    pub created_at: DateTime<Utc>,
}

impl Listed for LoggedRequest {
    const LIST: &'static str = "requests";

    fn id(&self) -> Uuid {
        self.id
    }
}

/// Which calls are meant.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Filter {
    /// Only calls of this module's API.
    pub module: Option<Uuid>,
    /// Only calls with this API token.
    pub token: Option<Uuid>,
    /// Only calls with this HTTP method.
    pub method: Option<String>,
    /// Only answers with this status, or with a class of them: `404` or `4xx`.
    pub status: Option<String>,
    /// Only calls of pages of this origin.
    pub origin: Option<String>,
    /// Only calls from this time on.
    pub from: Option<DateTime<Utc>>,
    /// Only calls before this time.
    pub to: Option<DateTime<Utc>>,
}

/// The calls of an hour.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hour {
    /// When it began, as `2026-11-21T04:00:00Z`.
    pub hour: String,
    /// How many calls there were.
    pub requests: i64,
    /// How many of them were answered with a status from 400 to 499.
    pub refused: i64,
    /// How many with 500 or more.
    pub failed: i64,
    /// Milliseconds until the answer, on average.
    pub response_time_ms: i64,
}

/// The log. Cheap to clone.
#[derive(Clone)]
pub struct Requests {
    context: Context,
}

impl Requests {
    /// Builds the capability.
    pub fn new(context: &Context) -> Self {
        Self { context: context.clone() }
    }

    /// The calls of a site, newest first.
    pub async fn page(
        &self,
        site: Uuid,
        filter: &Filter,
        paging: &Paging<LoggedRequest>,
    ) -> Result<Paged<LoggedRequest>> {
        let statuses = filter.check()?;
        let mut tx = self.context.db.read(site).await?;
        store::page(&mut tx, site, filter, statuses, paging).await.map(|found| paging.page(found))
    }

    /// The calls of a site per hour, oldest hour first; hours without a call are left out. Without `from` and `to` the
    /// last 24 hours count; at most 31 days can.
    pub async fn per_hour(&self, site: Uuid, filter: &Filter) -> Result<Vec<Hour>> {
        let statuses = filter.check()?;
        let TimeRange { from, to } = TimeRange::new(self.context.clock.now(), filter.from, filter.to)?;
        let filter = Filter { from: Some(from), to: Some(to), ..filter.clone() };
        let mut tx = self.context.db.read(site).await?;
        store::per_hour(&mut tx, site, &filter, statuses).await
    }

    /// The same for all sites of an organization together.
    pub async fn organization_per_hour(
        &self,
        organization: Uuid,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
    ) -> Result<Vec<Hour>> {
        let span = TimeRange::new(self.context.clock.now(), from, to)?;
        let mut tx = self.context.db.read_global().await?;
        store::organization_per_hour(&mut tx, organization, span).await
    }

    /// The calls of every site that were written down after the one with this id, oldest first; for an operator of the
    /// whole installation.
    pub async fn behind(&self, id: Uuid, most: i64) -> Result<Vec<LoggedRequest>> {
        let mut tx = self.context.db.read_global().await?;
        store::behind(&mut tx, id, most).await
    }
}

impl Filter {
    /// The statuses that are meant, of a filter that the database can be asked for.
    fn check(&self) -> Result<Option<(i64, i64)>> {
        for (name, time) in [("from", self.from), ("to", self.to)] {
            if time.is_some_and(|time| !db::holds(time)) {
                let detail = format!("`{name}` is too far away; expected a time in the years 0000 to 9999.");
                return Err(Error::invalid(detail));
            }
        }
        self.statuses()
    }

    /// The statuses that are meant, from the first to the last.
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
            let filter = Filter { status: Some(text.to_owned()), ..Filter::default() };
            assert_eq!(filter.statuses().unwrap(), Some(statuses), "{text}");
        }
        for text in ["", "xx", "9xx", "40", "-1", "9223372036854775807xx"] {
            let filter = Filter { status: Some(text.to_owned()), ..Filter::default() };
            assert!(filter.statuses().is_err(), "{text}");
        }
    }
}
