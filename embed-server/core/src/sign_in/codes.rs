//! Signing in with a code that is sent to the address.
//!
//! A request for a code gets the same response, at the same speed, for every address: the code is created and stored
//! in any case, and the person is looked up after the response.

use super::{SignIn, store};
use crate::accounts::{Browser, Email, Proof, StartedSession};
use chrono::TimeDelta;
use embed_base::crypto::{equal, hex};
use embed_base::{Code, Error, Result};
use std::num::NonZeroU32;
use uuid::Uuid;

/// How long a code is valid.
const LIFETIME: TimeDelta = TimeDelta::minutes(5);
/// How many guesses a code allows.
pub(super) const TRIES: i64 = 3;
/// The number of digits of a code.
const DIGITS: usize = 6;

/// How many codes one mailbox gets per minute.
pub const CODES_PER_MINUTE: NonZeroU32 = NonZeroU32::new(3).expect("3 is not zero");

/// The log target of codes that are not sent by mail; the demo prints it.
const SIGN_IN_LOG: &str = "embed_server::sign_in";

/// A requested code, as it is stored.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct StoredCode {
    pub email: Email,
    pub code_hash: String,
}

impl SignIn {
    /// Creates a code for this address, sends it (or logs it, where this server sends no mail), and returns the id to
    /// redeem it under.
    pub async fn send_code(&self, email: Email) -> Result<Uuid> {
        let now = self.context.clock.now();
        let (id, code) = (self.context.ids.next(), self.context.random.characters(b"0123456789", DIGITS));
        let mut tx = self.context.db.begin_global().await?;
        let hash = self.hash_code(id, &code)?;
        store::insert_code(&mut tx, id, &email, &hash, (now, now + LIFETIME)).await?;
        tx.commit().await?;
        let sign_in = self.clone();
        tokio::spawn(async move {
            if let Err(error) = sign_in.deliver(&email, &code).await {
                tracing::error!(%error, causes = error.causes(), "a code could not be sent");
            }
        });
        Ok(id)
    }

    /// Sends the code, if the address is a member's.
    async fn deliver(&self, email: &Email, code: &str) -> Result<()> {
        if !self.accounts.is_member(email).await? {
            tracing::info!(%email, "a code was requested for an address that is no member's");
            return Ok(());
        }
        let text = format!(
            "Your code is {code}\n\nIt signs you in at {} for the next five minutes. If you did not ask for it, ignore this mail: without the code nobody can sign in.\n",
            self.context.settings.server.public_url
        );
        if !self.context.mail.send(email.as_str(), &format!("{code} is your code"), text).await? {
            tracing::warn!(target: SIGN_IN_LOG, %email, code, "SMTP_URL is not set, so this code is printed here instead of being sent");
        }
        Ok(())
    }

    /// Begins a session with a code, which is valid once, for five minutes and three guesses.
    pub async fn redeem_code(&self, id: Uuid, code: &str, browser: &Browser) -> Result<StartedSession> {
        let digits: String = code.chars().filter(|character| !character.is_whitespace()).collect();
        if digits.len() != DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            // Text that cannot be a code is no guess, so it is not counted.
            return Err(wrong_code());
        }
        let now = self.context.clock.now();
        let mut tx = self.context.db.begin_global().await?;
        let found = store::try_code(&mut tx, id, now).await?;
        // The guess is counted even if what follows fails.
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
        self.accounts.start_session(&found.email, Proof::Code, browser).await
    }

    /// Six digits are quickly guessed, so the stored hash is keyed with this server's secret and bound to one code's
    /// id.
    fn hash_code(&self, id: Uuid, code: &str) -> Result<String> {
        let key = self.context.secret()?.key("sign-in code");
        Ok(hex(&key.sign(format!("{id} {code}").as_bytes())))
    }
}

fn wrong_code() -> Error {
    let detail = "This is not the code that was sent. Type the six digits of the newest one.";
    Error::new(Code::WrongCode, detail)
}

fn code_ended() -> Error {
    let detail = "This code was used, was tried too often, or is older than five minutes. Ask for another.";
    Error::new(Code::CodeEnded, detail)
}
