//! The SQL of the request log.

use super::{HourOfRequests, LoggedRequest, RequestFilter};
use crate::modules::WITH_ID;
use crate::sites::OF_ORGANIZATION;
use chrono::{DateTime, Utc};
use embed_base::Result;
use embed_base::db::{self, Fragment, SqlText, Tx, execute, on, sql};
use embed_base::http::{CallerKind, Paging, RefusalCount, RequestLogEntry, TimeRange};
use uuid::Uuid;

const COLUMNS: usize = 15;

/// For a global transaction: inserts all lines in one statement.
pub(super) async fn insert(tx: &mut Tx, entries: &[RequestLogEntry]) -> Result<()> {
    let text = sql!(
        "INSERT INTO module_external_requests (id, site_id, module_id, token_id, caller, method, path, origin, ip_address,
         user_agent, status_code, response_time_ms, error_code, error_message, created_at) VALUES ",
        db::places(entries.len(), COLUMNS)
    );
    on!(tx, |conn| {
        // Each number of lines has its own text; as prepared statements, these would push out the ones that are
        // reused.
        let mut query = sqlx::query(text).persistent(false);
        for entry in entries {
            query = query
                .bind(Uuid::now_v7())
                .bind(entry.site)
                .bind(entry.module)
                .bind((entry.caller.kind == CallerKind::Token).then_some(entry.caller.id))
                .bind(entry.caller.kind.as_str())
                .bind(&entry.method)
                .bind(&entry.path)
                .bind(entry.origin.as_deref())
                .bind(entry.address.to_string())
                .bind(entry.user_agent.as_deref())
                .bind(i64::from(entry.status))
                .bind(i64::try_from(entry.took.as_millis()).unwrap_or(i64::MAX))
                .bind(entry.error.as_ref().map(|(code, _)| code.as_str()))
                .bind(entry.error.as_ref().map(|(_, message)| message))
                .bind(entry.at);
        }
        query.execute(conn).await.map(|_| ())
    })?;
    Ok(())
}

/// The condition of a filter, whose values are $2 and following; an absent value matches every row.
const MATCHES: &str = "site_id = $1 AND ($2 IS NULL OR module_id = $2) AND ($3 IS NULL OR token_id = $3)
     AND ($4 IS NULL OR method = $4) AND ($5 IS NULL OR origin = $5) AND ($6 IS NULL OR status_code >= $6)
     AND ($7 IS NULL OR status_code <= $7) AND ($8 IS NULL OR created_at >= $8) AND ($9 IS NULL OR created_at < $9)";

/// Binds a site and a filter to the placeholders of [`MATCHES`].
macro_rules! bind_filter {
    ($query:expr, $site:expr, $filter:expr, $statuses:expr) => {
        $query
            .bind($site)
            .bind($filter.module)
            .bind($filter.token)
            .bind($filter.method.as_deref())
            .bind($filter.origin.as_deref())
            .bind($statuses.map(|(first, _): (i64, i64)| first))
            .bind($statuses.map(|(_, last): (i64, i64)| last))
            .bind($filter.from)
            .bind($filter.to)
    };
}

pub(super) async fn page(
    tx: &mut Tx,
    site: Uuid,
    filter: &RequestFilter,
    statuses: Option<(i64, i64)>,
    paging: &Paging<LoggedRequest>,
) -> Result<Vec<LoggedRequest>> {
    let text = sql!(
        "SELECT * FROM module_external_requests WHERE ",
        MATCHES,
        " AND id < $10 ORDER BY id DESC LIMIT $11"
    );
    Ok(on!(tx, |conn| {
        let query = bind_filter!(sqlx::query_as(text), site, filter, statuses);
        query.bind(paging.before()).bind(paging.reads()).fetch_all(conn).await
    })?)
}

pub(super) async fn per_hour(
    tx: &mut Tx,
    site: Uuid,
    filter: &RequestFilter,
    statuses: Option<(i64, i64)>,
) -> Result<Vec<HourOfRequests>> {
    let text = hours(tx, MATCHES.into());
    Ok(on!(tx, |conn| bind_filter!(sqlx::query_as(text), site, filter, statuses).fetch_all(conn).await)?)
}

