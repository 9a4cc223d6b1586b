//! The SQL of families, and of the codes and refresh tokens that name them.

use chrono::{DateTime, Utc};
use embed_base::Result;
use embed_base::db::{Tx, execute, on};
use embed_base::http::ScopeSet;
use sqlx::FromRow;
use sqlx::types::Json;
use uuid::Uuid;

/// What a family and its grant are worth.
#[derive(Clone, Debug)]
pub(in crate::oauth) struct Standing {
    pub grant_id: Uuid,
    pub client: String,
    pub redirect_uri: String,
    pub user_id: Option<Uuid>,
    /// What the family was given and the grant still has.
    pub scopes: ScopeSet,
    /// When the family ends at the latest.
    pub expires_at: DateTime<Utc>,
    ended: bool,
}

impl Standing {
    /// Whether neither the grant nor the family was revoked.
    pub fn counts(&self) -> bool {
        !self.ended
    }
}

#[derive(FromRow)]
struct StandingRow {
    id: Uuid,
    client: String,
    redirect_uri: String,
    user_id: Option<Uuid>,
    scopes: Json<ScopeSet>,
    family_scopes: Option<Json<ScopeSet>>,
    expires_at: Option<DateTime<Utc>>,
    grant_revoked_at: Option<DateTime<Utc>>,
    family_revoked_at: Option<DateTime<Utc>>,
}

impl From<StandingRow> for Standing {
    /// A client's own tokens have a family of which nothing is stored until it is revoked.
    fn from(row: StandingRow) -> Self {
        let missing = row.family_scopes.is_none() && row.user_id.is_some();
        Self {
            grant_id: row.id,
            client: row.client,
            redirect_uri: row.redirect_uri,
            user_id: row.user_id,
            scopes: match row.family_scopes {
                Some(given) => given.shared_with(&row.scopes),
                None => row.scopes.0,
            },
            expires_at: row.expires_at.unwrap_or(DateTime::<Utc>::MAX_UTC),
            ended: missing || row.grant_revoked_at.is_some() || row.family_revoked_at.is_some(),
        }
    }
}

/// What a grant and one of its families are worth; `None` where there is no such grant.
pub(in crate::oauth) async fn standing(
    tx: &mut Tx,
    site: Uuid,
    grant: Uuid,
    family: Uuid,
) -> Result<Option<Standing>> {
    let text = "SELECT g.id, g.client, COALESCE(c.redirect_uri, g.redirect_uri) AS redirect_uri, g.user_id, g.scopes, g.revoked_at AS grant_revoked_at,
         f.scopes AS family_scopes, f.expires_at, f.revoked_at AS family_revoked_at
         FROM module_oauth_grants g LEFT JOIN module_oauth_families f ON f.grant_id = g.id AND f.id = $3
         LEFT JOIN module_oauth_codes c ON c.family_id = f.id
         WHERE g.site_id = $1 AND g.id = $2";
    let found: Option<StandingRow> = on!(tx, |conn| {
        sqlx::query_as(text).bind(site).bind(grant).bind(family).fetch_optional(conn).await
    })?;
    Ok(found.map(Standing::from))
}

/// What a family and its grant are worth; `None` where there is no such family.
pub(in crate::oauth) async fn standing_of_family(
    tx: &mut Tx,
    site: Uuid,
    family: Uuid,
) -> Result<Option<Standing>> {
    let text = "SELECT grant_id FROM module_oauth_families WHERE site_id = $1 AND id = $2";
    let grant: Option<Uuid> =
        on!(tx, |conn| sqlx::query_scalar(text).bind(site).bind(family).fetch_optional(conn).await)?;
    match grant {
        Some(grant) => standing(tx, site, grant, family).await,
        None => Ok(None),
    }
}

