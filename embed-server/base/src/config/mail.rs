use super::ServerSettings;
use super::secret_text::SecretText;
use super::setting::{Flag, section};
use lettre::Address;
use url::Url;

section! {
    /// Sign-in codes and invitations.
    pub struct MailSettings(server: &ServerSettings) titled "Mail";

    smtp_url: Option<SecretText> = {
        variable: "SMTP_URL",
        flag: Flag::None,
        meaning: "the server that sends mail",
        unset: "none, sign-in codes are printed in the log",
        expected: "smtps://user:password@host, smtp://host:port?tls=required, or smtp://host:port",
        parse: smtp_url,
    }
    mail_from: Address = {
        variable: "EMBED_MAIL_FROM",
        flag: Flag::Value("ADDRESS"),
        meaning: "the sender of mail",
        derived: "embed@ and the public host" => usual_sender(&server.public_url),
        expected: "an email address, for example embed@example.com",
        parse: |text| text.parse().ok(),
    }
}

/// How its connection is secured, the URL says itself.
fn smtp_url(text: &str) -> Option<SecretText> {
    let url = Url::parse(text).ok()?;
    (matches!(url.scheme(), "smtp" | "smtps") && url.has_host()).then(|| SecretText::new(text))
}

fn usual_sender(public_url: &str) -> Address {
    let url = Url::parse(public_url).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or("localhost");
    Address::new("embed", host)
        .or_else(|_| Address::new("embed", "localhost"))
        .expect("embed@localhost is an address")
}