/// For a global transaction: the calls of all sites of an organization.
pub(super) async fn organization_per_hour(
    tx: &mut Tx,
    organization: Uuid,
    TimeRange { from, to }: TimeRange,
) -> Result<Vec<HourOfRequests>> {
    let text = hours(tx, [OF_ORGANIZATION, " AND created_at >= $2 AND created_at < $3"].into());
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(organization).bind(from).bind(to).fetch_all(conn).await)?)
}

/// Counts the calls that match a condition per hour.
fn hours(tx: &Tx, condition: Fragment) -> SqlText {
    sql!(
        "SELECT ",
        db::hour_of(tx, "created_at"),
        " AS hour, COUNT(*) AS requests,
         COUNT(CASE WHEN status_code BETWEEN 400 AND 499 THEN 1 END) AS refused,
         COUNT(CASE WHEN status_code >= 500 THEN 1 END) AS failed,
         CAST(ROUND(AVG(response_time_ms)) AS BIGINT) AS response_time_ms
         FROM module_external_requests WHERE ",
        condition,
        " GROUP BY 1 ORDER BY 1"
    )
}

/// For a global transaction: the calls that were logged after the one with this id, oldest first.
pub(super) async fn after(tx: &mut Tx, id: Uuid, most: i64) -> Result<Vec<LoggedRequest>> {
    let text = "SELECT * FROM module_external_requests WHERE id > $1 ORDER BY id LIMIT $2";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(id).bind(most).fetch_all(conn).await)?)
}

/// For a global transaction: adds refusals to the hour of their module, if there is such a module.
pub(super) async fn add_refusals(tx: &mut Tx, refusals: &RefusalCount) -> Result<()> {
    let text = sql!(
        "INSERT INTO module_refusals (site_id, module_id, hour, refused) SELECT site_id, id, $2, $3 FROM ",
        WITH_ID,
        " ON CONFLICT (module_id, hour) DO UPDATE SET refused = module_refusals.refused + excluded.refused"
    );
    execute!(tx, sqlx::query(text).bind(refusals.module).bind(refusals.hour).bind(refusals.count))?;
    Ok(())
}

/// The refusals without a line per hour, of a site or one of its modules.
pub(super) async fn refusals_per_hour(
    tx: &mut Tx,
    site: Uuid,
    module: Option<Uuid>,
    TimeRange { from, to }: TimeRange,
) -> Result<Vec<(String, i64)>> {
    let text =
        refusals(tx, "site_id = $1 AND ($2 IS NULL OR module_id = $2) AND hour >= $3 AND hour < $4".into());
    Ok(on!(tx, |conn| sqlx::query_as(text)
        .bind(site)
        .bind(module)
        .bind(from)
        .bind(to)
        .fetch_all(conn)
        .await)?)
}

/// The same of all sites of an organization; for a global transaction.
pub(super) async fn organization_refusals_per_hour(
    tx: &mut Tx,
    organization: Uuid,
    TimeRange { from, to }: TimeRange,
) -> Result<Vec<(String, i64)>> {
    let text = refusals(tx, [OF_ORGANIZATION, " AND hour >= $2 AND hour < $3"].into());
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(organization).bind(from).bind(to).fetch_all(conn).await)?)
}

/// Sums the refusals that match a condition per hour.
fn refusals(tx: &Tx, condition: Fragment) -> SqlText {
    sql!(
        "SELECT ",
        db::hour_of(tx, "hour"),
        ", CAST(SUM(refused) AS BIGINT) FROM module_refusals WHERE ",
        condition,
        " GROUP BY 1"
    )
}

/// For a global transaction: deletes the counts of hours before a time.
pub(super) async fn prune_refusals(tx: &mut Tx, before: DateTime<Utc>) -> Result<()> {
    execute!(tx, sqlx::query("DELETE FROM module_refusals WHERE hour < $1").bind(before))?;
    Ok(())
}

/// For a global transaction: deletes some of the calls before a time; returns how many.
pub(super) async fn prune(tx: &mut Tx, before: DateTime<Utc>, most: i64) -> Result<u64> {
    let text = "DELETE FROM module_external_requests WHERE id IN
         (SELECT id FROM module_external_requests WHERE created_at < $1 ORDER BY created_at LIMIT $2)";
    Ok(execute!(tx, sqlx::query(text).bind(before).bind(most))?)
}
