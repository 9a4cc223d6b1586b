//! Links that sign in the person that follows them: the one that `serve` prints on a new installation to create the
//! first owner, and the demo's.

use super::browser::Browser;
use super::email::Email;
use super::sessions::{MAX_SESSION, Proof, StartedSession, hash};
use super::{Accounts, checked_name, store};
use chrono::TimeDelta;
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// It signs a person in.
    SignIn,
    /// It creates the first owner, and asks for their address.
    FirstOwner,
}

impl Accounts {
    /// Creates the link for the first owner, as long as there are no people; returns its path and query. Earlier such
    /// links end.
    pub async fn first_owner_link(&self) -> Result<Option<String>> {
        let mut tx = self.context.db.begin_global().await?;
        if store::users(&mut tx).await? > 0 {
            return Ok(None);
        }
        let secret = self.context.random.hex_token();
        let now = self.context.clock.now();
        store::end_first_owner_links(&mut tx).await?;
        store::insert_link(&mut tx, None, &hash(&secret), true, (now, now + FIRST_OWNER)).await?;
        tx.commit().await?;
        Ok(Some(path(&secret)))
    }

    /// Creates a link that can be used repeatedly to sign a person in; returns its path and query.
    pub async fn reusable_link(&self, email: &Email) -> Result<String> {
        let secret = self.context.random.hex_token();
        let now = self.context.clock.now();
        let mut tx = self.context.db.begin_global().await?;
        let user = store::user(&mut tx, email).await?.ok_or_else(|| super::unknown_user(email))?;
        store::insert_link(&mut tx, Some(user.id), &hash(&secret), false, (now, now + MAX_SESSION)).await?;
        tx.commit().await?;
        Ok(path(&secret))
    }

    /// What the link with this secret does; 403 `link_ended` where it is not valid.
    pub async fn link_kind(&self, secret: &str) -> Result<LinkKind> {
        let mut tx = self.context.db.read_global().await?;
        let link = store::link(&mut tx, &hash(secret), self.context.clock.now()).await?.ok_or_else(ended)?;
        if link.user_id.is_some() {
            return Ok(LinkKind::SignIn);
        }
        // A first owner who was created in another way ends the link.
        if store::users(&mut tx).await? > 0 { Err(ended()) } else { Ok(LinkKind::FirstOwner) }
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
        let user = match link.user_id {
            Some(id) => store::user_by_id(&mut tx, id).await?,
            None => None,
        };
        tx.commit().await?;
        match (user, newcomer) {
            (Some(user), _) => self.start_session(&user, Proof::Link, browser).await,
            (None, Some((email, name))) => self.first_owner(email, name, browser).await,
            (None, None) => Err(ended()),
        }
    }
}

fn path(secret: &str) -> String {
    format!("/console/enter?link={secret}")
}

fn ended() -> Error {
    let detail = "This link was used or has expired. Sign in with your address; on a new installation `embed-server serve` prints another link when it starts.";
    Error::new(Code::LinkEnded, detail)
}
