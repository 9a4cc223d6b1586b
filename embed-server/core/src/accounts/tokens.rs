//! Personal tokens: with them a person's programs call the management routes as he would. A token may what its person
//! may at the moment of each call, and nothing once he has left.

use super::email::Email;
use super::store;
use super::{Accounts, MEMBERS, PERSONAL_TOKENS, events, organizations_of, unknown_user};
use chrono::{DateTime, TimeDelta, Utc};
use embed_base::events::activity::Actor;
use embed_base::names;
use embed_base::secrets::{Bearer, Kind};
use embed_base::{Code, Error, Result};
use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

/// How long a token that has ended is kept, so that it can be told what became of it.
pub(super) const KEPT: TimeDelta = TimeDelta::days(30);

/// A personal token without its secret.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PersonalToken {
    /// Its id.
    pub id: Uuid,
    /// What its person calls it.
    pub name: String,
    /// The first of its random characters, so that people can tell tokens apart.
    pub prefix: String,
    /// When it ends; null for a token that is good until it is revoked.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl Accounts {
    /// Makes a personal token. The secret is not kept: this is the only time that anybody sees it.
    pub async fn token(
        &self,
        by: &Actor,
        email: &Email,
        name: &str,
        lifetime: Option<TimeDelta>,
    ) -> Result<(PersonalToken, Bearer)> {
        let now = self.context.clock.now();
        let secret = Bearer::random(Kind::User, &self.context.random);
        let token = PersonalToken {
            id: self.context.ids.next(),
            name: names::checked("A token's name", name)?,
            prefix: secret.shown_prefix().to_owned(),
            expires_at: lifetime.map(|lifetime| now + lifetime),
            created_at: now,
        };
        let user = self.user(email).await?;
        let mut change = self.context.change_person(organizations_of(&self.context, user).await?, by).await?;
        store::insert_token(&mut change, user, &token, &secret).await?;
        change.forget(PERSONAL_TOKENS, secret.hash());
        let about = format!("{}… of {email}", token.prefix);
        change.commit(events::PERSONAL_TOKEN_CREATED, &about).await?;
        Ok((token, secret))
    }

    /// A person's tokens that are good, oldest first.
    pub async fn tokens(&self, email: &Email) -> Result<Vec<PersonalToken>> {
        let mut tx = self.context.db.read_global().await?;
        let user = store::user(&mut tx, email).await?.ok_or_else(|| unknown_user(email))?;
        store::tokens(&mut tx, user.id, self.context.clock.now()).await
    }

    /// Ends a person's tokens, all of them or the one with this prefix, and says how many there were. Running servers
    /// hear of it within two seconds.
    pub async fn revoke(&self, by: &Actor, email: &Email, prefix: Option<&str>) -> Result<u64> {
        let user = self.user(email).await?;
        let mut change = self.context.change_person(organizations_of(&self.context, user).await?, by).await?;
        let now = change.now();
        let revoked = store::revoke_tokens(&mut change, user, prefix, now).await?;
        if let (0, Some(prefix)) = (revoked, prefix) {
            let detail = format!(
                "{email} has no token that begins with {prefix}. `embed-server user tokens {email}` lists those that are good."
            );
            return Err(Error::new(Code::TokenNotFound, detail));
        }
        let about =
            prefix.map_or_else(|| format!("all of {email}"), |prefix| format!("{prefix}… of {email}"));
        change.forget(MEMBERS, user);
        change.commit(events::PERSONAL_TOKEN_REVOKED, &about).await?;
        Ok(revoked)
    }

    /// The id of the person with this address.
    async fn user(&self, email: &Email) -> Result<Uuid> {
        let mut tx = self.context.db.read_global().await?;
        let user = store::user(&mut tx, email).await?.ok_or_else(|| unknown_user(email))?;
        Ok(user.id)
    }
}
