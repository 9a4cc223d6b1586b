//! Hashing, signing, sealing and random values.
//!
//! Every key is derived from the one secret of the installation by a label, so that a value signed for one purpose is
//! invalid for another.

mod envelope;
pub mod jwt;
mod seal;

pub use envelope::{close_envelope, open_envelope};
pub use seal::{Place, SealingKey};

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use rand::{Rng, SeedableRng, rngs::StdRng};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// The secret of this installation, 32 bytes.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl Secret {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A random secret for development, lost when the process ends.
    pub fn random(random: &Random) -> Self {
        Self(random.bytes())
    }

    /// The key for one purpose, e.g. `"embed token"`.
    pub fn key(&self, purpose: &str) -> SigningKey {
        SigningKey::new(&self.derive(purpose))
    }

    fn derive(&self, purpose: &str) -> [u8; 32] {
        SigningKey::new(&self.0).sign(purpose.as_bytes())
    }
}

/// Hides the secret from logs.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Signs with HMAC-SHA256. The keyed state is computed once, so that a signature costs two compressions less.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    fn new(key: &[u8; 32]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC takes keys of any length"))
    }

    pub fn sign(&self, message: &[u8]) -> [u8; 32] {
        self.0.clone().chain_update(message).finalize().into_bytes().into()
    }

    /// Whether `signature` is that of `message`, compared in constant time; a wrong length is just invalid.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.clone().chain_update(message).verify_slice(signature).is_ok()
    }
}

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// SHA-256 as 64 lower-case hex digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&sha256(bytes))
}

/// Whether two secrets are equal, in a time that depends on their lengths alone.
pub fn equal(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A source of randomness: the thread's generator, or a seeded one for repeatable tests.
#[derive(Clone, Default)]
pub struct Random(Option<Arc<Mutex<StdRng>>>);

impl Random {
    /// Returns the same bytes on every run; for tests only.
    pub fn seeded(seed: u64) -> Self {
        Self(Some(Arc::new(Mutex::new(StdRng::seed_from_u64(seed)))))
    }

    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        match &self.0 {
            None => rand::rng().fill_bytes(&mut bytes),
            Some(seeded) => seeded.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes),
        }
        bytes
    }

    /// A UUIDv7 for what is not stored: unlike `Uuid::now_v7` it makes no system call, and is not ordered within a
    /// millisecond.
    pub fn id(&self, now: DateTime<Utc>) -> Uuid {
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid()
    }

    /// `count` characters of an ASCII alphabet, all equally likely.
    pub fn characters(&self, alphabet: &[u8], count: usize) -> String {
        let fair = 256 - 256 % alphabet.len();
        let bytes = std::iter::repeat_with(|| usize::from(self.bytes::<1>()[0]));
        bytes
            .filter(|&byte| byte < fair)
            .map(|byte| char::from(alphabet[byte % alphabet.len()]))
            .take(count)
            .collect()
    }

    /// A token of 64 hex digits (256 bits).
    pub fn hex_token(&self) -> String {
        hex(&self.bytes::<32>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_of_one_purpose_is_invalid_for_another() {
        let secret = Secret::new([7; 32]);
        let signature = secret.key("embed token").sign(b"message");
        assert!(secret.key("embed token").verify(b"message", &signature));
        assert!(!secret.key("session").verify(b"message", &signature));
    }

    #[test]
    fn a_signature_of_the_wrong_length_is_refused_without_panic() {
        let key = Secret::new([7; 32]).key("embed token");
        let signature = key.sign(b"message");
        assert!(!key.verify(b"message", &signature[..31]));
        assert!(!key.verify(b"message", b""));
    }

    #[test]
    fn sha256_is_written_in_lower_case_hex() {
        assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn secrets_are_not_printed() {
        assert_eq!(format!("{:?}", Secret::new([7; 32])), "Secret(…)");
    }
}
