//! The SQL of organizations, people and their tokens.

mod sessions;

pub(super) use sessions::*;

use super::Person;
use super::email::Email;
use super::operator::Membership;
use super::organizations::Organization;
use super::role::Role;
use super::tokens::PersonalToken;
use chrono::{DateTime, Utc};
use embed_base::db::{OnUnique, Tx, execute, on};
use embed_base::secrets::Bearer;
use embed_base::{Code, Error, Result};
use sqlx::FromRow;
use uuid::Uuid;

/// A row of `users`.
#[derive(Debug, FromRow)]
pub(super) struct StoredUser {
    pub id: Uuid,
    pub email: Email,
    pub name: String,
    pub signed_in_at: Option<DateTime<Utc>>,
}

/// A personal token that was not revoked, with its person.
#[derive(Debug, FromRow)]
pub(super) struct StoredToken {
    pub expires_at: Option<DateTime<Utc>>,
    pub user_id: Uuid,
    pub email: Email,
}

pub(super) async fn organizations(tx: &mut Tx) -> Result<Vec<Organization>> {
    let text = "SELECT id, name, created_at FROM organizations ORDER BY id";
    Ok(on!(tx, |conn| sqlx::query_as(text).fetch_all(conn).await)?)
}

pub(super) async fn organizations_of(tx: &mut Tx, user: Uuid) -> Result<Vec<Organization>> {
    let text =
        "SELECT o.id, o.name, o.created_at FROM organizations o JOIN members m ON m.organization_id = o.id
         WHERE m.user_id = $1 ORDER BY o.id";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(user).fetch_all(conn).await)?)
}

pub(super) async fn organization(tx: &mut Tx, id: Uuid) -> Result<Option<Organization>> {
    let text = "SELECT id, name, created_at FROM organizations WHERE id = $1";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(id).fetch_optional(conn).await)?)
}

pub(super) async fn insert_organization(tx: &mut Tx, organization: &Organization) -> Result<()> {
    let text = "INSERT INTO organizations (id, name, created_at) VALUES ($1, $2, $3)";
    let Organization { id, name, created_at } = organization;
    execute!(tx, sqlx::query(text).bind(id).bind(name).bind(created_at))?;
    Ok(())
}

pub(super) async fn rename_organization(tx: &mut Tx, id: Uuid, name: &str) -> Result<Option<Organization>> {
    let text = "UPDATE organizations SET name = $1 WHERE id = $2 RETURNING id, name, created_at";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(name).bind(id).fetch_optional(conn).await)?)
}

/// Blocks every other change of the organization's people until this transaction ends, so that of two owners leaving
/// at once the second is seen to be the last.
pub(super) async fn lock_organization(tx: &mut Tx, organization: Uuid) -> Result<()> {
    let text = "UPDATE organizations SET name = name WHERE id = $1";
    execute!(tx, sqlx::query(text).bind(organization))?;
    Ok(())
}

pub(super) async fn user(tx: &mut Tx, email: &Email) -> Result<Option<StoredUser>> {
    let text = "SELECT id, email, name, signed_in_at FROM users WHERE email = $1";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(email).fetch_optional(conn).await)?)
}

pub(super) async fn insert_user(tx: &mut Tx, user: &StoredUser, now: DateTime<Utc>) -> Result<()> {
    let text = "INSERT INTO users (id, email, name, created_at) VALUES ($1, $2, $3, $4)";
    execute!(tx, sqlx::query(text).bind(user.id).bind(&user.email).bind(&user.name).bind(now))
        .on_unique(&["email"], || already_member(&user.email))?;
    Ok(())
}

pub(super) async fn insert_member(
    tx: &mut Tx,
    organization: Uuid,
    user: &StoredUser,
    role: Role,
    now: DateTime<Utc>,
) -> Result<()> {
    let text = "INSERT INTO members (organization_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (organization_id, user_id) DO NOTHING";
    let inserted =
        execute!(tx, sqlx::query(text).bind(organization).bind(user.id).bind(role.as_str()).bind(now))?;
    if inserted == 0 { Err(already_member(&user.email)) } else { Ok(()) }
}

pub(super) async fn people(tx: &mut Tx, organization: Uuid) -> Result<Vec<Person>> {
    let text = "SELECT u.id, u.email, u.name, m.organization_id, m.role, m.created_at, u.signed_in_at
         FROM members m JOIN users u ON u.id = m.user_id WHERE m.organization_id = $1 ORDER BY u.email";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(organization).fetch_all(conn).await)?)
}

pub(super) async fn person(tx: &mut Tx, organization: Uuid, email: &Email) -> Result<Option<Person>> {
    let text = "SELECT u.id, u.email, u.name, m.organization_id, m.role, m.created_at, u.signed_in_at
         FROM members m JOIN users u ON u.id = m.user_id WHERE m.organization_id = $1 AND u.email = $2";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(organization).bind(email).fetch_optional(conn).await)?)
}

