//! The SQL of the list of activity.

use super::ActivityEntry;
use chrono::{DateTime, Utc};
use embed_base::Result;
use embed_base::db::{Tx, execute, on};
use embed_base::http::Paging;
use uuid::Uuid;

pub(super) async fn page(
    tx: &mut Tx,
    site: Uuid,
    paging: &Paging<ActivityEntry>,
) -> Result<Vec<ActivityEntry>> {
    let text = "SELECT * FROM activity WHERE site_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
    Ok(on!(tx, |conn| {
        sqlx::query_as(text).bind(site).bind(paging.before()).bind(paging.reads()).fetch_all(conn).await
    })?)
}

/// For a global transaction.
pub(super) async fn organization_page(
    tx: &mut Tx,
    organization: Uuid,
    paging: &Paging<ActivityEntry>,
) -> Result<Vec<ActivityEntry>> {
    let text = "SELECT * FROM activity WHERE organization_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
    Ok(on!(tx, |conn| {
        let query = sqlx::query_as(text).bind(organization);
        query.bind(paging.before()).bind(paging.reads()).fetch_all(conn).await
    })?)
}

/// For a global transaction.
pub(super) async fn prune(tx: &mut Tx, before: DateTime<Utc>) -> Result<()> {
    execute!(tx, sqlx::query("DELETE FROM activity WHERE created_at < $1").bind(before))?;
    Ok(())
}
