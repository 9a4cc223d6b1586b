//! The SQL of API tokens.

use super::{ApiToken, TokenUses};
use crate::modules::BELONGS;
use chrono::{DateTime, Utc};
use embed_base::db::{Tx, execute, on, sql};
use embed_base::http::Paging;
use embed_base::{Code, Error, Result};
use uuid::Uuid;

/// Inserts a token if the module belongs to the site; the statement itself checks it, so that it cannot change
/// meanwhile.
pub(super) async fn insert(tx: &mut Tx, token: &ApiToken) -> Result<()> {
    let text = sql!(
        "INSERT INTO module_external_tokens
         (id, site_id, module_id, name, token_hash, token_prefix, scopes, allowed_domains, allowed_ips, rate_limit,
          expires_at, created_by, created_at)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13
         FROM (SELECT $2 AS site_id, $3 AS module_id) AS added WHERE ",
        BELONGS
    );
    let inserted = execute!(
        tx,
        sqlx::query(text)
            .bind(token.id)
            .bind(token.site_id)
            .bind(token.module_id)
            .bind(&token.name)
            .bind(&token.token_hash)
            .bind(&token.token_prefix)
            .bind(&token.scopes)
            .bind(&token.allowed_domains)
            .bind(&token.allowed_ips)
            .bind(token.rate_limit)
            .bind(token.expires_at)
            .bind(token.created_by)
            .bind(token.created_at)
    )?;
    if inserted == 0 {
        let (site, module) = (token.site_id, token.module_id);
        let detail = format!(
            "Site {site} has no module {module}. `embed-server module list --site {site}` lists its modules."
        );
        return Err(Error::new(Code::ModuleNotFound, detail));
    }
    Ok(())
}

pub(super) async fn list(tx: &mut Tx, site: Uuid, module: Uuid) -> Result<Vec<ApiToken>> {
    let text = "SELECT * FROM module_external_tokens WHERE site_id = $1 AND module_id = $2 ORDER BY id DESC";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(site).bind(module).fetch_all(conn).await)?)
}

pub(super) async fn page(tx: &mut Tx, site: Uuid, paging: &Paging<ApiToken>) -> Result<Vec<ApiToken>> {
    let text =
        "SELECT * FROM module_external_tokens WHERE site_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
    Ok(on!(tx, |conn| {
        sqlx::query_as(text).bind(site).bind(paging.before()).bind(paging.reads()).fetch_all(conn).await
    })?)
}

pub(super) async fn find(tx: &mut Tx, site: Uuid, id: Uuid) -> Result<Option<ApiToken>> {
    let text = "SELECT * FROM module_external_tokens WHERE site_id = $1 AND id = $2";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(site).bind(id).fetch_optional(conn).await)?)
}

/// For a global transaction: the token with this id in any site.
pub(super) async fn find_anywhere(tx: &mut Tx, id: Uuid) -> Result<Option<ApiToken>> {
    let text = "SELECT * FROM module_external_tokens WHERE id = $1";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(id).fetch_optional(conn).await)?)
}

/// For a global transaction: the token whose secret has this hash.
pub(super) async fn find_by_hash(tx: &mut Tx, hash: &str) -> Result<Option<ApiToken>> {
    let text = "SELECT * FROM module_external_tokens WHERE token_hash = $1";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(hash).fetch_optional(conn).await)?)
}

pub(super) async fn revoke(tx: &mut Tx, site: Uuid, id: Uuid, now: DateTime<Utc>) -> Result<()> {
    let text = "UPDATE module_external_tokens SET revoked_at = $1 WHERE site_id = $2 AND id = $3";
    execute!(tx, sqlx::query(text).bind(now).bind(site).bind(id))?;
    Ok(())
}

/// Sets the end of a rotated token; `false` where it was revoked or rotated before.
pub(super) async fn replace(
    tx: &mut Tx,
    site: Uuid,
    id: Uuid,
    (now, end): (DateTime<Utc>, DateTime<Utc>),
) -> Result<bool> {
    let text = "UPDATE module_external_tokens SET replaced_at = $1, expires_at = $2
         WHERE site_id = $3 AND id = $4 AND revoked_at IS NULL AND replaced_at IS NULL";
    Ok(execute!(tx, sqlx::query(text).bind(now).bind(end).bind(site).bind(id))? == 1)
}

/// For a global transaction: deletes tokens that ended before `before`; returns how many.
pub(super) async fn prune(tx: &mut Tx, before: DateTime<Utc>) -> Result<u64> {
    let text = "DELETE FROM module_external_tokens WHERE expires_at < $1 OR revoked_at < $1";
    Ok(execute!(tx, sqlx::query(text).bind(before))?)
}

/// For a global transaction.
pub(super) async fn count_uses(tx: &mut Tx, token: Uuid, uses: &TokenUses) -> Result<()> {
    let text = "UPDATE module_external_tokens SET usage_count = usage_count + $1,
         last_used_at = CASE WHEN last_used_at > $2 THEN last_used_at ELSE $2 END WHERE id = $3";
    execute!(tx, sqlx::query(text).bind(uses.times).bind(uses.last).bind(token))?;
    Ok(())
}
