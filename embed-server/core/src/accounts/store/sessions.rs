//! The SQL of sessions.

use super::StoredUser;
use crate::accounts::email::Email;
use crate::accounts::sessions::Session;
use chrono::{DateTime, Utc};
use embed_base::Result;
use embed_base::db::{Tx, execute, on};
use sqlx::FromRow;
use uuid::Uuid;

#[derive(FromRow)]
struct SessionOfUser {
    user_id: Uuid,
    email: Email,
    name: String,
    signed_in_at: Option<DateTime<Utc>>,
    #[sqlx(flatten)]
    session: Session,
}

pub(in crate::accounts) async fn insert_session(
    tx: &mut Tx,
    user: Uuid,
    session: &Session,
    hash: &str,
) -> Result<()> {
    let text = "INSERT INTO sessions (id, user_id, secret_hash, means, ip_address, user_agent, created_at, last_seen_at,
         expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    execute!(
        tx,
        sqlx::query(text)
            .bind(session.id)
            .bind(user)
            .bind(hash)
            .bind(&session.means)
            .bind(&session.ip_address)
            .bind(session.user_agent.as_deref())
            .bind(session.created_at)
            .bind(session.last_seen_at)
            .bind(session.expires_at)
    )?;
    Ok(())
}

/// The session with this secret, if it has not expired and was used after `idle`.
pub(in crate::accounts) async fn session(
    tx: &mut Tx,
    hash: &str,
    now: DateTime<Utc>,
    idle: DateTime<Utc>,
) -> Result<Option<(StoredUser, Session)>> {
    let text = "SELECT s.id, s.means, s.ip_address, s.user_agent, s.created_at, s.last_seen_at, s.expires_at,
         s.user_id, u.email, u.name, u.signed_in_at FROM sessions s JOIN users u ON u.id = s.user_id
         WHERE s.secret_hash = $1 AND s.expires_at > $2 AND s.last_seen_at > $3";
    let found: Option<SessionOfUser> =
        on!(tx, |conn| sqlx::query_as(text).bind(hash).bind(now).bind(idle).fetch_optional(conn).await)?;
    Ok(found.map(|SessionOfUser { user_id, email, name, signed_in_at, session }| {
        (StoredUser { id: user_id, email, name, signed_in_at }, session)
    }))
}

pub(in crate::accounts) async fn touch_session(tx: &mut Tx, id: Uuid, now: DateTime<Utc>) -> Result<()> {
    let text = "UPDATE sessions SET last_seen_at = $1 WHERE id = $2";
    execute!(tx, sqlx::query(text).bind(now).bind(id))?;
    Ok(())
}

pub(in crate::accounts) async fn sessions(
    tx: &mut Tx,
    user: Uuid,
    now: DateTime<Utc>,
    idle: DateTime<Utc>,
) -> Result<Vec<Session>> {
    let text = "SELECT id, means, ip_address, user_agent, created_at, last_seen_at, expires_at FROM sessions
         WHERE user_id = $1 AND expires_at > $2 AND last_seen_at > $3 ORDER BY last_seen_at DESC, id DESC";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(user).bind(now).bind(idle).fetch_all(conn).await)?)
}

/// Ends one of a person's sessions, or all; returns how many.
pub(in crate::accounts) async fn end_sessions(tx: &mut Tx, user: Uuid, id: Option<Uuid>) -> Result<u64> {
    match id {
        Some(id) => {
            let text = "DELETE FROM sessions WHERE user_id = $1 AND id = $2";
            Ok(execute!(tx, sqlx::query(text).bind(user).bind(id))?)
        }
        None => Ok(execute!(tx, sqlx::query("DELETE FROM sessions WHERE user_id = $1").bind(user))?),
    }
}

/// Deletes what has expired, and what was not used after `idle`.
pub(in crate::accounts) async fn prune_sessions(
    tx: &mut Tx,
    now: DateTime<Utc>,
    idle: DateTime<Utc>,
) -> Result<()> {
    let text = "DELETE FROM sessions WHERE expires_at < $1 OR last_seen_at < $2";
    execute!(tx, sqlx::query(text).bind(now).bind(idle))?;
    Ok(())
}
