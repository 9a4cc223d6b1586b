//! How often modules are shown on websites, and how often they are refused there: counted per hour, origin and type.
//!
//! The request that asks only counts in memory ([`Counter`]); sums come into the database about once a second
//! ([`Writer`]). Origins are what strangers say, so an hour of a module names only so many of them, and counts the others
//! together under an empty name. What is older than the operator wants to keep is forgotten with the request log.

mod prune;
pub mod routes;
mod store;
mod tally;
mod write;

pub use tally::View;
pub use write::{Counter, Writer, counting};

use chrono::{DateTime, Utc};
use embed_base::Context;
use embed_base::Result;
use embed_base::http::TimeRange;
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

/// In seconds.
const HOUR: i64 = 60 * 60;

/// What was counted in an hour.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "HourOfViews")]
pub struct Hour {
    /// When it began, as `2026-11-21T04:00:00Z`.
    pub hour: String,
    /// How often modules were shown.
    pub shown: i64,
    /// How often they were refused.
    pub blocked: i64,
}

/// What was counted of a module on the pages of one origin.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OriginViews {
    /// The module.
    pub module_id: Uuid,
    /// The pages' origin; empty for all those together that an hour had no place for.
    pub origin: String,
    /// How the module was to appear: `widget`, `popup` or `inline`; empty where the page did not say.
    pub embed_type: String,
    /// How often it was shown.
    pub shown: i64,
    /// How often it was refused.
    pub blocked: i64,
    /// The code of the last refusal.
    pub last_code: Option<String>,
    /// When it was last shown or refused.
    pub last_at: DateTime<Utc>,
}

/// What was counted. Cheap to clone.
#[derive(Clone)]
pub struct Views {
    context: Context,
}

impl Views {
    /// Builds the capability.
    pub fn new(context: &Context) -> Self {
        Self { context: context.clone() }
    }

    /// The views of a site's modules, or of one, per hour, oldest hour first; hours without a view are left out. Without
    /// `from` and `to` the last 24 hours count; at most 31 days can. An hour counts whole where any of it is meant.
    pub async fn per_hour(
        &self,
        site: Uuid,
        module: Option<Uuid>,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
    ) -> Result<Vec<Hour>> {
        let span = self.span(from, to)?;
        let mut tx = self.context.db.read(site).await?;
        store::per_hour(&mut tx, site, module, span).await
    }

    /// The views of the same hours by module, origin and type, those with the most recent view first; at most 200.
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

    /// The views of all sites of an organization together, as [`Views::per_hour`] has those of one.
    pub async fn organization_per_hour(
        &self,
        organization: Uuid,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
    ) -> Result<Vec<Hour>> {
        let span = self.span(from, to)?;
        let mut tx = self.context.db.read_global().await?;
        store::organization_per_hour(&mut tx, organization, span).await
    }

    /// The span that is meant, from the beginning of its first hour.
    fn span(&self, from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) -> Result<TimeRange> {
        let span = TimeRange::new(self.context.clock.now(), from, to)?;
        Ok(TimeRange { from: hour_start(span.from), ..span })
    }
}

/// When the hour of a time began.
fn hour_start(time: DateTime<Utc>) -> DateTime<Utc> {
    let began = time.timestamp().div_euclid(HOUR) * HOUR;
    DateTime::from_timestamp(began, 0).unwrap_or(time)
}
