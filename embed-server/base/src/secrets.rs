//! The format of the secrets that programs send: `dram_live_`, `dram_user_` or `dram_refresh_`, 32 random base62 characters (43 in
//! refresh tokens), and six more that are their CRC-32.
//!
//! The checksum refuses garbage and typing errors without a lookup, and lets scanners find leaked secrets. Only the
//! SHA-256 of a secret is stored: it has at least 190 random bits, so a slow hash would add nothing.

use crate::crypto::{Random, sha256_hex};
use std::fmt;

/// The characters of a secret, in the order of their values.
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The random characters of a secret that people handle, 190 bits.
const RANDOM: usize = 32;
/// Those of one that programs alone handle, 256 bits.
const LONG_RANDOM: usize = 43;
const CHECKSUM: usize = 6;
/// The number of random characters that are shown, so that people can tell secrets apart.
const SHOWN: usize = 8;

/// The kind of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    /// A module's API token.
    Live,
    /// A person's token for the management routes.
    User,
    /// A refresh token of an OAuth client.
    Refresh,
}

impl SecretKind {
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Live => "dram_live_",
            Self::User => "dram_user_",
            Self::Refresh => "dram_refresh_",
        }
    }

    const fn random(self) -> usize {
        match self {
            Self::Live | Self::User => RANDOM,
            Self::Refresh => LONG_RANDOM,
        }
    }
}

/// A secret in a valid format. It is shown once, when it is created.
#[derive(Clone, PartialEq, Eq)]
pub struct Bearer {
    kind: SecretKind,
    text: String,
}

impl Bearer {
    pub fn random(kind: SecretKind, random: &Random) -> Self {
        let mut text = kind.prefix().to_owned();
        text.push_str(&random.characters(BASE62, kind.random()));
        let sum = checksum(&text[kind.prefix().len()..]);
        text.push_str(&sum);
        Self { kind, text }
    }

    /// Parses a secret; `None` for text in another format, or with a wrong checksum.
    pub fn parse(text: &str) -> Option<Self> {
        let kinds = [SecretKind::Live, SecretKind::User, SecretKind::Refresh];
        let kind = kinds.into_iter().find(|kind| text.starts_with(kind.prefix()))?;
        let (random, sum) = text[kind.prefix().len()..].split_at_checked(kind.random())?;
        (random.bytes().all(|byte| byte.is_ascii_alphanumeric()) && sum == checksum(random))
            .then(|| Self { kind, text: text.to_owned() })
    }

    pub fn kind(&self) -> SecretKind {
        self.kind
    }

    /// The secret's text.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// The stored hash: the SHA-256 of the whole text in hex.
    pub fn hash(&self) -> String {
        sha256_hex(self.text.as_bytes())
    }

    /// The first eight of its random characters, for people.
    pub fn shown_prefix(&self) -> &str {
        let start = self.kind.prefix().len();
        &self.text[start..start + SHOWN]
    }
}

/// Hides the secret from logs.
impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}…", self.kind.prefix(), self.shown_prefix())
    }
}

/// The CRC-32 in base62, with leading zeros.
fn checksum(random: &str) -> String {
    let mut rest = crc32fast::hash(random.as_bytes()) as usize;
    let mut digits = [b'0'; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[rest % 62];
        rest /= 62;
    }
    digits.iter().map(|&digit| char::from(digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bearer(kind: SecretKind) -> Bearer {
        Bearer::random(kind, &Random::seeded(1))
    }

    #[test]
    fn a_secret_is_read_back_as_it_was_made() {
        for kind in [SecretKind::Live, SecretKind::User, SecretKind::Refresh] {
            let made = bearer(kind);
            assert_eq!(made.reveal().len(), kind.prefix().len() + kind.random() + CHECKSUM);
            assert_eq!(Bearer::parse(made.reveal()), Some(made.clone()));
            assert!(made.reveal().contains(made.shown_prefix()));
        }
    }

    #[test]
    fn a_secret_is_not_printed() {
        let made = bearer(SecretKind::Live);
        assert_eq!(format!("{made:?}"), format!("dram_live_{}…", made.shown_prefix()));
    }

    #[test]
    fn two_secrets_differ() {
        let random = Random::seeded(1);
        assert_ne!(Bearer::random(SecretKind::Live, &random), Bearer::random(SecretKind::Live, &random));
    }

    proptest! {
        #[test]
        fn a_changed_character_is_noticed(place in 0usize..48, character in "[0-9A-Za-z_]") {
            let text = bearer(SecretKind::Live).reveal().to_owned();
            let mut changed = text.clone();
            changed.replace_range(place..=place, &character);
            prop_assert!(changed == text || Bearer::parse(&changed).is_none());
        }

        #[test]
        fn whatever_is_no_secret_is_refused_without_panic(text in "(dram_(live|user)_)?.{0,50}") {
            prop_assert!(Bearer::parse(&text).is_none());
        }
    }
}
