//! The SQL of clients, and of what their changes mean for grants.

use super::super::Client;
use super::super::clients::GrantsOf;
use crate::modules::BELONGS;
use chrono::{DateTime, Utc};
use embed_base::db::{Tx, execute, on, sql};
use embed_base::http::Paging;
use embed_base::{Code, Error, Result};
use uuid::Uuid;

/// For a global transaction: the client with this client id in any site.
pub(in crate::oauth) async fn client(tx: &mut Tx, client_id: &str) -> Result<Option<Client>> {
    let text = "SELECT * FROM module_oauth_clients WHERE client_id = $1";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(client_id).fetch_optional(conn).await)?)
}

pub(in crate::oauth) async fn find_client(
    tx: &mut Tx,
    site: Uuid,
    client_id: &str,
) -> Result<Option<Client>> {
    let text = "SELECT * FROM module_oauth_clients WHERE site_id = $1 AND client_id = $2";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(site).bind(client_id).fetch_optional(conn).await)?)
}

pub(in crate::oauth) async fn list_clients(tx: &mut Tx, site: Uuid, module: Uuid) -> Result<Vec<Client>> {
    let text = "SELECT * FROM module_oauth_clients WHERE site_id = $1 AND module_id = $2 ORDER BY id DESC";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(site).bind(module).fetch_all(conn).await)?)
}

pub(in crate::oauth) async fn client_page(
    tx: &mut Tx,
    site: Uuid,
    paging: &Paging<Client>,
) -> Result<Vec<Client>> {
    let text = "SELECT * FROM module_oauth_clients WHERE site_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
    Ok(on!(tx, |conn| {
        sqlx::query_as(text).bind(site).bind(paging.before()).bind(paging.reads()).fetch_all(conn).await
    })?)
}

pub(in crate::oauth) async fn count_clients(tx: &mut Tx, site: Uuid, module: Uuid) -> Result<i64> {
    let text = "SELECT COUNT(*) FROM module_oauth_clients WHERE site_id = $1 AND module_id = $2";
    Ok(on!(tx, |conn| sqlx::query_scalar(text).bind(site).bind(module).fetch_one(conn).await)?)
}

/// Inserts a client if the module belongs to the site; the statement itself checks it, so that it cannot change
/// meanwhile.
pub(in crate::oauth) async fn insert_client(tx: &mut Tx, client: &Client) -> Result<()> {
    let text = sql!(
        "INSERT INTO module_oauth_clients
         (id, site_id, module_id, name, client_id, client_secret_hash, redirect_uris, allowed_origins, scopes, homepage,
          privacy_url, terms_url, client_credentials, answers_by, created_by, created_at, updated_at)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17
         FROM (SELECT $2 AS site_id, $3 AS module_id) AS added WHERE ",
        BELONGS
    );
    let inserted = execute!(
        tx,
        sqlx::query(text)
            .bind(client.id)
            .bind(client.site_id)
            .bind(client.module_id)
            .bind(&client.name)
            .bind(&client.client_id)
            .bind(&client.client_secret_hash)
            .bind(&client.redirect_uris)
            .bind(&client.allowed_origins)
            .bind(&client.scopes)
            .bind(&client.homepage)
            .bind(&client.privacy_url)
            .bind(&client.terms_url)
            .bind(client.client_credentials)
            .bind(client.answers_by)
            .bind(client.created_by)
            .bind(client.created_at)
            .bind(client.updated_at)
    )?;
    if inserted == 0 {
        let (site, module) = (client.site_id, client.module_id);
        let detail = format!("Site {site} has no module {module} any more.");
        return Err(Error::new(Code::ModuleNotFound, detail));
    }
    Ok(())
}

/// Locks a client until the transaction ends, with `now` as the time of its change; `None` where there is no such client.
pub(in crate::oauth) async fn lock_client(
    tx: &mut Tx,
    site: Uuid,
    client_id: &str,
    now: DateTime<Utc>,
) -> Result<Option<Client>> {
    let text =
        "UPDATE module_oauth_clients SET updated_at = $1 WHERE site_id = $2 AND client_id = $3 RETURNING *";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(now).bind(site).bind(client_id).fetch_optional(conn).await)?)
}

/// Writes what can change of a client.
pub(in crate::oauth) async fn update_client(tx: &mut Tx, client: &Client) -> Result<()> {
    let text = "UPDATE module_oauth_clients SET
         name = $1, client_secret_hash = $2, previous_secret_hash = $3, previous_secret_until = $4, redirect_uris = $5,
         allowed_origins = $6, scopes = $7, homepage = $8, privacy_url = $9, terms_url = $10, client_credentials = $11,
         answers_by = $12, disabled_at = $13
         WHERE site_id = $14 AND client_id = $15";
    execute!(
        tx,
        sqlx::query(text)
            .bind(&client.name)
            .bind(&client.client_secret_hash)
            .bind(&client.previous_secret_hash)
            .bind(client.previous_secret_until)
            .bind(&client.redirect_uris)
            .bind(&client.allowed_origins)
            .bind(&client.scopes)
            .bind(&client.homepage)
            .bind(&client.privacy_url)
            .bind(&client.terms_url)
            .bind(client.client_credentials)
            .bind(client.answers_by)
            .bind(client.disabled_at)
            .bind(client.site_id)
            .bind(&client.client_id)
    )?;
    Ok(())
}

pub(in crate::oauth) async fn delete_client(tx: &mut Tx, site: Uuid, client_id: &str) -> Result<()> {
    let text = "DELETE FROM module_oauth_clients WHERE site_id = $1 AND client_id = $2";
    execute!(tx, sqlx::query(text).bind(site).bind(client_id))?;
    Ok(())
}

/// Lets no grant to a client remember consent any more.
pub(in crate::oauth) async fn forget_consent(tx: &mut Tx, site: Uuid, client_id: &str) -> Result<()> {
    let text = "UPDATE module_oauth_grants SET consented_at = NULL
         WHERE site_id = $1 AND client = $2 AND consented_at IS NOT NULL";
    execute!(tx, sqlx::query(text).bind(site).bind(client_id))?;
    Ok(())
}

/// Revokes grants to a client; the ids of those that were not revoked before.
pub(in crate::oauth) async fn revoke_grants(
    tx: &mut Tx,
    (site, client_id): (Uuid, &str),
    whose: GrantsOf,
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>> {
    let text = "UPDATE module_oauth_grants SET revoked_at = $1
         WHERE site_id = $2 AND client = $3 AND revoked_at IS NULL AND (user_id IS NULL OR $4) RETURNING id";
    let anybody = whose == GrantsOf::Anybody;
    Ok(on!(tx, |conn| {
        sqlx::query_scalar(text).bind(now).bind(site).bind(client_id).bind(anybody).fetch_all(conn).await
    })?)
}
