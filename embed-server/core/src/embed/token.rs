//! Embed tokens: what a visitor's page may show to prove that `verify` has allowed it.
//!
//! Opaque to everyone but this server, which alone reads them: fixed fields, the origin, and an HMAC-SHA256 over both
//! with a key of its own, in base64url. Nothing is looked up to check one.

use crate::domains::Origin;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use embed_base::crypto::{Secret, SigningKey};
use embed_protocol::EmbedType;
use embed_protocol::verify::TOKEN_SECONDS;
use uuid::Uuid;

/// The first byte: the form of the rest.
const FORM: u8 = 1;
/// Form, token id, site, module, end, type.
const FIXED: usize = 1 + 16 + 16 + 16 + 8 + 1;
const SIGNATURE: usize = 32;
/// The longest token that is looked at, in characters; an origin has at most some 270.
const LONGEST: usize = 600;

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbedToken {
    /// The token's own id.
    pub id: Uuid,
    /// The site.
    pub site: Uuid,
    /// The module that is embedded.
    pub module: Uuid,
    /// The host page's origin.
    pub origin: String,
    /// How the module is embedded; absent where the page did not say.
    pub embed_type: Option<EmbedType>,
    /// When it ends, in whole seconds.
    pub expires_at: DateTime<Utc>,
}

impl EmbedToken {
    /// A token that lives for [`TOKEN_SECONDS`] from now.
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

/// Signs and checks embed tokens.
pub struct TokenKey(SigningKey);

impl TokenKey {
    /// The key of this installation.
    pub fn new(secret: &Secret) -> Self {
        Self(secret.key("embed token"))
    }

    /// The token's text.
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

    /// What the text says, if this server has sealed it and it has not ended.
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

/// Reads a message whose signature is right, so it was written by [`TokenKey::seal`], of this version or another.
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
    fn a_token_of_another_installation_is_worth_nothing() {
        let other = TokenKey::new(&Secret::new([8; 32]));
        assert!(key().open(&other.seal(&token()), now()).is_none());
    }

    proptest! {
        #[test]
        fn a_changed_token_is_worth_nothing(place in 0usize..1000, byte in any::<u8>()) {
            let text = key().seal(&token());
            let mut changed = text.clone().into_bytes();
            let place = place % changed.len();
            changed[place] = byte;
            let changed = String::from_utf8_lossy(&changed).into_owned();
            prop_assert!(changed == text || key().open(&changed, now()).is_none());
        }

        #[test]
        fn whatever_is_no_token_is_refused_without_panic(text in ".*") {
            prop_assert!(key().open(&text, now()).is_none());
        }

        #[test]
        fn bytes_that_are_no_message_are_refused_without_panic(message in any::<Vec<u8>>()) {
            let _ = read(&message);
        }
    }
}
