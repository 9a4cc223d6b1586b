//! The SQL of sessions, and of the codes and links that begin them.

use super::StoredUser;
use crate::accounts::email::Email;
use crate::accounts::links::StoredLink;
use crate::accounts::sessions::Session;
use crate::accounts::sign_in::{StoredCode, TRIES};
use chrono::{DateTime, Utc};
use embed_base::Result;
use embed_base::db::{Tx, execute, on};
use sqlx::FromRow;
use uuid::Uuid;

/// When something was created, and when it expires.
type Span = (DateTime<Utc>, DateTime<Utc>);

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

pub(in crate::accounts) async fn insert_code(
    tx: &mut Tx,
    id: Uuid,
    email: &Email,
    hash: &str,
    (created_at, expires_at): Span,
) -> Result<()> {
    let text = "INSERT INTO sign_in_codes (id, email, code_hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)";
    execute!(tx, sqlx::query(text).bind(id).bind(email).bind(hash).bind(created_at).bind(expires_at))?;
    Ok(())
}

/// Counts a guess and returns the stored code; `None` where it allows no more guesses.
pub(in crate::accounts) async fn try_code(
    tx: &mut Tx,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<StoredCode>> {
    let text = "UPDATE sign_in_codes SET tries = tries + 1
         WHERE id = $1 AND tries < $2 AND used_at IS NULL AND expires_at > $3 RETURNING email, code_hash";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(id).bind(TRIES).bind(now).fetch_optional(conn).await)?)
}

/// Marks the code as used; `false` where it was already.
pub(in crate::accounts) async fn use_code(tx: &mut Tx, id: Uuid, now: DateTime<Utc>) -> Result<bool> {
    let text = "UPDATE sign_in_codes SET used_at = $1 WHERE id = $2 AND used_at IS NULL";
    Ok(execute!(tx, sqlx::query(text).bind(now).bind(id))? == 1)
}

pub(in crate::accounts) async fn insert_link(
    tx: &mut Tx,
    user: Option<Uuid>,
    hash: &str,
    once: bool,
    (created_at, expires_at): Span,
) -> Result<()> {
    let text = "INSERT INTO sign_in_links (id, user_id, secret_hash, once, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)";
    execute!(
        tx,
        sqlx::query(text)
            .bind(Uuid::now_v7())
            .bind(user)
            .bind(hash)
            .bind(once)
            .bind(created_at)
            .bind(expires_at)
    )?;
    Ok(())
}

/// The link with this secret, if it is valid.
pub(in crate::accounts) async fn link(
    tx: &mut Tx,
    hash: &str,
    now: DateTime<Utc>,
) -> Result<Option<StoredLink>> {
    let text = "SELECT id, user_id, once FROM sign_in_links
         WHERE secret_hash = $1 AND expires_at > $2 AND used_at IS NULL";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(hash).bind(now).fetch_optional(conn).await)?)
}

/// Marks the link as used; `false` where it was already.
pub(in crate::accounts) async fn use_link(tx: &mut Tx, id: Uuid, now: DateTime<Utc>) -> Result<bool> {
    let text = "UPDATE sign_in_links SET used_at = $1 WHERE id = $2 AND used_at IS NULL";
    Ok(execute!(tx, sqlx::query(text).bind(now).bind(id))? == 1)
}

/// Deletes what has expired, sessions that were not used after `idle`, and personal tokens that ended before `ended`.
pub(in crate::accounts) async fn prune(
    tx: &mut Tx,
    now: DateTime<Utc>,
    (idle, ended): (DateTime<Utc>, DateTime<Utc>),
) -> Result<()> {
    execute!(tx, sqlx::query("DELETE FROM sign_in_codes WHERE expires_at < $1").bind(now))?;
    execute!(tx, sqlx::query("DELETE FROM sign_in_links WHERE expires_at < $1").bind(now))?;
    let text = "DELETE FROM sessions WHERE expires_at < $1 OR last_seen_at < $2";
    execute!(tx, sqlx::query(text).bind(now).bind(idle))?;
    let text = "DELETE FROM user_tokens WHERE expires_at < $1 OR revoked_at < $1";
    execute!(tx, sqlx::query(text).bind(ended))?;
    Ok(())
}
