//! The SQL of sites.

use super::Site;
use chrono::{DateTime, Utc};
use embed_base::Result;
use embed_base::db::{self, Tx, execute, on, sql};
use uuid::Uuid;

pub(super) async fn insert(tx: &mut Tx, site: &Site) -> Result<()> {
    let text =
        "INSERT INTO sites (id, organization_id, name, created_at, updated_at) VALUES ($1, $2, $3, $4, $5)";
    execute!(
        tx,
        sqlx::query(text)
            .bind(site.id)
            .bind(site.organization_id)
            .bind(&site.name)
            .bind(site.created_at)
            .bind(site.updated_at)
    )?;
    Ok(())
}

pub(super) async fn list(tx: &mut Tx, organization: Uuid) -> Result<Vec<Site>> {
    let text = "SELECT * FROM sites WHERE organization_id = $1 ORDER BY id";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(organization).fetch_all(conn).await)?)
}

/// For a global transaction: the sites of some organizations after an id.
pub(super) async fn page(tx: &mut Tx, organizations: &[Uuid], after: Uuid, most: i64) -> Result<Vec<Site>> {
    if organizations.is_empty() {
        return Ok(Vec::new());
    }
    let text = sql!(
        "SELECT * FROM sites WHERE id > $1 AND organization_id IN ",
        db::one_of(3, organizations.len()),
        " ORDER BY id LIMIT $2"
    );
    Ok(on!(tx, |conn| {
        let query = sqlx::query_as(text).bind(after).bind(most);
        organizations.iter().fold(query, |query, id| query.bind(*id)).fetch_all(conn).await
    })?)
}

pub(super) async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Site>> {
    let text = "SELECT * FROM sites WHERE id = $1";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(id).fetch_optional(conn).await)?)
}

pub(super) async fn rename(tx: &mut Tx, id: Uuid, name: &str, now: DateTime<Utc>) -> Result<bool> {
    let text = "UPDATE sites SET name = $1, updated_at = $2 WHERE id = $3";
    Ok(execute!(tx, sqlx::query(text).bind(name).bind(now).bind(id))? == 1)
}

/// Deletes a site, and by `ON DELETE CASCADE` what belongs to it; `false` where there was none.
pub(super) async fn delete(tx: &mut Tx, id: Uuid) -> Result<bool> {
    let text = "DELETE FROM sites WHERE id = $1";
    Ok(execute!(tx, sqlx::query(text).bind(id))? == 1)
}
