//! Personal tokens, with which a person's programs call the management routes. A token may do what its person may at
//! the time of each call, and nothing once they have left.

use super::email::Email;
use super::store;
use super::{Accounts, MEMBERS, PERSONAL_TOKENS, events, organizations_of};
use chrono::{DateTime, TimeDelta, Utc};
use embed_base::events::activity::Actor;
use embed_base::names;
use embed_base::secrets::{Bearer, SecretKind};
use embed_base::{Code, Error, Result};
use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

/// How long an expired or revoked token is kept, so that its person can see what became of it.
pub(super) const KEPT: TimeDelta = TimeDelta::days(30);

#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PersonalToken {
    pub id: Uuid,
    pub name: String,
    /// The first random characters of its secret, which tell tokens apart.
    pub prefix: String,
    /// When it expires; null for a token that is valid until it is revoked.
    pub expires_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

impl Accounts {
    /// Creates a personal token. The secret is not stored: it is only available here.
    pub async fn token(
        &self,
        by: &Actor,
        email: &Email,
        name: &str,
        lifetime: Option<TimeDelta>,
    ) -> Result<(PersonalToken, Bearer)> {
        let now = self.context.clock.now();
        let secret = Bearer::random(SecretKind::User, &self.context.random);
        let token = PersonalToken {
            id: self.context.ids.next(),
            name: names::checked("A token's name", name)?,
            prefix: secret.shown_prefix().to_owned(),
            expires_at: lifetime.map(|lifetime| now + lifetime),
            created_at: now,
        };
        let user = self.id_of(email).await?;
        let mut change = self.context.change_person(organizations_of(&self.context, user).await?, by).await?;
        store::insert_token(&mut change, user, &token, &secret).await?;
        change.forget(PERSONAL_TOKENS, secret.hash());
        let about = format!("{}… of {email}", token.prefix);
        change.commit(events::PERSONAL_TOKEN_CREATED, &about).await?;
        Ok((token, secret))
    }

    /// A person's valid tokens, oldest first.
    pub async fn tokens(&self, email: &Email) -> Result<Vec<PersonalToken>> {
        let user = self.id_of(email).await?;
        let mut tx = self.context.db.read_global().await?;
        store::tokens(&mut tx, user, self.context.clock.now()).await
    }

    /// Revokes a person's tokens, all of them or the one with this prefix, and returns how many. Every server refuses
    /// them within two seconds.
    pub async fn revoke(&self, by: &Actor, email: &Email, prefix: Option<&str>) -> Result<u64> {
        let user = self.id_of(email).await?;
        let mut change = self.context.change_person(organizations_of(&self.context, user).await?, by).await?;
        let now = change.now();
        let revoked = store::revoke_tokens(&mut change, user, prefix, now).await?;
        if let (0, Some(prefix)) = (revoked, prefix) {
            let detail = format!(
                "{email} has no token that begins with {prefix}. `embed-server user tokens {email}` lists the valid ones."
            );
            return Err(Error::new(Code::TokenNotFound, detail));
        }
        let about =
            prefix.map_or_else(|| format!("all of {email}"), |prefix| format!("{prefix}… of {email}"));
        change.forget(MEMBERS, user);
        change.commit(events::PERSONAL_TOKEN_REVOKED, &about).await?;
        Ok(revoked)
    }
}
