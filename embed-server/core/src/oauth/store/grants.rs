//! The SQL of grants.

use crate::oauth::Client;
use crate::sites::OF_ORGANIZATION;
use chrono::{DateTime, Utc};
use embed_base::Result;
use embed_base::db::{Tx, execute, on, sql};
use embed_base::http::ScopeSet;
use sqlx::FromRow;
use sqlx::types::Json;
use std::net::IpAddr;
use uuid::Uuid;

/// A row of `module_oauth_grants`.
#[derive(Clone, Debug, FromRow)]
pub(in crate::oauth) struct StoredGrant {
    pub id: Uuid,
    pub site_id: Uuid,
    pub module_id: Uuid,
    /// The client's public identifier.
    pub client: String,
    pub client_name: String,
    pub redirect_uri: String,
    /// The person; `None` for the client itself.
    pub user_id: Option<Uuid>,
    pub scopes: Json<ScopeSet>,
    pub consented_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
    pub last_address: Option<String>,
}

/// Holds a client's grants until the transaction ends, so that of two at once one is made.
pub(in crate::oauth) async fn lock_grants(tx: &mut Tx, client: &str) -> Result<()> {
    let text = "UPDATE module_oauth_clients SET client_id = client_id WHERE client_id = $1";
    execute!(tx, sqlx::query(text).bind(client))?;
    Ok(())
}

/// The grant that a person has given a client and that was not revoked.
pub(in crate::oauth) async fn grant_of(tx: &mut Tx, client: &str, user: Uuid) -> Result<Option<StoredGrant>> {
    let text = "SELECT * FROM module_oauth_grants WHERE client = $1 AND user_id = $2 AND revoked_at IS NULL
         ORDER BY created_at DESC LIMIT 1";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(client).bind(user).fetch_optional(conn).await)?)
}

pub(in crate::oauth) async fn insert_grant(tx: &mut Tx, grant: &StoredGrant) -> Result<()> {
    let text =
        "INSERT INTO module_oauth_grants (id, site_id, module_id, client, client_name, redirect_uri, user_id,
         scopes, consented_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    execute!(
        tx,
        sqlx::query(text)
            .bind(grant.id)
            .bind(grant.site_id)
            .bind(grant.module_id)
            .bind(&grant.client)
            .bind(&grant.client_name)
            .bind(&grant.redirect_uri)
            .bind(grant.user_id)
            .bind(&grant.scopes)
            .bind(grant.consented_at)
            .bind(grant.created_at)
    )?;
    Ok(())
}

/// Writes what a person has allowed anew: scopes, and whose name and address they saw.
pub(in crate::oauth) async fn widen_grant(tx: &mut Tx, grant: &StoredGrant) -> Result<()> {
    let text =
        "UPDATE module_oauth_grants SET scopes = $1, consented_at = $2, client_name = $3, redirect_uri = $4
         WHERE site_id = $5 AND id = $6";
    execute!(
        tx,
        sqlx::query(text)
            .bind(&grant.scopes)
            .bind(grant.consented_at)
            .bind(&grant.client_name)
            .bind(&grant.redirect_uri)
            .bind(grant.site_id)
            .bind(grant.id)
    )?;
    Ok(())
}

