//! Letters to people: codes to sign in with, and invitations.

use crate::config::Settings;
use crate::error::{Code, Error, Result};
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use std::time::Duration;

/// How long the mail server may take for each step.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The mail server that takes letters, or none. Cheap to clone.
#[derive(Clone)]
pub struct Mail {
    from: Mailbox,
    transport: Option<AsyncSmtpTransport<Tokio1Executor>>,
}

impl Mail {
    /// Prepares for the server of `SMTP_URL`; it is called when there is a letter.
    pub fn new(settings: &Settings) -> Result<Self> {
        let transport = settings
            .mail
            .smtp_url
            .as_ref()
            .map(|url| AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose()));
        let transport = transport.transpose().map_err(|error| {
            Error::invalid("SMTP_URL is not what was expected: smtps://user:password@host.").caused_by(error)
        })?;
        let from = Mailbox::new(Some("Dramac Embed".to_owned()), settings.mail.mail_from.clone());
        Ok(Self { from, transport: transport.map(|transport| transport.timeout(Some(TIMEOUT)).build()) })
    }

    /// Whether letters are sent at all.
    pub fn is_sent(&self) -> bool {
        self.transport.is_some()
    }

    /// Whether the server of `SMTP_URL` lets this one in; the error says why it does not.
    pub async fn ping(&self) -> Result<()> {
        let Some(transport) = &self.transport else { return Ok(()) };
        let refused = "The mail server does not answer as it should; check SMTP_URL.";
        match transport.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::new(Code::Unavailable, refused)),
            Err(error) => Err(Error::unavailable(refused, error)),
        }
    }

    /// Sends a letter in plain text; `false` where none are sent.
    pub async fn send(&self, to: &str, subject: &str, text: String) -> Result<bool> {
        let Some(transport) = &self.transport else { return Ok(false) };
        let to = to.parse().map_err(Error::internal)?;
        let letter = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body(text)
            .map_err(Error::internal)?;
        transport.send(letter).await.map_err(|error| {
            Error::unavailable("The mail server did not take the letter; the server's log says why.", error)
        })?;
        Ok(true)
    }
}
