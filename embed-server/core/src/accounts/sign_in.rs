//! Signing in with an address: by a code that is sent to it, or by the word of somebody who knows whose it is.
//!
//! Whoever asks for a code hears the same, at the same speed, whether or not anybody has the address: the code is made and
//! kept in either case, and whom it is for is looked up beside the request.

use super::browser::Browser;
use super::email::Email;
use super::sessions::{Proof, StartedSession};
use super::store::{self, StoredUser};
use super::{Accounts, Role};
use chrono::TimeDelta;
use embed_base::crypto::{equal, hex};
use embed_base::{Code, Error, Result};
use std::num::NonZeroU32;
use uuid::Uuid;

/// How long a code counts.
const LIFETIME: TimeDelta = TimeDelta::minutes(5);
/// How often a code may be guessed.
pub(super) const TRIES: i64 = 3;
/// How many digits it has.
const DIGITS: usize = 6;

/// How many codes a mailbox gets per minute.
pub const CODES_PER_MINUTE: NonZeroU32 = NonZeroU32::new(3).expect("3 is not zero");

/// The log target of codes that no mail can bring; the demo prints it.
const SIGN_IN_LOG: &str = "embed_server::sign_in";

/// A code that was asked for, as it is kept.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct StoredCode {
    pub email: Email,
    pub code_hash: String,
}

impl Accounts {
    /// Makes a code for whoever has this address, sends it, or prints it in the log where no letters are sent, and answers
    /// with the id under which it is to be redeemed.
    pub async fn send_code(&self, email: Email) -> Result<Uuid> {
        let now = self.context.clock.now();
        let (id, code) = (self.context.ids.next(), self.context.random.characters(b"0123456789", DIGITS));
        let mut tx = self.context.db.begin_global().await?;
        let hash = self.hash_code(id, &code)?;
        store::insert_code(&mut tx, id, &email, &hash, (now, now + LIFETIME)).await?;
        tx.commit().await?;
        let accounts = self.clone();
        tokio::spawn(async move {
            if let Err(error) = accounts.deliver(&email, &code).await {
                tracing::error!(%error, causes = error.causes(), "a code could not be sent");
            }
        });
        Ok(id)
    }

    /// Sends the code, if the address is somebody's.
    async fn deliver(&self, email: &Email, code: &str) -> Result<()> {
        if self.member(email).await?.is_none() {
            tracing::info!(%email, "a code was asked for by somebody who is not known here");
            return Ok(());
        }
        let text = format!(
            "Your code is {code}\n\nIt signs you in at {} for the next five minutes. If you did not ask for it, ignore this letter: without the code nobody gets in.\n",
            self.context.settings.server.public_url
        );
        if !self.context.mail.send(email.as_str(), &format!("{code} is your code"), text).await? {
            tracing::warn!(target: SIGN_IN_LOG, %email, code, "SMTP_URL is not set, so this code is printed here and not sent");
        }
        Ok(())
    }

    /// Begins a session with a code. A code counts once, for five minutes, and may be guessed three times.
    pub async fn redeem_code(&self, id: Uuid, code: &str, browser: &Browser) -> Result<StartedSession> {
        let digits: String = code.chars().filter(|character| !character.is_whitespace()).collect();
        if digits.len() != DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            // Nobody's guess, so it is not counted as one.
            return Err(wrong_code());
        }
        let now = self.context.clock.now();
        let mut tx = self.context.db.begin_global().await?;
        let found = store::try_code(&mut tx, id, now).await?;
        // The try is counted whatever comes of it.
        tx.commit().await?;
        let found = found.ok_or_else(code_ended)?;
        if !equal(self.hash_code(id, &digits)?.as_bytes(), found.code_hash.as_bytes()) {
            return Err(wrong_code());
        }
        let mut tx = self.context.db.begin_global().await?;
        if !store::use_code(&mut tx, id, now).await? {
            return Err(code_ended());
        }
        tx.commit().await?;
        self.sign_in(&found.email, Proof::Code, browser).await
    }

    /// Begins a session of whoever has this address, which was proved; 403 `not_invited` when nobody has.
    pub(super) async fn sign_in(
        &self,
        email: &Email,
        proof: Proof,
        browser: &Browser,
    ) -> Result<StartedSession> {
        let user = self.member(email).await?.ok_or_else(|| not_invited(email))?;
        self.start_session(&user, proof, browser).await
    }

    /// Somebody who is in an organization, by his address.
    pub(super) async fn member(&self, email: &Email) -> Result<Option<StoredUser>> {
        let mut tx = self.context.db.read_global().await?;
        let Some(user) = store::user(&mut tx, email).await? else { return Ok(None) };
        let memberships = store::memberships(&mut tx, user.id).await?;
        Ok((!memberships.is_empty()).then_some(user))
    }

    /// Takes the very first owner in, and begins his session.
    pub(super) async fn first_owner(
        &self,
        email: Email,
        name: Option<&str>,
        browser: &Browser,
    ) -> Result<StartedSession> {
        let organization = self.organization(None).await?;
        let by = embed_base::events::activity::Actor::CommandLine;
        self.invite(&by, organization, email.clone(), name, Role::Owner).await?;
        self.sign_in(&email, Proof::Link, browser).await
    }

    /// Six digits are soon guessed, so what is kept of them is signed with this server's key, and for one code alone.
    fn hash_code(&self, id: Uuid, code: &str) -> Result<String> {
        let key = self.context.secret()?.key("sign-in code");
        Ok(hex(&key.sign(format!("{id} {code}").as_bytes())))
    }

    /// Forgets codes, links and sessions that have had their time.
    pub async fn prune(&self) -> Result<()> {
        let mut tx = self.context.db.begin_global().await?;
        let now = self.context.clock.now();
        store::prune(&mut tx, now, (now - super::sessions::IDLE, now - super::tokens::KEPT)).await?;
        tx.commit().await
    }
}

fn wrong_code() -> Error {
    let detail = "That is not the code that was sent. Type the six digits of the newest one.";
    Error::new(Code::WrongCode, detail)
}

fn code_ended() -> Error {
    let detail =
        "This code has been used, was guessed too often, or is older than five minutes. Ask for another.";
    Error::new(Code::CodeEnded, detail)
}

fn not_invited(email: &Email) -> Error {
    let detail = format!(
        "{email} is in no organization here. Ask an owner for an invitation: `embed-server user invite {email}`, or in the console under People."
    );
    Error::new(Code::NotInvited, detail)
}