/// The id of the grant of a client's own tokens, which is made as `id` where there is none.
pub(in crate::oauth) async fn own_grant(
    tx: &mut Tx,
    client: &Client,
    id: Uuid,
    scopes: &ScopeSet,
    now: DateTime<Utc>,
) -> Result<Uuid> {
    let text = "SELECT id FROM module_oauth_grants
         WHERE site_id = $1 AND client = $2 AND user_id IS NULL AND revoked_at IS NULL ORDER BY created_at LIMIT 1";
    let found: Option<Uuid> = on!(tx, |conn| {
        sqlx::query_scalar(text).bind(client.site_id).bind(&client.client_id).fetch_optional(conn).await
    })?;
    if let Some(found) = found {
        let text = "UPDATE module_oauth_grants SET scopes = $1 WHERE site_id = $2 AND id = $3";
        execute!(tx, sqlx::query(text).bind(Json(scopes)).bind(client.site_id).bind(found))?;
        return Ok(found);
    }
    let grant = StoredGrant {
        id,
        site_id: client.site_id,
        module_id: client.module_id,
        client: client.client_id.clone(),
        client_name: client.name.clone(),
        redirect_uri: String::new(),
        user_id: None,
        scopes: Json(scopes.clone()),
        consented_at: None,
        created_at: now,
        last_used_at: None,
        last_address: None,
    };
    insert_grant(tx, &grant).await?;
    Ok(id)
}

pub(in crate::oauth) async fn use_grant(
    tx: &mut Tx,
    site: Uuid,
    grant: Uuid,
    now: DateTime<Utc>,
    address: IpAddr,
) -> Result<()> {
    let text =
        "UPDATE module_oauth_grants SET last_used_at = $1, last_address = $2 WHERE site_id = $3 AND id = $4";
    execute!(tx, sqlx::query(text).bind(now).bind(address.to_string()).bind(site).bind(grant))?;
    Ok(())
}

/// For a global transaction: the clients of a module that are not switched off.
pub(in crate::oauth) async fn clients_of_module(tx: &mut Tx, module: Uuid) -> Result<Vec<Client>> {
    let text = "SELECT * FROM module_oauth_clients WHERE module_id = $1 AND disabled_at IS NULL";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(module).fetch_all(conn).await)?)
}

/// For a global transaction: a person's grants that were not revoked, newest first.
pub(in crate::oauth) async fn grants_of(tx: &mut Tx, user: Uuid, most: i64) -> Result<Vec<StoredGrant>> {
    let text = "SELECT * FROM module_oauth_grants WHERE user_id = $1 AND revoked_at IS NULL
         ORDER BY created_at DESC LIMIT $2";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(user).bind(most).fetch_all(conn).await)?)
}

/// For a transaction of the organization: a person's grants on its sites that were not revoked.
pub(in crate::oauth) async fn grants_in(
    tx: &mut Tx,
    user: Uuid,
    organization: Uuid,
) -> Result<Vec<StoredGrant>> {
    let text = sql!(
        "SELECT * FROM module_oauth_grants WHERE user_id = $2 AND revoked_at IS NULL AND ",
        OF_ORGANIZATION
    );
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(organization).bind(user).fetch_all(conn).await)?)
}

/// The grants on a module before an id that were not revoked, newest first.
pub(in crate::oauth) async fn grants_on(
    tx: &mut Tx,
    (site, module): (Uuid, Uuid),
    before: Uuid,
    most: i64,
) -> Result<Vec<StoredGrant>> {
    let text = "SELECT * FROM module_oauth_grants
         WHERE site_id = $1 AND module_id = $2 AND id < $3 AND revoked_at IS NULL ORDER BY id DESC LIMIT $4";
    Ok(on!(tx, |conn| {
        sqlx::query_as(text).bind(site).bind(module).bind(before).bind(most).fetch_all(conn).await
    })?)
}

pub(in crate::oauth) async fn grant(tx: &mut Tx, site: Uuid, id: Uuid) -> Result<Option<StoredGrant>> {
    let text = "SELECT * FROM module_oauth_grants WHERE site_id = $1 AND id = $2";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(site).bind(id).fetch_optional(conn).await)?)
}

/// Revokes a grant; `false` where it was before.
pub(in crate::oauth) async fn revoke_grant(
    tx: &mut Tx,
    site: Uuid,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<bool> {
    let text = "UPDATE module_oauth_grants SET revoked_at = $1 WHERE site_id = $2 AND id = $3 AND revoked_at IS NULL";
    Ok(execute!(tx, sqlx::query(text).bind(now).bind(site).bind(id))? == 1)
}
