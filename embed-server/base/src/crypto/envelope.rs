//! Encryption under a key that a presented secret gives: what is kept so can be opened by whoever presents the secret
//! again, and by nobody who has the database and its keys.
//!
//! It has no key id, so the rotation of keys passes it over.

use super::Random;
use crate::error::{Error, Result};
use aes_gcm::aead::{Aead, Nonce};
use aes_gcm::{Aes256Gcm, Key, KeyInit};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};

/// Bytes of a nonce.
const NONCE: usize = 12;
/// Bytes of a key.
const KEY: usize = 32;

struct KeyLength;

impl KeyType for KeyLength {
    fn len(&self) -> usize {
        KEY
    }
}

/// The key that HKDF (RFC 5869) makes from a secret for one purpose.
fn key(purpose: &str, secret: &str) -> Result<Aes256Gcm> {
    let unusable = |_| Error::internal("HKDF made no key");
    let mut bytes = [0; KEY];
    let extracted = Salt::new(HKDF_SHA256, &[]).extract(secret.as_bytes());
    extracted
        .expand(&[purpose.as_bytes()], KeyLength)
        .map_err(unusable)?
        .fill(&mut bytes)
        .map_err(unusable)?;
    Ok(Aes256Gcm::new(&Key::<Aes256Gcm>::from(bytes)))
}

/// Encrypts a text for whoever presents `secret`; returns nonce and ciphertext.
pub fn close_envelope(purpose: &str, secret: &str, plain: &str, random: &Random) -> Result<Vec<u8>> {
    let nonce: [u8; NONCE] = random.bytes();
    let closed = key(purpose, secret)?.encrypt(&Nonce::<Aes256Gcm>::from(nonce), plain.as_bytes());
    let closed = closed.map_err(|error| Error::internal(format!("an envelope is not closed: {error}")))?;
    Ok([nonce.as_slice(), &closed].concat())
}

/// Decrypts what was encrypted for this purpose and secret; `None` for anything else.
pub fn open_envelope(purpose: &str, secret: &str, closed: &[u8]) -> Option<String> {
    let (nonce, closed) = closed.split_at_checked(NONCE)?;
    let nonce = Nonce::<Aes256Gcm>::try_from(nonce).ok()?;
    String::from_utf8(key(purpose, secret).ok()?.decrypt(&nonce, closed).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secret_and_its_purpose_open_an_envelope() {
        let closed = close_envelope("code", "secret", "answer", &Random::seeded(1)).unwrap();
        assert!(!closed.windows(6).any(|part| part == b"answer"));
        assert_eq!(open_envelope("code", "secret", &closed).as_deref(), Some("answer"));
        assert_eq!(open_envelope("refresh", "secret", &closed), None);
        assert_eq!(open_envelope("code", "Secret", &closed), None);
        assert_eq!(open_envelope("code", "secret", &closed[1..]), None);
        assert_eq!(open_envelope("code", "secret", b""), None);
    }
}