pub(in crate::oauth) async fn insert_family(
    tx: &mut Tx,
    site: Uuid,
    (id, grant): (Uuid, Uuid),
    scopes: &ScopeSet,
    (now, end): (DateTime<Utc>, DateTime<Utc>),
) -> Result<()> {
    let text = "INSERT INTO module_oauth_families (id, site_id, grant_id, scopes, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)";
    execute!(tx, sqlx::query(text).bind(id).bind(site).bind(grant).bind(Json(scopes)).bind(now).bind(end))?;
    Ok(())
}

/// Revokes a family; `false` where it was before.
pub(in crate::oauth) async fn revoke_family(
    tx: &mut Tx,
    site: Uuid,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<bool> {
    let text = "UPDATE module_oauth_families SET revoked_at = $1 WHERE site_id = $2 AND id = $3 AND revoked_at IS NULL";
    Ok(execute!(tx, sqlx::query(text).bind(now).bind(site).bind(id))? == 1)
}

/// Stores the family of a client's own token as revoked.
pub(in crate::oauth) async fn insert_revoked_family(
    tx: &mut Tx,
    site: Uuid,
    (id, grant): (Uuid, Uuid),
    (now, end): (DateTime<Utc>, DateTime<Utc>),
) -> Result<()> {
    let text = "INSERT INTO module_oauth_families (id, site_id, grant_id, created_at, expires_at, revoked_at)
         VALUES ($1, $2, $3, $4, $5, $4) ON CONFLICT (id) DO NOTHING";
    execute!(tx, sqlx::query(text).bind(id).bind(site).bind(grant).bind(now).bind(end))?;
    Ok(())
}

/// A row of `module_oauth_codes`.
#[derive(Clone, Debug, FromRow)]
pub(in crate::oauth) struct StoredCode {
    pub code_hash: String,
    pub site_id: Uuid,
    pub family_id: Uuid,
    pub redirect_uri: String,
    pub resource: String,
    pub challenge: String,
    pub answer: Option<Vec<u8>>,
    pub expires_at: DateTime<Utc>,
    pub used_at: Option<DateTime<Utc>>,
}

pub(in crate::oauth) async fn insert_code(tx: &mut Tx, code: &StoredCode) -> Result<()> {
    let text = "INSERT INTO module_oauth_codes (code_hash, site_id, family_id, redirect_uri, resource, challenge, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)";
    execute!(
        tx,
        sqlx::query(text)
            .bind(&code.code_hash)
            .bind(code.site_id)
            .bind(code.family_id)
            .bind(&code.redirect_uri)
            .bind(&code.resource)
            .bind(&code.challenge)
            .bind(code.expires_at)
    )?;
    Ok(())
}

pub(in crate::oauth) async fn code(tx: &mut Tx, site: Uuid, hash: &str) -> Result<Option<StoredCode>> {
    let text = "SELECT * FROM module_oauth_codes WHERE site_id = $1 AND code_hash = $2";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(site).bind(hash).fetch_optional(conn).await)?)
}

/// Marks a code as used; `false` where it was before.
pub(in crate::oauth) async fn use_code(
    tx: &mut Tx,
    site: Uuid,
    hash: &str,
    now: DateTime<Utc>,
) -> Result<bool> {
    let text = "UPDATE module_oauth_codes SET used_at = $1 WHERE site_id = $2 AND code_hash = $3 AND used_at IS NULL";
    Ok(execute!(tx, sqlx::query(text).bind(now).bind(site).bind(hash))? == 1)
}

pub(in crate::oauth) async fn answer_code(tx: &mut Tx, site: Uuid, hash: &str, answer: &[u8]) -> Result<()> {
    let text = "UPDATE module_oauth_codes SET answer = $1 WHERE site_id = $2 AND code_hash = $3";
    execute!(tx, sqlx::query(text).bind(answer).bind(site).bind(hash))?;
    Ok(())
}

/// A row of `module_oauth_refresh_tokens`.
#[derive(Clone, Debug, FromRow)]
pub(in crate::oauth) struct StoredRefresh {
    pub family_id: Uuid,
    pub answer: Option<Vec<u8>>,
    pub expires_at: DateTime<Utc>,
    pub used_at: Option<DateTime<Utc>>,
}

