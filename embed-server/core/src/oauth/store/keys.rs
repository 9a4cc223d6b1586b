//! The SQL of signing keys. All of it is for transactions that cross sites.

use chrono::{DateTime, Utc};
use embed_base::Result;
use embed_base::crypto::jwt::Jwk;
use embed_base::db::{Tx, execute, on};
use sqlx::FromRow;
use sqlx::types::Json;
use uuid::Uuid;

/// A row of `oauth_signing_keys`.
#[derive(Clone, Debug, FromRow)]
pub(in crate::oauth) struct StoredKey {
    pub id: Uuid,
    pub kid: String,
    pub private_key: Vec<u8>,
    pub public_jwk: Json<Jwk>,
    pub published_at: DateTime<Utc>,
    pub signs_from: Option<DateTime<Utc>>,
    pub retired_at: Option<DateTime<Utc>>,
}

impl StoredKey {
    /// Whether it signs now, if no newer one does.
    pub fn signs(&self) -> bool {
        self.signs_from.is_some() && self.retired_at.is_none()
    }

    /// Whether it is published and does not sign yet.
    pub fn is_spare(&self) -> bool {
        self.signs_from.is_none() && self.retired_at.is_none()
    }
}

/// All keys, the one that began to sign last at the end.
pub(in crate::oauth) async fn keys(tx: &mut Tx) -> Result<Vec<StoredKey>> {
    let text = "SELECT * FROM oauth_signing_keys ORDER BY signs_from, published_at";
    Ok(on!(tx, |conn| sqlx::query_as(text).fetch_all(conn).await)?)
}

/// The same, for a transaction that changes them: another such waits until this one ends.
pub(in crate::oauth) async fn keys_to_change(tx: &mut Tx) -> Result<Vec<StoredKey>> {
    execute!(tx, sqlx::query("UPDATE oauth_signing_keys SET kid = kid"))?;
    keys(tx).await
}

/// Inserts a key; `false` where there is one of this id.
pub(in crate::oauth) async fn insert_key(tx: &mut Tx, key: &StoredKey) -> Result<bool> {
    let text = "INSERT INTO oauth_signing_keys (id, kid, private_key, public_jwk, published_at, signs_from)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING";
    let inserted = execute!(
        tx,
        sqlx::query(text)
            .bind(key.id)
            .bind(&key.kid)
            .bind(&key.private_key)
            .bind(&key.public_jwk)
            .bind(key.published_at)
            .bind(key.signs_from)
    )?;
    Ok(inserted == 1)
}

pub(in crate::oauth) async fn sign_from(tx: &mut Tx, id: Uuid, now: DateTime<Utc>) -> Result<()> {
    let text = "UPDATE oauth_signing_keys SET signs_from = $1 WHERE id = $2";
    execute!(tx, sqlx::query(text).bind(now).bind(id))?;
    Ok(())
}

pub(in crate::oauth) async fn retire_key(tx: &mut Tx, id: Uuid, now: DateTime<Utc>) -> Result<()> {
    let text = "UPDATE oauth_signing_keys SET retired_at = $1 WHERE id = $2";
    execute!(tx, sqlx::query(text).bind(now).bind(id))?;
    Ok(())
}

pub(in crate::oauth) async fn delete_key(tx: &mut Tx, id: Uuid) -> Result<()> {
    execute!(tx, sqlx::query("DELETE FROM oauth_signing_keys WHERE id = $1").bind(id))?;
    Ok(())
}

/// Deletes keys that were retired before `before`; returns how many.
pub(in crate::oauth) async fn prune_keys(tx: &mut Tx, before: DateTime<Utc>) -> Result<u64> {
    let text = "DELETE FROM oauth_signing_keys WHERE retired_at < $1";
    Ok(execute!(tx, sqlx::query(text).bind(before))?)
}
