//! Console sessions. The browser holds a random secret in a cookie, the database its hash. An idle session expires
//! after a week, any session after thirty days; its person may end it at any time.

use super::browser::Browser;
use super::email::Email;
use super::operator::Identity;
use super::store::StoredUser;
use super::{Accounts, Operator, events, organizations_of, store};
use chrono::{DateTime, TimeDelta, Utc};
use embed_base::crypto::sha256_hex;
use embed_base::events::activity::{Actor, Means};
use embed_base::{Code, Error, Result};
use sqlx::FromRow;
use std::net::IpAddr;
use std::sync::Arc;
use uuid::Uuid;

/// How long an idle session lasts.
pub const MAX_IDLE: TimeDelta = TimeDelta::days(7);
/// How long any session lasts.
pub const MAX_SESSION: TimeDelta = TimeDelta::days(30);
/// The precision of `last_seen_at`: each update is a write.
const SEEN_EVERY: TimeDelta = TimeDelta::minutes(5);

/// How a session began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// With a code that was sent by mail.
    Code,
    /// With an address that GitHub has verified.
    GitHub,
    /// With a link that the server printed.
    Link,
}

impl Proof {
    /// Its name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::GitHub => "github",
            Self::Link => "link",
        }
    }
}

/// A session, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Session {
    pub id: Uuid,
    /// How it began: `code`, `github` or `link`.
    pub means: String,
    /// The address that it began from.
    pub ip_address: String,
    /// The browser's `User-Agent`.
    pub user_agent: Option<String>,
    pub created_at: DateTime<Utc>,
    /// When it was last used, to within some minutes.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
}

/// A new session: the only time that its secret is available.
#[derive(Debug)]
pub struct StartedSession {
    /// What the browser stores in its cookie.
    pub secret: String,
    pub id: Uuid,
}

impl Accounts {
    /// Begins a session of the person with this verified address; 403 `not_invited` where they are in no organization.
    pub async fn start_session(
        &self,
        email: &Email,
        proof: Proof,
        browser: &Browser,
    ) -> Result<StartedSession> {
        let user = self.member(email).await?.ok_or_else(|| not_invited(email))?;
        self.insert_session(&user, proof, browser).await
    }

    /// The address of the person with this id; `None` where there is none.
    pub async fn email_of(&self, id: Uuid) -> Result<Option<Email>> {
        let mut tx = self.context.db.read_global().await?;
        Ok(store::user_by_id(&mut tx, id).await?.map(|user| user.email))
    }

    async fn insert_session(
        &self,
        user: &StoredUser,
        proof: Proof,
        browser: &Browser,
    ) -> Result<StartedSession> {
        let now = self.context.clock.now();
        let secret = self.context.random.hex_token();
        let session = Session {
            id: self.context.ids.next(),
            means: proof.as_str().to_owned(),
            ip_address: browser.address.to_string(),
            user_agent: browser.user_agent.clone(),
            created_at: now,
            last_seen_at: now,
            expires_at: now + MAX_SESSION,
        };
        let by = Actor::Person {
            id: user.id,
            email: user.email.to_string(),
            means: Means::Console,
            address: browser.address,
        };
        let organizations = organizations_of(&self.context, user.id).await?;
        let mut change = self.context.change_person(organizations, &by).await?;
        store::insert_session(&mut change, user.id, &session, &hash(&secret)).await?;
        store::record_sign_in(&mut change, user.id, now).await?;
        change.commit(events::SIGNED_IN, user.email.as_str()).await?;
        Ok(StartedSession { secret, id: session.id })
    }

    /// The session with this secret and its person; `None` where there is none, or it has ended.
    pub async fn session(&self, secret: &str, address: IpAddr) -> Result<Option<(Operator, Session)>> {
        let now = self.context.clock.now();
        let mut tx = self.context.db.read_global().await?;
        let Some((user, session)) = store::session(&mut tx, &hash(secret), now, now - MAX_IDLE).await? else {
            return Ok(None);
        };
        let memberships = store::memberships(&mut tx, user.id).await?;
        drop(tx);
        if now - session.last_seen_at > SEEN_EVERY {
            let mut tx = self.context.db.begin_global().await?;
            store::touch_session(&mut tx, session.id, now).await?;
            tx.commit().await?;
        }
        let identity = Identity { user: user.id, email: user.email, memberships };
        Ok(Some((Operator::new(Arc::new(identity), Means::Console, address), session)))
    }

    /// A person's current sessions, the most recently used first.
    pub async fn sessions(&self, operator: &Operator) -> Result<Vec<Session>> {
        let now = self.context.clock.now();
        let mut tx = self.context.db.read_global().await?;
        store::sessions(&mut tx, operator.user(), now, now - MAX_IDLE).await
    }

    /// Ends one of a person's sessions, or all of them.
    pub async fn end_session(&self, operator: &Operator, id: Option<Uuid>) -> Result<()> {
        let organizations = operator.organizations().collect();
        let mut change = self.context.change_person(organizations, &operator.actor()).await?;
        if store::end_sessions(&mut change, operator.user(), id).await? == 0 {
            let detail = "There is no such session of yours any more.";
            return Err(Error::new(Code::SessionNotFound, detail));
        }
        change.commit(events::SESSION_ENDED, operator.email().as_str()).await
    }
}

/// A slow hash would add nothing: the secret has 256 random bits.
fn hash(secret: &str) -> String {
    sha256_hex(secret.as_bytes())
}

fn not_invited(email: &Email) -> Error {
    let detail = format!(
        "{email} is in no organization here. Ask an owner for an invitation: `embed-server user invite {email}`, or in the console under People."
    );
    Error::new(Code::NotInvited, detail)
}
