//! The mails with which a person signs in.

use super::SignIn;
use super::codes::{DAY, GUESSES_PER_DAY};
use crate::accounts::Email;
use chrono::TimeDelta;
use embed_base::Result;
use std::net::IpAddr;

/// How long the link in a mail is valid: longer than a code, because mail servers keep mail of unknown senders waiting.
const LINK_LIFETIME: TimeDelta = TimeDelta::minutes(15);

/// The log target of codes and links that are not sent by mail; the demo prints it.
const SIGN_IN_LOG: &str = "embed_server::sign_in";

/// Why a mail is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// A code was requested.
    Requested,
    /// A code was requested, and it is the last one of this day, for everybody or for this network.
    LastCode,
    /// The last wrong code of this day was typed.
    Guessed,
}

/// A mail that signs in whoever reads it.
pub(super) struct SignInMail {
    /// The code; none where too many wrong ones were typed.
    pub code: Option<String>,
    pub reason: Reason,
    /// Where the code was requested, or typed.
    pub address: IpAddr,
}

impl SignInMail {
    fn link_lifetime(&self) -> TimeDelta {
        if self.reason == Reason::Requested && self.code.is_some() { LINK_LIFETIME } else { DAY }
    }

    fn subject(&self) -> String {
        match (&self.code, self.reason) {
            (_, Reason::Guessed) => "Wrong codes were typed for your address".to_owned(),
            (Some(code), _) => format!("{code} is your code"),
            (None, _) => "Your link to sign in".to_owned(),
        }
    }

    /// `link` is the whole URL.
    fn text(&self, public_url: &str, link: &str) -> String {
        let address = self.address;
        let code = match (&self.code, self.reason) {
            (_, Reason::Guessed) => format!(
                "{GUESSES_PER_DAY} wrong codes were typed today to sign in as you at {public_url}, the last from {address}. Nobody came in. Until tomorrow codes are switched off for your address. The link below still signs you in.\n"
            ),
            (Some(code), _) => format!(
                "Your code is {code}\n\nIt signs you in at {public_url} for the next five minutes, in the browser that requested it.\n"
            ),
            (None, _) => format!(
                "Too many wrong codes were typed today for your address, so codes are switched off until tomorrow. The link below signs you in at {public_url}.\n"
            ),
        };
        let minutes = self.link_lifetime().num_minutes();
        let lifetime = if minutes < 60 { format!("{minutes} minutes") } else { "24 hours".to_owned() };
        let last = match self.reason {
            Reason::LastCode => {
                "\nNo more codes are sent today on requests from there, so this link is valid longer than usual.\n"
            }
            _ => "",
        };
        let requested = match self.reason {
            Reason::Guessed => String::new(),
            _ => format!("\nIt was requested from {address}.\n"),
        };
        format!(
            "{code}\nThis link signs you in once, in any browser, within {lifetime}:\n{link}\n{requested}{last}\nIf that was not you, ignore this mail: nobody can sign in without it.\n"
        )
    }
}

impl SignIn {
    /// Sends the mail, if the address is a member's, after the response.
    pub(super) fn deliver_later(&self, email: Email, mail: SignInMail) {
        let sign_in = self.clone();
        tokio::spawn(async move {
            if let Err(error) = sign_in.deliver(&email, &mail).await {
                tracing::error!(%error, causes = error.causes(), "a code could not be sent");
            }
        });
    }

    async fn deliver(&self, email: &Email, mail: &SignInMail) -> Result<()> {
        if !self.accounts.is_member(email).await? {
            tracing::info!(%email, "a code was requested for an address that is no member's");
            return Ok(());
        }
        let public_url = &self.context.settings.server.public_url;
        let link = self.single_use_link(email, mail.link_lifetime()).await?;
        let link = format!("{public_url}{link}");
        let text = mail.text(public_url, &link);
        if !self.context.mail.send(email.as_str(), &mail.subject(), text).await? {
            let code = mail.code.as_deref().unwrap_or_default();
            tracing::warn!(target: SIGN_IN_LOG, %email, code, link, "SMTP_URL is not set, so this code is printed here instead of being sent");
        }
        Ok(())
    }
}
