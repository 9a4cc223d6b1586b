//! Signing in with a code that is sent to the address.
//!
//! A request for a code gets the same response, at the same speed, for every address: the code is created and stored
//! in any case, and the person is looked up after the response.

use super::links::hash;
use super::mails::{Reason, SignInMail};
use super::{SignIn, store};
use crate::accounts::{Browser, Email, Proof, StartedSession};
use chrono::{DateTime, TimeDelta, Utc};
use embed_base::crypto::{equal, hex};
use embed_base::net::network;
use embed_base::{Code, Error, Result};
use std::num::NonZeroU32;
use uuid::Uuid;

/// How long a code is valid.
pub(super) const LIFETIME: TimeDelta = TimeDelta::minutes(5);
/// How many guesses a code allows.
pub const TRIES: i64 = 3;
/// The number of digits of a code.
const DIGITS: usize = 6;

/// How many codes one address may request for one mailbox per minute.
pub const CODES_PER_MINUTE: NonZeroU32 = NonZeroU32::new(3).expect("3 is not zero");

/// What is counted for a mailbox is counted within a day.
pub(super) const DAY: TimeDelta = TimeDelta::hours(24);
/// How many codes may be requested for a mailbox per day.
pub const CODES_PER_DAY: i64 = 20;
/// How many of these from one network, so that whoever requests them from one place does not use up the owner's.
pub const CODES_PER_NETWORK: i64 = 6;
/// How many wrong codes may be typed for a mailbox per day: guesses at random succeed once in 137 years.
pub const GUESSES_PER_DAY: i64 = 20;

/// A requested code, as it is stored.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct StoredCode {
    pub email: Email,
    pub code_hash: String,
}

/// What was counted for a mailbox within a day from `since`.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Mailbox {
    pub since: DateTime<Utc>,
    pub codes: i64,
    pub guesses: i64,
}

impl Mailbox {
    /// 429 until the day is over.
    fn refuse<T>(&self, why: &str, email: &Email, now: DateTime<Utc>) -> Result<T> {
        let left = self.since + DAY - now;
        let hours = (left.num_minutes() + 59) / 60;
        let detail = format!(
            "{why} Open the link in the newest mail, continue with GitHub where that is offered, or ask whoever runs this server for `embed-server user link {email}`. Codes work again in {hours} h."
        );
        Err(Error::new(Code::RateLimited, detail).retry_after(left.num_seconds().max(1).unsigned_abs()))
    }
}

impl SignIn {
    /// Creates a code for this address, sends it with a link (or logs both, where this server sends no mail), and returns
    /// the id to redeem it under. Only the browser that keeps `binding` can redeem it. 429 `rate_limited` beyond a day's
    /// number of codes for this mailbox, or of this browser's network for it.
    pub async fn send_code(&self, email: Email, browser: &Browser, binding: &str) -> Result<Uuid> {
        let now = self.context.clock.now();
        let network = network(browser.address).to_string();
        let (id, code) = (self.context.ids.next(), self.context.random.characters(b"0123456789", DIGITS));
        let mut tx = self.context.db.begin_global().await?;
        let mailbox = store::count_for_mailbox(&mut tx, &email, (1, 0), now).await?;
        let from_network = store::codes_of_network(&mut tx, &email, &network, mailbox.since).await?;
        if from_network >= CODES_PER_NETWORK {
            let why =
                format!("{CODES_PER_NETWORK} codes for this mailbox were requested from your network today.");
            return mailbox.refuse(&why, &email, now);
        }
        if mailbox.codes > CODES_PER_DAY {
            let why = format!("{CODES_PER_DAY} codes were requested for this mailbox today.");
            return mailbox.refuse(&why, &email, now);
        }
        let stored = StoredCode { email: email.clone(), code_hash: self.hash_code(id, &code)? };
        let binding = (&*hash(binding), &*network);
        store::insert_code(&mut tx, id, &stored, binding, (now, now + LIFETIME)).await?;
        tx.commit().await?;
        let mail = SignInMail {
            code: (mailbox.guesses < GUESSES_PER_DAY).then_some(code),
            reason: if mailbox.codes == CODES_PER_DAY || from_network + 1 == CODES_PER_NETWORK {
                Reason::LastCode
            } else {
                Reason::Requested
            },
            address: browser.address,
        };
        self.deliver_later(email, mail);
        Ok(id)
    }

    /// Begins a session with a code, which is valid once, in the browser that requested it, for five minutes and three
    /// guesses. 429 `rate_limited` beyond a day's number of wrong codes for the mailbox.
    pub async fn redeem_code(
        &self,
        id: Uuid,
        code: &str,
        browser: &Browser,
        binding: &str,
    ) -> Result<StartedSession> {
        let digits: String = code.chars().filter(|character| !character.is_whitespace()).collect();
        if digits.len() != DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            // Text that cannot be a code is no guess, so it is not counted.
            return Err(wrong_code());
        }
        let now = self.context.clock.now();
        let mut tx = self.context.db.begin_global().await?;
        let found = store::try_code(&mut tx, id, &hash(binding), now).await?.ok_or_else(code_ended)?;
        let mailbox = store::count_for_mailbox(&mut tx, &found.email, (0, 1), now).await?;
        if mailbox.guesses > GUESSES_PER_DAY {
            let why = format!("{GUESSES_PER_DAY} wrong codes were typed for this mailbox today.");
            return mailbox.refuse(&why, &found.email, now);
        }
        // The guess is counted before it is looked at, so that guesses at the same time are counted too.
        tx.commit().await?;
        if !equal(self.hash_code(id, &digits)?.as_bytes(), found.code_hash.as_bytes()) {
            if mailbox.guesses == GUESSES_PER_DAY {
                let mail = SignInMail { code: None, reason: Reason::Guessed, address: browser.address };
                self.deliver_later(found.email, mail);
            }
            return Err(wrong_code());
        }
        let mut tx = self.context.db.begin_global().await?;
        if !store::use_code(&mut tx, id, now).await? {
            return Err(code_ended());
        }
        store::count_for_mailbox(&mut tx, &found.email, (0, -1), now).await?;
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
    let detail = "This code was used, was tried too often, is older than five minutes, or was requested in another browser. Request another one here, or open the link in the mail.";
    Error::new(Code::CodeEnded, detail)
}
