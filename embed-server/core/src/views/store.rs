//! The SQL of views.

use super::tally::Row;
use super::{HourOfViews, OriginViews};
use crate::modules::BELONGS;
use crate::sites::OF_ORGANIZATION;
use chrono::{DateTime, Utc};
use embed_base::Result;
use embed_base::db::{self, Fragment, SqlText, Tx, execute, on, sql};
use embed_base::http::TimeRange;
use uuid::Uuid;

const COLUMNS: usize = 9;
/// The most origins in one response.
const MOST: i64 = 200;

/// For a global transaction: adds the counts to the database in one statement. Counts of deleted modules are left
/// out.
pub(super) async fn add(tx: &mut Tx, rows: &[Row]) -> Result<()> {
    let text = sql!(
        "WITH added (site_id, module_id, hour, origin, embed_type, shown, blocked, last_code, last_at)
         AS (VALUES ",
        db::places(rows.len(), COLUMNS),
        ")
         INSERT INTO module_views (site_id, module_id, hour, origin, embed_type, shown, blocked, last_code, last_at)
         SELECT site_id, module_id, hour, origin, embed_type, shown, blocked, last_code, last_at FROM added
         WHERE ",
        BELONGS,
        " ON CONFLICT (module_id, hour, origin, embed_type) DO UPDATE SET
         shown = module_views.shown + excluded.shown, blocked = module_views.blocked + excluded.blocked,
         last_code = COALESCE(excluded.last_code, module_views.last_code),
         last_at = CASE WHEN module_views.last_at > excluded.last_at THEN module_views.last_at ELSE excluded.last_at END"
    );
    on!(tx, |conn| {
        // These statements are hardly ever alike, so preparing them would only push others out.
        let mut query = sqlx::query(text).persistent(false);
        for Row { site, module, hour, origin, embed_type, count } in rows {
            query = query
                .bind(*site)
                .bind(*module)
                .bind(*hour)
                .bind(&**origin)
                .bind(*embed_type)
                .bind(count.shown)
                .bind(count.blocked)
                .bind(count.last_code.map(|code| code.as_str()))
                .bind(count.last_at);
        }
        query.execute(conn).await.map(|_| ())
    })?;
    Ok(())
}

/// The views of one module of a site or of all, in a span of hours.
const MATCHES: &str = "site_id = $1 AND ($2 IS NULL OR module_id = $2) AND hour >= $3 AND hour < $4";

pub(super) async fn per_hour(
    tx: &mut Tx,
    site: Uuid,
    module: Option<Uuid>,
    TimeRange { from, to }: TimeRange,
) -> Result<Vec<HourOfViews>> {
    let text = hours(tx, MATCHES.into());
    Ok(on!(tx, |conn| {
        sqlx::query_as(text).bind(site).bind(module).bind(from).bind(to).fetch_all(conn).await
    })?)
}

/// For a global transaction: the views of all sites of an organization.
pub(super) async fn organization_per_hour(
    tx: &mut Tx,
    organization: Uuid,
    TimeRange { from, to }: TimeRange,
) -> Result<Vec<HourOfViews>> {
    let text = hours(tx, [OF_ORGANIZATION, " AND hour >= $2 AND hour < $3"].into());
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(organization).bind(from).bind(to).fetch_all(conn).await)?)
}

/// Sums the views that match a condition per hour.
fn hours(tx: &Tx, condition: Fragment) -> SqlText {
    sql!(
        "SELECT ",
        db::hour_of(tx, "hour"),
        " AS hour, CAST(SUM(shown) AS BIGINT) AS shown, CAST(SUM(blocked) AS BIGINT) AS blocked
         FROM module_views WHERE ",
        condition,
        " GROUP BY 1 ORDER BY 1"
    )
}

pub(super) async fn by_origin(
    tx: &mut Tx,
    site: Uuid,
    module: Option<Uuid>,
    TimeRange { from, to }: TimeRange,
) -> Result<Vec<OriginViews>> {
    // The last code is that of the latest hour with one: the greatest text of hour and code, without the 20
    // characters of the hour.
    let text = sql!(
        "SELECT module_id, origin, embed_type, CAST(SUM(shown) AS BIGINT) AS shown,
         CAST(SUM(blocked) AS BIGINT) AS blocked, substr(MAX(",
        db::hour_of(tx, "hour"),
        " || last_code), 21) AS last_code,
         MAX(last_at) AS last_at FROM module_views WHERE ",
        MATCHES,
        " GROUP BY module_id, origin, embed_type
         ORDER BY MAX(last_at) DESC, module_id, origin, embed_type LIMIT $5"
    );
    Ok(on!(tx, |conn| {
        let query = sqlx::query_as(text).bind(site).bind(module).bind(from).bind(to);
        query.bind(MOST).fetch_all(conn).await
    })?)
}

/// For a global transaction: deletes some of the hours that began before a time; returns how many rows.
pub(super) async fn prune(tx: &mut Tx, before: DateTime<Utc>, most: i64) -> Result<u64> {
    let text = "DELETE FROM module_views WHERE (module_id, hour, origin, embed_type) IN
         (SELECT module_id, hour, origin, embed_type FROM module_views WHERE hour < $1 ORDER BY hour LIMIT $2)";
    Ok(execute!(tx, sqlx::query(text).bind(before).bind(most))?)
}
