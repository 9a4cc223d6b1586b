//! The SQL of allowed domains.

use super::{AllowedDomain, DomainChanges};
use crate::modules::BELONGS;
use chrono::{DateTime, Utc};
use embed_base::db::{self, OnUnique, Tx, execute, on, sql};
use embed_base::{Code, Error, Result};
use sqlx::types::Json;
use uuid::Uuid;

/// Inserts a domain if the module belongs to the site; the statement itself checks it, so that it cannot change
/// meanwhile.
pub(super) async fn insert(tx: &mut Tx, domain: &AllowedDomain) -> Result<()> {
    let text = sql!(
        "INSERT INTO module_allowed_domains
         (id, site_id, module_id, domain, verified, verification_token, verified_at, verification_method, allow_embed,
          allow_api, embed_types, rate_limit, next_check_at, created_at, updated_at, ancestors)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16
         FROM (SELECT $2 AS site_id, $3 AS module_id) AS added WHERE ",
        BELONGS
    );
    let inserted = execute!(
        tx,
        sqlx::query(text)
            .bind(domain.id)
            .bind(domain.site_id)
            .bind(domain.module_id)
            .bind(&domain.domain)
            .bind(domain.verified)
            .bind(&domain.verification_token)
            .bind(domain.verified_at)
            .bind(&domain.verification_method)
            .bind(domain.allow_embed)
            .bind(domain.allow_api)
            .bind(&domain.embed_types)
            .bind(domain.rate_limit)
            .bind(domain.next_check_at)
            .bind(domain.created_at)
            .bind(domain.updated_at)
            .bind(&domain.ancestors)
    )
    .on_unique(&["site_id", "module_id", "domain"], || {
        Error::new(Code::DomainExists, format!("{} is already on the module's list.", domain.domain))
    })?;
    if inserted == 0 {
        let (site, module) = (domain.site_id, domain.module_id);
        let detail = format!(
            "Site {site} has no module {module}. `embed-server module list --site {site}` lists its modules."
        );
        return Err(Error::new(Code::ModuleNotFound, detail));
    }
    Ok(())
}

pub(super) async fn page(
    tx: &mut Tx,
    site: Uuid,
    module: Uuid,
    after: Uuid,
    most: i64,
) -> Result<Vec<AllowedDomain>> {
    let text = "SELECT * FROM module_allowed_domains WHERE site_id = $1 AND module_id = $2 AND id > $3
         ORDER BY id LIMIT $4";
    Ok(on!(tx, |conn| {
        sqlx::query_as(text).bind(site).bind(module).bind(after).bind(most).fetch_all(conn).await
    })?)
}

pub(super) async fn find(tx: &mut Tx, site: Uuid, id: Uuid) -> Result<Option<AllowedDomain>> {
    let text = "SELECT * FROM module_allowed_domains WHERE site_id = $1 AND id = $2";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(site).bind(id).fetch_optional(conn).await)?)
}

/// For a global transaction: the domain with this id in any site.
pub(super) async fn find_anywhere(tx: &mut Tx, id: Uuid) -> Result<Option<AllowedDomain>> {
    let text = "SELECT * FROM module_allowed_domains WHERE id = $1";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(id).fetch_optional(conn).await)?)
}

/// The module's domains among these texts: one lookup in the unique index for each text, whatever the length of the
/// list.
pub(super) async fn covering(
    tx: &mut Tx,
    site: Uuid,
    module: Uuid,
    texts: &[String],
) -> Result<Vec<AllowedDomain>> {
    let text = sql!(
        "SELECT * FROM module_allowed_domains WHERE site_id = $1 AND module_id = $2 AND domain IN ",
        db::one_of(3, texts.len())
    );
    Ok(on!(tx, |conn| {
        let query = sqlx::query_as(text).bind(site).bind(module);
        texts.iter().fold(query, |query, text| query.bind(text)).fetch_all(conn).await
    })?)
}

/// For a global transaction: domains that are due for a check, the longest due first; also those that are due after
/// `latest`, because the clock was set back.
pub(super) async fn due(
    tx: &mut Tx,
    (now, latest): (DateTime<Utc>, DateTime<Utc>),
    most: i64,
) -> Result<Vec<AllowedDomain>> {
    let text = "SELECT * FROM module_allowed_domains WHERE next_check_at <= $1 OR next_check_at > $3 ORDER BY next_check_at LIMIT $2";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(now).bind(most).bind(latest).fetch_all(conn).await)?)
}

/// Updates the state of verification; `false` where the row has changed since it was read.
pub(super) async fn update(tx: &mut Tx, domain: &AllowedDomain, read_at: DateTime<Utc>) -> Result<bool> {
    let text = "UPDATE module_allowed_domains SET
         verified = $1, verified_at = $2, verification_method = $3, last_proved_at = $4, last_checked_at = $5,
         last_error = $6, missing_since = $7, missing_days = $8, next_check_at = $9, updated_at = $10
         WHERE site_id = $11 AND id = $12 AND updated_at = $13";
    let updated = execute!(
        tx,
        sqlx::query(text)
            .bind(domain.verified)
            .bind(domain.verified_at)
            .bind(&domain.verification_method)
            .bind(domain.last_proved_at)
            .bind(domain.last_checked_at)
            .bind(&domain.last_error)
            .bind(domain.missing_since)
            .bind(domain.missing_days)
            .bind(domain.next_check_at)
            .bind(domain.updated_at)
            .bind(domain.site_id)
            .bind(domain.id)
            .bind(read_at)
    )?;
    Ok(updated == 1)
}

/// Updates the permissions of a domain's pages, but not its verification, which may change at the same time.
pub(super) async fn change(
    tx: &mut Tx,
    site: Uuid,
    id: Uuid,
    (changes, ancestors): (&DomainChanges, Option<Vec<String>>),
    now: DateTime<Utc>,
) -> Result<Option<AllowedDomain>> {
    let text = "UPDATE module_allowed_domains SET
         allow_embed = COALESCE($1, allow_embed), allow_api = COALESCE($2, allow_api),
         embed_types = COALESCE($3, embed_types), rate_limit = COALESCE($4, rate_limit),
         ancestors = COALESCE($5, ancestors), updated_at = $6
         WHERE site_id = $7 AND id = $8 RETURNING *";
    Ok(on!(tx, |conn| {
        sqlx::query_as(text)
            .bind(changes.allow_embed)
            .bind(changes.allow_api)
            .bind(changes.embed_types.as_ref().map(Json))
            .bind(changes.rate_limit.map(|limit| i64::from(limit.get())))
            .bind(ancestors.as_ref().map(Json))
            .bind(now)
            .bind(site)
            .bind(id)
            .fetch_optional(conn)
            .await
    })?)
}

pub(super) async fn delete(tx: &mut Tx, site: Uuid, id: Uuid) -> Result<Option<AllowedDomain>> {
    let text = "DELETE FROM module_allowed_domains WHERE site_id = $1 AND id = $2 RETURNING *";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(site).bind(id).fetch_optional(conn).await)?)
}
