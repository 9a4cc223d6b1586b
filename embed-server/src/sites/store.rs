//! The SQL of sites.

use super::Site;
use crate::db::{Tx, execute, on};
use crate::error::Result;
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

pub(super) async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Site>> {
    let text = "SELECT * FROM sites WHERE id = $1";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(id).fetch_optional(conn).await)?)
}

/// Whether there was such a site. What belongs to it goes by `ON DELETE CASCADE`.
pub(super) async fn delete(tx: &mut Tx, id: Uuid) -> Result<bool> {
    let text = "DELETE FROM sites WHERE id = $1";
    Ok(execute!(tx, sqlx::query(text).bind(id))? == 1)
}
