//! Encryption of secrets in the database: AES-256-GCM with the id of the key in front, and row and column as
//! associated data, so that a value that is copied elsewhere cannot be decrypted.

use super::{Random, Secret, sha256};
use crate::error::{Error, Result};
use aes_gcm::aead::{Aead, Nonce, Payload};
use aes_gcm::{Aes256Gcm, Key, KeyInit};
use std::fmt;
use uuid::Uuid;

/// The bytes of a key's id, the first of its SHA-256.
const KEY_ID: usize = 4;
/// Bytes of a nonce (NIST SP 800-38D, section 8.2.2: random).
const NONCE: usize = 12;

/// Encrypts and decrypts values.
#[derive(Clone)]
pub struct SealingKey {
    id: [u8; KEY_ID],
    cipher: Aes256Gcm,
}

/// Where a value is stored: the column, such as `webhooks.secret`, and the row's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The table and column.
    pub column: &'static str,
    /// The row's id.
    pub row: Uuid,
}

impl Place {
    fn associated_data(self) -> Vec<u8> {
        [self.row.as_bytes().as_slice(), self.column.as_bytes()].concat()
    }
}

impl Secret {
    /// The key that encrypts values.
    pub fn sealing_key(&self) -> SealingKey {
        let key = self.derive("sealed values");
        let [a, b, c, d, ..] = sha256(&key);
        SealingKey { id: [a, b, c, d], cipher: Aes256Gcm::new(&Key::<Aes256Gcm>::from(key)) }
    }
}

impl SealingKey {
    /// Encrypts a value for `place`; returns key id, nonce and ciphertext.
    pub fn seal(&self, place: Place, plain: &[u8], random: &Random) -> Result<Vec<u8>> {
        let nonce: [u8; NONCE] = random.bytes();
        let payload = Payload { msg: plain, aad: &place.associated_data() };
        let sealed = self.cipher.encrypt(&Nonce::<Aes256Gcm>::from(nonce), payload);
        let sealed = sealed.map_err(|error| Error::internal(format!("a value is not sealed: {error}")))?;
        Ok([self.id.as_slice(), &nonce, &sealed].concat())
    }

    /// Decrypts a value that was encrypted for `place`.
    pub fn open(&self, place: Place, sealed: &[u8]) -> Result<Vec<u8>> {
        let broken = |why: &str| Error::internal(format!("{} of row {}: {why}", place.column, place.row));
        let (id, rest) = sealed.split_at_checked(KEY_ID).ok_or_else(|| broken("too short"))?;
        if id != self.id {
            return Err(broken("sealed with another key than EMBED_SECRET_KEY"));
        }
        let (nonce, sealed) = rest.split_at_checked(NONCE).ok_or_else(|| broken("too short"))?;
        let nonce = Nonce::<Aes256Gcm>::try_from(nonce).map_err(|_| broken("too short"))?;
        let payload = Payload { msg: sealed, aad: &place.associated_data() };
        self.cipher.decrypt(&nonce, payload).map_err(|_| broken("changed, or copied from another place"))
    }
}

/// Hides the key from logs.
impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLACE: Place = Place { column: "things.secret", row: Uuid::from_u128(1) };

    fn key(byte: u8) -> SealingKey {
        Secret::new([byte; 32]).sealing_key()
    }

    fn sealed(plain: &[u8]) -> Vec<u8> {
        key(1).seal(PLACE, plain, &Random::seeded(1)).unwrap()
    }

    #[test]
    fn a_value_opens_only_in_its_own_place() {
        let sealed = sealed(b"hunter2");
        assert!(!sealed.windows(7).any(|part| part == b"hunter2"));
        assert_eq!(key(1).open(PLACE, &sealed).unwrap(), b"hunter2");
        assert!(key(1).open(Place { row: Uuid::from_u128(2), ..PLACE }, &sealed).is_err());
        assert!(key(1).open(Place { column: "things.other", ..PLACE }, &sealed).is_err());
    }

    #[test]
    fn another_key_is_distinguished_from_a_changed_value() {
        let causes = |key: SealingKey| key.open(PLACE, &sealed(b"x")).unwrap_err().causes().unwrap();
        assert!(causes(key(2)).contains("another key"), "{}", causes(key(2)));
    }

    proptest! {
        #[test]
        fn no_changed_byte_goes_unnoticed(place in any::<prop::sample::Index>(), flip in 1u8..) {
            let mut changed = sealed(b"some value");
            let place = place.index(changed.len());
            changed[place] ^= flip;
            prop_assert!(key(1).open(PLACE, &changed).is_err());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert!(key(1).open(PLACE, &bytes).is_err());
        }
    }
}