pub(in crate::oauth) async fn insert_refresh(
    tx: &mut Tx,
    (site, family): (Uuid, Uuid),
    hash: &str,
    parent: Option<&str>,
    end: DateTime<Utc>,
) -> Result<()> {
    let text =
        "INSERT INTO module_oauth_refresh_tokens (token_hash, site_id, family_id, parent_hash, expires_at)
         VALUES ($1, $2, $3, $4, $5)";
    execute!(tx, sqlx::query(text).bind(hash).bind(site).bind(family).bind(parent).bind(end))?;
    Ok(())
}

pub(in crate::oauth) async fn refresh(tx: &mut Tx, site: Uuid, hash: &str) -> Result<Option<StoredRefresh>> {
    let text = "SELECT family_id, answer, expires_at, used_at FROM module_oauth_refresh_tokens
         WHERE site_id = $1 AND token_hash = $2";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(site).bind(hash).fetch_optional(conn).await)?)
}

/// Marks a refresh token as used; `false` where it was before.
pub(in crate::oauth) async fn use_refresh(
    tx: &mut Tx,
    site: Uuid,
    hash: &str,
    now: DateTime<Utc>,
) -> Result<bool> {
    let text = "UPDATE module_oauth_refresh_tokens SET used_at = $1
         WHERE site_id = $2 AND token_hash = $3 AND used_at IS NULL";
    Ok(execute!(tx, sqlx::query(text).bind(now).bind(site).bind(hash))? == 1)
}

pub(in crate::oauth) async fn answer_refresh(
    tx: &mut Tx,
    site: Uuid,
    hash: &str,
    answer: &[u8],
) -> Result<()> {
    let text = "UPDATE module_oauth_refresh_tokens SET answer = $1 WHERE site_id = $2 AND token_hash = $3";
    execute!(tx, sqlx::query(text).bind(answer).bind(site).bind(hash))?;
    Ok(())
}

/// Whether the refresh token that followed this one is unused.
pub(in crate::oauth) async fn child_is_unused(tx: &mut Tx, site: Uuid, parent: &str) -> Result<bool> {
    let text = "SELECT COUNT(*) FROM module_oauth_refresh_tokens
         WHERE site_id = $1 AND parent_hash = $2 AND used_at IS NULL";
    let unused: i64 = on!(tx, |conn| sqlx::query_scalar(text).bind(site).bind(parent).fetch_one(conn).await)?;
    Ok(unused == 1)
}

/// Whether the refresh token that came with a family's code is unused.
pub(in crate::oauth) async fn first_refresh_is_unused(tx: &mut Tx, site: Uuid, family: Uuid) -> Result<bool> {
    let text = "SELECT COUNT(*) FROM module_oauth_refresh_tokens
         WHERE site_id = $1 AND family_id = $2 AND parent_hash IS NULL AND used_at IS NULL";
    let unused: i64 = on!(tx, |conn| sqlx::query_scalar(text).bind(site).bind(family).fetch_one(conn).await)?;
    Ok(unused == 1)
}

/// For a global transaction: deletes what ended before `before`; a used code or token goes with its family. Returns how
/// many rows.
pub(in crate::oauth) async fn prune(tx: &mut Tx, before: DateTime<Utc>) -> Result<u64> {
    let families = "DELETE FROM module_oauth_families WHERE expires_at < $1
         OR id IN (SELECT family_id FROM module_oauth_codes WHERE used_at IS NULL AND expires_at < $1)";
    let unused = "DELETE FROM module_oauth_refresh_tokens WHERE used_at IS NULL AND expires_at < $1";
    let grants = "DELETE FROM module_oauth_grants WHERE revoked_at < $1
         AND NOT EXISTS (SELECT 1 FROM module_oauth_families f WHERE f.grant_id = module_oauth_grants.id)";
    let mut pruned = 0;
    for text in [families, unused, grants] {
        pruned += execute!(&mut *tx, sqlx::query(text).bind(before))?;
    }
    Ok(pruned)
}
