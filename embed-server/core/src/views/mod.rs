//! How often modules are shown on websites, and how often they are refused there, per hour, origin and type.
//!
//! Requests only count in memory ([`ViewCounter`]); about once a second, [`ViewWriter`] adds the sums to the
//! database. Strangers choose the origins, so an hour of a module names a limited number of them, and counts the
//! others together under an empty name. Hours are deleted after the operator's retention period.

mod prune;
pub mod routes;
mod store;
mod tally;
mod write;

pub use tally::View;
pub use write::{ViewCounter, ViewWriter, counting};

use chrono::{DateTime, Utc};
use embed_base::Context;
use embed_base::Result;
use embed_base::http::TimeRange;
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

/// The seconds of an hour.
const HOUR: i64 = 60 * 60;

/// The views of an hour.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "HourOfViews")]
pub struct HourOfViews {
    /// The start of the hour, as `2026-11-21T04:00:00Z`.
    pub hour: String,
    /// How often modules were shown.
    pub shown: i64,
    /// How often they were refused.
    pub blocked: i64,
}

/// The views of a module on the pages of one origin.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OriginViews {
    /// The module.
    pub module_id: Uuid,
    /// The pages' origin; empty for all origins beyond an hour's limit together.
    pub origin: String,
    /// The type of the embed: `widget`, `popup` or `inline`; empty where the page did not say.
    pub embed_type: String,
    /// How often it was shown.
    pub shown: i64,
    /// How often it was refused.
    pub blocked: i64,
    /// The error code of the last refusal.
    pub last_code: Option<String>,
    /// When it was last shown or refused.
    pub last_at: DateTime<Utc>,
}

/// Views. Cheap to clone.
#[derive(Clone)]
pub struct Views {
    context: Context,
}

impl Views {
    pub fn new(context: &Context) -> Self {
        Self { context: context.clone() }
    }

    /// The views of a site's modules, or of one, per hour, the oldest hour first; hours without a view are left out.
    /// Without `from` and `to` these are the last 24 hours; at most 31 days are possible. An hour that the span
    /// touches counts as a whole.
    pub async fn per_hour(
        &self,
        site: Uuid,
        module: Option<Uuid>,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
    ) -> Result<Vec<HourOfViews>> {
        let span = self.span(from, to)?;
        let mut tx = self.context.db.read(site).await?;
        store::per_hour(&mut tx, site, module, span).await
    }

    /// The views of the same hours by module, origin and type, the most recent first; at most 200.
    pub async fn by_origin(
        &self,
        site: Uuid,
        module: Option<Uuid>,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
    ) -> Result<Vec<OriginViews>> {
        let span = self.span(from, to)?;
        let mut tx = self.context.db.read(site).await?;
        store::by_origin(&mut tx, site, module, span).await
    }

    /// The views of all sites of an organization per hour, as [`Views::per_hour`].
    pub async fn organization_per_hour(
        &self,
        organization: Uuid,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
    ) -> Result<Vec<HourOfViews>> {
        let span = self.span(from, to)?;
        let mut tx = self.context.db.read_global().await?;
        store::organization_per_hour(&mut tx, organization, span).await
    }

    /// The span, from the start of its first hour.
    fn span(&self, from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) -> Result<TimeRange> {
        let span = TimeRange::new(self.context.clock.now(), from, to)?;
        Ok(TimeRange { from: hour_start(span.from), ..span })
    }
}

/// The start of the hour of a time.
fn hour_start(time: DateTime<Utc>) -> DateTime<Utc> {
    let began = time.timestamp().div_euclid(HOUR) * HOUR;
    DateTime::from_timestamp(began, 0).unwrap_or(time)
}
