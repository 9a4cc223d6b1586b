//! The SQL of codes and links.

use super::codes::{DAY, Mailbox, StoredCode, TRIES};
use super::links::StoredLink;
use crate::accounts::Email;
use chrono::{DateTime, Utc};
use embed_base::Result;
use embed_base::db::{Tx, execute, on};
use uuid::Uuid;

/// When something was created, and when it expires.
type Span = (DateTime<Utc>, DateTime<Utc>);

/// Counts codes and guesses for a mailbox, within a day from the first, and returns the sums. The row is locked until the
/// transaction ends.
pub(super) async fn count_for_mailbox(
    tx: &mut Tx,
    email: &Email,
    (codes, guesses): (i64, i64),
    now: DateTime<Utc>,
) -> Result<Mailbox> {
    let text = "INSERT INTO sign_in_mailboxes AS m (email, since, codes, guesses) VALUES ($1, $2, $4, $5)
         ON CONFLICT (email) DO UPDATE SET
           codes = CASE WHEN m.since > $3 AND m.since <= $2 THEN m.codes + $4 ELSE $4 END,
           guesses = CASE WHEN m.since > $3 AND m.since <= $2 THEN m.guesses + $5 ELSE $5 END,
           since = CASE WHEN m.since > $3 AND m.since <= $2 THEN m.since ELSE $2 END
         RETURNING since, codes, guesses";
    Ok(on!(tx, |conn| sqlx::query_as(text)
        .bind(email)
        .bind(now)
        .bind(now - DAY)
        .bind(codes)
        .bind(guesses)
        .fetch_one(conn)
        .await)?)
}

/// How many codes a network has requested for a mailbox since then.
pub(super) async fn codes_of_network(
    tx: &mut Tx,
    email: &Email,
    network: &str,
    since: DateTime<Utc>,
) -> Result<i64> {
    let text = "SELECT COUNT(*) FROM sign_in_codes WHERE email = $1 AND network = $2 AND created_at >= $3";
    Ok(on!(tx, |conn| sqlx::query_scalar(text).bind(email).bind(network).bind(since).fetch_one(conn).await)?)
}

pub(super) async fn insert_code(
    tx: &mut Tx,
    id: Uuid,
    code: &StoredCode,
    (browser_hash, network): (&str, &str),
    (created_at, expires_at): Span,
) -> Result<()> {
    let text =
        "INSERT INTO sign_in_codes (id, email, code_hash, browser_hash, network, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)";
    execute!(
        tx,
        sqlx::query(text)
            .bind(id)
            .bind(&code.email)
            .bind(&code.code_hash)
            .bind(browser_hash)
            .bind(network)
            .bind(created_at)
            .bind(expires_at)
    )?;
    Ok(())
}

/// Counts a guess and returns the stored code; `None` where it allows no more guesses, or none in this browser.
pub(super) async fn try_code(
    tx: &mut Tx,
    id: Uuid,
    browser_hash: &str,
    now: DateTime<Utc>,
) -> Result<Option<StoredCode>> {
    let text = "UPDATE sign_in_codes SET tries = tries + 1
         WHERE id = $1 AND browser_hash = $2 AND tries < $3 AND used_at IS NULL AND expires_at > $4
         RETURNING email, code_hash";
    Ok(on!(tx, |conn| sqlx::query_as(text)
        .bind(id)
        .bind(browser_hash)
        .bind(TRIES)
        .bind(now)
        .fetch_optional(conn)
        .await)?)
}

/// Marks the code as used; `false` where it was already.
pub(super) async fn use_code(tx: &mut Tx, id: Uuid, now: DateTime<Utc>) -> Result<bool> {
    let text = "UPDATE sign_in_codes SET used_at = $1 WHERE id = $2 AND used_at IS NULL";
    Ok(execute!(tx, sqlx::query(text).bind(now).bind(id))? == 1)
}

pub(super) async fn insert_link(
    tx: &mut Tx,
    (id, user): (Uuid, Option<Uuid>),
    hash: &str,
    once: bool,
    (created_at, expires_at): Span,
) -> Result<()> {
    let text = "INSERT INTO sign_in_links (id, user_id, secret_hash, once, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)";
    execute!(
        tx,
        sqlx::query(text).bind(id).bind(user).bind(hash).bind(once).bind(created_at).bind(expires_at)
    )?;
    Ok(())
}

/// The link with this secret, if it is valid.
pub(super) async fn link(tx: &mut Tx, hash: &str, now: DateTime<Utc>) -> Result<Option<StoredLink>> {
    let text = "SELECT id, user_id, once FROM sign_in_links
         WHERE secret_hash = $1 AND expires_at > $2 AND used_at IS NULL";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(hash).bind(now).fetch_optional(conn).await)?)
}

/// Marks the link as used; `false` where it was already.
pub(super) async fn use_link(tx: &mut Tx, id: Uuid, now: DateTime<Utc>) -> Result<bool> {
    let text = "UPDATE sign_in_links SET used_at = $1 WHERE id = $2 AND used_at IS NULL";
    Ok(execute!(tx, sqlx::query(text).bind(now).bind(id))? == 1)
}

/// Ends every link for a first owner, because only the newest is valid.
pub(super) async fn end_first_owner_links(tx: &mut Tx) -> Result<()> {
    execute!(tx, sqlx::query("DELETE FROM sign_in_links WHERE user_id IS NULL"))?;
    Ok(())
}

/// Deletes what has expired.
pub(super) async fn prune(tx: &mut Tx, now: DateTime<Utc>) -> Result<()> {
    // Codes of the last day are counted for their mailbox.
    execute!(tx, sqlx::query("DELETE FROM sign_in_codes WHERE expires_at < $1").bind(now - DAY))?;
    execute!(tx, sqlx::query("DELETE FROM sign_in_mailboxes WHERE since < $1").bind(now - DAY))?;
    execute!(tx, sqlx::query("DELETE FROM sign_in_links WHERE expires_at < $1").bind(now))?;
    Ok(())
}