pub(super) async fn owners(tx: &mut Tx, organization: Uuid) -> Result<i64> {
    let text = "SELECT COUNT(*) FROM members WHERE organization_id = $1 AND role = 'owner'";
    Ok(on!(tx, |conn| sqlx::query_scalar(text).bind(organization).fetch_one(conn).await)?)
}

pub(super) async fn set_role(tx: &mut Tx, organization: Uuid, user: Uuid, role: Role) -> Result<()> {
    let text = "UPDATE members SET role = $1 WHERE organization_id = $2 AND user_id = $3";
    execute!(tx, sqlx::query(text).bind(role.as_str()).bind(organization).bind(user))?;
    Ok(())
}

pub(super) async fn remove_member(tx: &mut Tx, organization: Uuid, user: Uuid) -> Result<()> {
    let text = "DELETE FROM members WHERE organization_id = $1 AND user_id = $2";
    execute!(tx, sqlx::query(text).bind(organization).bind(user))?;
    Ok(())
}

pub(super) async fn memberships(tx: &mut Tx, user: Uuid) -> Result<Vec<Membership>> {
    let text = "SELECT organization_id, role FROM members WHERE user_id = $1 ORDER BY organization_id";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(user).fetch_all(conn).await)?)
}

pub(super) async fn insert_token(
    tx: &mut Tx,
    user: Uuid,
    token: &PersonalToken,
    secret: &Bearer,
) -> Result<()> {
    let text = "INSERT INTO user_tokens (id, user_id, name, token_hash, token_prefix, expires_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)";
    execute!(
        tx,
        sqlx::query(text)
            .bind(token.id)
            .bind(user)
            .bind(&token.name)
            .bind(secret.hash())
            .bind(secret.shown_prefix())
            .bind(token.expires_at)
            .bind(token.created_at)
    )?;
    Ok(())
}

pub(super) async fn holder(tx: &mut Tx, hash: &str) -> Result<Option<StoredToken>> {
    let text = "SELECT t.expires_at, t.user_id, u.email FROM user_tokens t JOIN users u ON u.id = t.user_id
         WHERE t.token_hash = $1 AND t.revoked_at IS NULL";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(hash).fetch_optional(conn).await)?)
}

pub(super) async fn tokens(tx: &mut Tx, user: Uuid, now: DateTime<Utc>) -> Result<Vec<PersonalToken>> {
    let text = "SELECT id, name, token_prefix AS prefix, expires_at, created_at FROM user_tokens
         WHERE user_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2) ORDER BY id";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(user).bind(now).fetch_all(conn).await)?)
}

/// Revokes the person's tokens with this prefix, or all; returns how many.
pub(super) async fn revoke_tokens(
    tx: &mut Tx,
    user: Uuid,
    prefix: Option<&str>,
    now: DateTime<Utc>,
) -> Result<u64> {
    let text = "UPDATE user_tokens SET revoked_at = $1
         WHERE user_id = $2 AND revoked_at IS NULL AND (token_prefix = $3 OR CAST($3 AS TEXT) IS NULL)";
    Ok(execute!(tx, sqlx::query(text).bind(now).bind(user).bind(prefix))?)
}

pub(super) fn already_member(email: &Email) -> Error {
    let detail = format!(
        "{email} is already a member. Change the role in the console under People, or with `embed-server user role {email} ROLE`."
    );
    Error::new(Code::MemberExists, detail)
}

pub(super) async fn user_by_id(tx: &mut Tx, id: Uuid) -> Result<Option<StoredUser>> {
    let text = "SELECT id, email, name, signed_in_at FROM users WHERE id = $1";
    Ok(on!(tx, |conn| sqlx::query_as(text).bind(id).fetch_optional(conn).await)?)
}

pub(super) async fn users(tx: &mut Tx) -> Result<i64> {
    Ok(on!(tx, |conn| sqlx::query_scalar("SELECT COUNT(*) FROM users").fetch_one(conn).await)?)
}

pub(super) async fn record_sign_in(tx: &mut Tx, user: Uuid, now: DateTime<Utc>) -> Result<()> {
    let text = "UPDATE users SET signed_in_at = $1 WHERE id = $2 AND signed_in_at IS NULL";
    execute!(tx, sqlx::query(text).bind(now).bind(user))?;
    Ok(())
}

/// Deletes personal tokens that ended before `ended`.
pub(super) async fn prune_tokens(tx: &mut Tx, ended: DateTime<Utc>) -> Result<()> {
    let text = "DELETE FROM user_tokens WHERE expires_at < $1 OR revoked_at < $1";
    execute!(tx, sqlx::query(text).bind(ended))?;
    Ok(())
}
