//! Embed tokens: a visitor's page shows one to prove that `verify` has allowed it.
//!
//! A token is opaque to everyone but this server: fixed fields, the origin, and an HMAC-SHA256 over both with a key
//! of its own, in base64url. Checking one needs no lookup.

use crate::domains::Origin;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use embed_base::crypto::{Secret, SigningKey};
use embed_protocol::EmbedType;
use embed_protocol::verify::TOKEN_SECONDS;
use uuid::Uuid;

/// The version of the format, in the first byte.
const FORM: u8 = 1;
/// Form, token id, site, module, end, type.
const FIXED: usize = 1 + 16 + 16 + 16 + 8 + 1;
const SIGNATURE: usize = 32;
/// The longest token that is parsed, in characters; an origin has at most about 270.
const LONGEST: usize = 600;

/// The content of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbedToken {
    pub id: Uuid,
    pub site: Uuid,
    pub module: Uuid,
    /// The host page's origin.
    pub origin: String,
    /// How the module is embedded; `None` where the page did not say.
    pub embed_type: Option<EmbedType>,
    /// When it expires, in whole seconds.
    pub expires_at: DateTime<Utc>,
}

impl EmbedToken {
    /// A token that is valid for [`TOKEN_SECONDS`] from now.
    pub fn new(
        id: Uuid,
        site: Uuid,
        module: Uuid,
        origin: &Origin,
        embed_type: Option<EmbedType>,
        now: DateTime<Utc>,
    ) -> Self {
        let expires_at = now + TimeDelta::seconds(TOKEN_SECONDS.into());
        Self { id, site, module, origin: origin.to_string(), embed_type, expires_at }
    }
}

pub struct TokenKey(SigningKey);

impl TokenKey {
    /// The key of this installation.
    pub fn new(secret: &Secret) -> Self {
        Self(secret.key("embed token"))
    }

    /// Signs a token and returns its text.
    pub fn seal(&self, token: &EmbedToken) -> String {
        let mut bytes = Vec::with_capacity(FIXED + token.origin.len() + SIGNATURE);
        bytes.push(FORM);
        bytes.extend(token.id.as_bytes());
        bytes.extend(token.site.as_bytes());
        bytes.extend(token.module.as_bytes());
        bytes.extend(token.expires_at.timestamp().to_be_bytes());
        bytes.push(match token.embed_type {
            None => 0,
            Some(EmbedType::Widget) => 1,
            Some(EmbedType::Popup) => 2,
            Some(EmbedType::Inline) => 3,
        });
        bytes.extend(token.origin.as_bytes());
        let signature = self.0.sign(&bytes);
        bytes.extend(signature);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Parses the text; `None` where this server did not sign it, or it has expired.
    pub fn open(&self, text: &str, now: DateTime<Utc>) -> Option<EmbedToken> {
        if text.len() > LONGEST {
            return None;
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (message, signature) = bytes.split_at_checked(bytes.len().checked_sub(SIGNATURE)?)?;
        if !self.0.verify(message, signature) {
            return None;
        }
        let token = read(message)?;
        (token.expires_at > now).then_some(token)
    }
}

/// Parses a message with a valid signature: this or another version of [`TokenKey::seal`] wrote it.
fn read(message: &[u8]) -> Option<EmbedToken> {
    let (&[form], rest) = message.split_first_chunk::<1>()?;
    let (id, rest) = rest.split_first_chunk::<16>()?;
    let (site, rest) = rest.split_first_chunk::<16>()?;
    let (module, rest) = rest.split_first_chunk::<16>()?;
    let (expires_at, rest) = rest.split_first_chunk::<8>()?;
    let (&[embed_type], origin) = rest.split_first_chunk::<1>()?;
    (form == FORM).then_some(())?;
    Some(EmbedToken {
        id: Uuid::from_bytes(*id),
        site: Uuid::from_bytes(*site),
        module: Uuid::from_bytes(*module),
        origin: String::from_utf8(origin.to_vec()).ok()?,
        embed_type: match embed_type {
            0 => None,
            1 => Some(EmbedType::Widget),
            2 => Some(EmbedType::Popup),
            3 => Some(EmbedType::Inline),
            _ => return None,
        },
        expires_at: DateTime::from_timestamp(i64::from_be_bytes(*expires_at), 0)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> TokenKey {
        TokenKey::new(&Secret::new([7; 32]))
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn token() -> EmbedToken {
        let origin = Origin::parse("https://example.com", false).unwrap();
        EmbedToken::new(
            Uuid::now_v7(),
            Uuid::now_v7(),
            Uuid::now_v7(),
            &origin,
            Some(EmbedType::Popup),
            now(),
        )
    }

    #[test]
    fn a_token_is_read_back_as_it_was_sealed() {
        assert_eq!(key().open(&key().seal(&token()), now()).unwrap().origin, "https://example.com");
        let token = token();
        assert_eq!(key().open(&key().seal(&token), now()), Some(token));
    }

    #[test]
    fn a_token_ends_after_an_hour() {
        let text = key().seal(&token());
        assert!(key().open(&text, now() + TimeDelta::seconds(3599)).is_some());
        assert!(key().open(&text, now() + TimeDelta::seconds(3600)).is_none());
    }

    #[test]
    fn a_token_of_another_installation_is_refused() {
        let other = TokenKey::new(&Secret::new([8; 32]));
        assert!(key().open(&other.seal(&token()), now()).is_none());
    }

    proptest! {
        #[test]
        fn a_changed_token_is_refused(place in 0usize..1000, byte in any::<u8>()) {
            let text = key().seal(&token());
            let mut changed = text.clone().into_bytes();
            let place = place % changed.len();
            changed[place] = byte;
            let changed = String::from_utf8_lossy(&changed).into_owned();
            prop_assert!(changed == text || key().open(&changed, now()).is_none());
        }

        #[test]
        fn any_other_text_is_refused_without_panic(text in ".*") {
            prop_assert!(key().open(&text, now()).is_none());
        }

        #[test]
        fn bytes_that_are_no_message_are_refused_without_panic(message in any::<Vec<u8>>()) {
            let _ = read(&message);
        }
    }
}
