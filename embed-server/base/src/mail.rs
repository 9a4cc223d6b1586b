//! Sends mail: sign-in codes and invitations.

use crate::config::Settings;
use crate::error::{Code, Error, Result};
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use std::time::Duration;

/// The timeout of each step of sending a mail.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The connection to the mail server, if there is one. Cheap to clone.
#[derive(Clone)]
pub struct Mail {
    from: Mailbox,
    transport: Option<AsyncSmtpTransport<Tokio1Executor>>,
}

impl Mail {
    /// Prepares the connection to the server of `SMTP_URL`, which is made when the first mail is sent.
    pub fn new(settings: &Settings) -> Result<Self> {
        let transport = settings
            .mail
            .smtp_url
            .as_ref()
            .map(|url| AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose()));
        let transport = transport.transpose().map_err(|error| {
            Error::invalid("SMTP_URL is invalid; expected smtps://user:password@host.").caused_by(error)
        })?;
        let from = Mailbox::new(Some("Dramac Embed".to_owned()), settings.mail.mail_from.clone());
        Ok(Self { from, transport: transport.map(|transport| transport.timeout(Some(TIMEOUT)).build()) })
    }

    /// Whether a mail server is configured.
    pub fn is_configured(&self) -> bool {
        self.transport.is_some()
    }

    /// Checks that the server of `SMTP_URL` accepts a connection; the error says why it does not.
    pub async fn ping(&self) -> Result<()> {
        let Some(transport) = &self.transport else { return Ok(()) };
        let refused = "The mail server does not answer as it should; check SMTP_URL.";
        match transport.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::new(Code::Unavailable, refused)),
            Err(error) => Err(Error::unavailable(refused, error)),
        }
    }

    /// Sends a mail in plain text; `false` where no mail server is configured.
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
            Error::unavailable("The mail server did not accept the mail; this server's log says why.", error)
        })?;
        Ok(true)
    }
}
