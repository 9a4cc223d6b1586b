//! Links that sign in the person that follows them: the one in the mail with a code, the one that `user link` prints, the
//! demo's, and the one that `serve` prints on a new installation to create the first owner.

use super::{SignIn, store};
use crate::accounts::{Browser, Email, MAX_SESSION, Proof, StartedSession, checked_name};
use chrono::TimeDelta;
use embed_base::crypto::sha256_hex;
use embed_base::{Code, Error, Result};
use uuid::Uuid;

/// How long the link for the first owner is valid.
const FIRST_OWNER: TimeDelta = TimeDelta::hours(24);

#[derive(Debug, sqlx::FromRow)]
pub(super) struct StoredLink {
    pub id: Uuid,
    pub user_id: Option<Uuid>,
    pub once: bool,
}

/// What a link does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// It signs a person in whenever it is followed.
    SignIn,
    /// It signs this person in once, when they confirm it: mail scanners follow links too.
    Confirm(Email),
    /// It creates the first owner, and asks for their address.
    FirstOwner,
}

impl SignIn {
    /// Creates the link for the first owner, as long as there are no people; returns its path and query. Earlier such
    /// links end.
    pub async fn first_owner_link(&self) -> Result<Option<String>> {
        if self.accounts.has_people().await? {
            return Ok(None);
        }
        let secret = self.context.random.hex_token();
        let now = self.context.clock.now();
        let mut tx = self.context.db.begin_global().await?;
        store::end_first_owner_links(&mut tx).await?;
        let link = (self.context.ids.next(), None);
        store::insert_link(&mut tx, link, &hash(&secret), true, (now, now + FIRST_OWNER)).await?;
        tx.commit().await?;
        Ok(Some(path(&secret)))
    }

    /// Creates a link that can be used repeatedly to sign a person in; returns its path and query.
    pub async fn reusable_link(&self, email: &Email) -> Result<String> {
        self.link_for(email, false, MAX_SESSION).await
    }

    /// Creates a link that signs a person in once, within this time; returns its path and query.
    pub async fn single_use_link(&self, email: &Email, lifetime: TimeDelta) -> Result<String> {
        self.link_for(email, true, lifetime).await
    }

    async fn link_for(&self, email: &Email, once: bool, lifetime: TimeDelta) -> Result<String> {
        let secret = self.context.random.hex_token();
        let now = self.context.clock.now();
        let link = (self.context.ids.next(), Some(self.accounts.id_of(email).await?));
        let mut tx = self.context.db.begin_global().await?;
        store::insert_link(&mut tx, link, &hash(&secret), once, (now, now + lifetime)).await?;
        tx.commit().await?;
        Ok(path(&secret))
    }

    /// What the link with this secret does; 403 `link_ended` where it is not valid.
    pub async fn link_kind(&self, secret: &str) -> Result<LinkKind> {
        let mut tx = self.context.db.read_global().await?;
        let link = store::link(&mut tx, &hash(secret), self.context.clock.now()).await?.ok_or_else(ended)?;
        drop(tx);
        if let Some(user) = link.user_id {
            let email = self.accounts.email_of(user).await?.ok_or_else(ended)?;
            return Ok(if link.once { LinkKind::Confirm(email) } else { LinkKind::SignIn });
        }
        // A first owner who was created in another way ends the link.
        if self.accounts.has_people().await? { Err(ended()) } else { Ok(LinkKind::FirstOwner) }
    }

    /// Follows a link. `newcomer` is the address and name of the first owner.
    pub async fn follow_link(
        &self,
        secret: &str,
        newcomer: Option<(Email, Option<&str>)>,
        browser: &Browser,
    ) -> Result<StartedSession> {
        self.link_kind(secret).await?;
        if let Some((email, name)) = &newcomer {
            // A wrong name is refused before the link is used up.
            checked_name(*name, email)?;
        }
        let now = self.context.clock.now();
        let mut tx = self.context.db.begin_global().await?;
        let link = store::link(&mut tx, &hash(secret), now).await?.ok_or_else(ended)?;
        if link.once && !store::use_link(&mut tx, link.id, now).await? {
            return Err(ended());
        }
        tx.commit().await?;
        match (link.user_id, newcomer) {
            (Some(user), _) => {
                let email = self.accounts.email_of(user).await?.ok_or_else(ended)?;
                self.accounts.start_session(&email, Proof::Link, browser).await
            }
            (None, Some((email, name))) => self.first_owner(email, name, browser).await,
            (None, None) => Err(ended()),
        }
    }

    /// Creates the first owner and begins their session.
    async fn first_owner(
        &self,
        email: Email,
        name: Option<&str>,
        browser: &Browser,
    ) -> Result<StartedSession> {
        let organization = self.accounts.organization(None).await?;
        self.accounts.create_first_owner(organization, email.clone(), name, browser.address).await?;
        self.accounts.start_session(&email, Proof::Link, browser).await
    }
}

/// A slow hash would add nothing: the secret has 256 random bits.
pub(super) fn hash(secret: &str) -> String {
    sha256_hex(secret.as_bytes())
}

fn path(secret: &str) -> String {
    format!("/console/enter?link={secret}")
}

fn ended() -> Error {
    let detail = "This link is not complete, was used, or has expired. Sign in with your address; on a new installation `embed-server serve` prints another link when it starts.";
    Error::new(Code::LinkEnded, detail)
}
