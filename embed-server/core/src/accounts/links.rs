//! Links that sign in whoever follows them: one that `serve` prints while nobody is known, to make the first owner, and the
//! one of the demo.

use super::browser::Browser;
use super::email::Email;
use super::sessions::{LONGEST, Proof, StartedSession, hash};
use super::{Accounts, checked_name, store};
use chrono::TimeDelta;
use embed_base::{Code, Error, Result};
use uuid::Uuid;

/// How long the first owner has.
const FIRST_OWNER: TimeDelta = TimeDelta::hours(24);

/// A link as it is kept.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct StoredLink {
    pub id: Uuid,
    pub user_id: Option<Uuid>,
    pub once: bool,
}

/// What a link does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// It signs somebody in.
    SignsIn,
    /// It makes the first owner, who has to say who he is.
    FirstOwner,
}

impl Accounts {
    /// A link with which the first owner comes in, as long as nobody is known; its path and query. It ends those before it.
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

    /// A link that signs somebody in as often as it is followed; its path and query.
    pub async fn lasting_link(&self, email: &Email) -> Result<String> {
        let secret = self.context.random.hex_token();
        let now = self.context.clock.now();
        let mut tx = self.context.db.begin_global().await?;
        let user = store::user(&mut tx, email).await?.ok_or_else(|| super::unknown_user(email))?;
        store::insert_link(&mut tx, Some(user.id), &hash(&secret), false, (now, now + LONGEST)).await?;
        tx.commit().await?;
        Ok(path(&secret))
    }

    /// What the link with this secret does; 403 `link_ended` when it is good no more.
    pub async fn link_kind(&self, secret: &str) -> Result<LinkKind> {
        let mut tx = self.context.db.read_global().await?;
        let link = store::link(&mut tx, &hash(secret), self.context.clock.now()).await?.ok_or_else(ended)?;
        if link.user_id.is_some() {
            return Ok(LinkKind::SignsIn);
        }
        // Whoever came in another way meanwhile has taken the place.
        if store::users(&mut tx).await? > 0 { Err(ended()) } else { Ok(LinkKind::FirstOwner) }
    }

    /// Follows a link. `newcomer` is who wants to be the first owner.
    pub async fn follow_link(
        &self,
        secret: &str,
        newcomer: Option<(Email, Option<&str>)>,
        browser: &Browser,
    ) -> Result<StartedSession> {
        self.link_kind(secret).await?;
        if let Some((email, name)) = &newcomer {
            // Before the link is used up.
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
    let detail = "This link has been used or has ended. Sign in with your address; on a fresh installation `embed-server serve` prints another link when it starts.";
    Error::new(Code::LinkEnded, detail)
}
