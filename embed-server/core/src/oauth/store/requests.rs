//! The SQL of authorization requests. All of it is for transactions that cross sites.

use crate::oauth::request::{AuthorizationRequest, WAITING};
use chrono::{DateTime, Utc};
use embed_base::Result;
use embed_base::db::{Tx, execute, on};
use sqlx::FromRow;
use sqlx::types::Json;
use uuid::Uuid;

/// A row of `oauth_requests`.
#[derive(Clone, Debug, FromRow)]
pub(in crate::oauth) struct StoredRequest {
    pub handle_hash: String,
    /// The network that it came from.
    pub address: String,
    /// The session that has looked at it.
    pub session: Option<Uuid>,
    pub parameters: Json<AuthorizationRequest>,
    pub decided_by: Option<Uuid>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub decided_at: Option<DateTime<Utc>>,
    pub answer: Option<Vec<u8>>,
}

pub(in crate::oauth) async fn insert_request(tx: &mut Tx, request: &StoredRequest) -> Result<()> {
    let text =
        "INSERT INTO oauth_requests (handle_hash, address, session, parameters, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)";
    execute!(
        tx,
        sqlx::query(text)
            .bind(&request.handle_hash)
            .bind(&request.address)
            .bind(request.session)
            .bind(&request.parameters)
            .bind(request.created_at)
            .bind(request.expires_at)
    )?;
    Ok(())
}

/// Drops the oldest requests beyond [`WAITING`]: of a session, or of an address without one.
pub(in crate::oauth) async fn drop_older_requests(
    tx: &mut Tx,
    address: &str,
    session: Option<Uuid>,
) -> Result<()> {
    let of_session = "DELETE FROM oauth_requests WHERE session = $1 AND handle_hash NOT IN
         (SELECT handle_hash FROM oauth_requests WHERE session = $1 ORDER BY created_at DESC LIMIT $2)";
    let of_address =
        "DELETE FROM oauth_requests WHERE address = $1 AND session IS NULL AND handle_hash NOT IN
         (SELECT handle_hash FROM oauth_requests WHERE address = $1 AND session IS NULL
          ORDER BY created_at DESC LIMIT $2)";
    match session {
        Some(session) => execute!(tx, sqlx::query(of_session).bind(session).bind(WAITING))?,
        None => execute!(tx, sqlx::query(of_address).bind(address).bind(WAITING))?,
    };
    Ok(())
}

pub(in crate::oauth) async fn request(tx: &mut Tx, handle_hash: &str) -> Result<Option<StoredRequest>> {
    let text = "SELECT * FROM oauth_requests WHERE handle_hash = $1";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(handle_hash).fetch_optional(conn).await)?)
}

pub(in crate::oauth) async fn bind_request(tx: &mut Tx, handle_hash: &str, session: Uuid) -> Result<()> {
    let text = "UPDATE oauth_requests SET session = $1 WHERE handle_hash = $2";
    execute!(tx, sqlx::query(text).bind(session).bind(handle_hash))?;
    Ok(())
}

/// Marks a request as decided; `false` where it was before.
pub(in crate::oauth) async fn decide_request(
    tx: &mut Tx,
    handle_hash: &str,
    session: Uuid,
    now: DateTime<Utc>,
) -> Result<bool> {
    let text = "UPDATE oauth_requests SET decided_by = $1, decided_at = $2
         WHERE handle_hash = $3 AND decided_at IS NULL";
    Ok(execute!(tx, sqlx::query(text).bind(session).bind(now).bind(handle_hash))? == 1)
}

pub(in crate::oauth) async fn answer_request(tx: &mut Tx, handle_hash: &str, answer: &[u8]) -> Result<()> {
    let text = "UPDATE oauth_requests SET answer = $1 WHERE handle_hash = $2";
    execute!(tx, sqlx::query(text).bind(answer).bind(handle_hash))?;
    Ok(())
}

/// Deletes requests that expired before `before`; returns how many.
pub(in crate::oauth) async fn prune_requests(tx: &mut Tx, before: DateTime<Utc>) -> Result<u64> {
    let text = "DELETE FROM oauth_requests WHERE expires_at < $1";
    Ok(execute!(tx, sqlx::query(text).bind(before))?)
}
