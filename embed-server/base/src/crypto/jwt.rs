//! JSON Web Tokens (RFC 7519) signed with ES256, on `jsonwebtoken`, whose cryptography is `ring`'s here.
//!
//! The caller pins the algorithm and the `typ`; a header of another is refused before its signature is looked at. Times are
//! left to the caller, because `jsonwebtoken` knows the system's clock alone.

use super::sha256;
use crate::error::{Error, Result};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::crypto::{CryptoProvider, JwkUtils, JwtSigner, JwtVerifier};
use jsonwebtoken::errors::{Error as JwtError, ErrorKind};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey, Header, Validation};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use signature::{Signer, Verifier};
use std::fmt;
use std::sync::Once;

/// The first byte of an uncompressed point of a curve (SEC 1, section 2.3.3).
const UNCOMPRESSED: u8 = 4;
/// Bytes of a coordinate of P-256.
const COORDINATE: usize = 32;

/// The public half of a key (RFC 7517), as a JWKS lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    kty: String,
    crv: String,
    x: String,
    y: String,
    /// Its thumbprint (RFC 7638), which tokens name.
    pub kid: String,
    alg: String,
    #[serde(rename = "use")]
    usage: String,
}

/// A private key for ES256.
pub struct JwtKey {
    pkcs8: Vec<u8>,
    jwk: Jwk,
}

/// Which key signed a token, before the signature was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UncheckedHeader {
    /// The key's id; empty where the token names none.
    pub kid: String,
}

impl JwtKey {
    /// A new key.
    pub fn generate() -> Result<Self> {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let pkcs8 = pkcs8.map_err(|_| Error::internal("no key for ES256 was made"))?;
        Self::from_pkcs8(pkcs8.as_ref().to_vec())
    }

    /// The key in a PKCS #8 document.
    pub fn from_pkcs8(pkcs8: Vec<u8>) -> Result<Self> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8, &SystemRandom::new());
        let pair = pair.map_err(|error| Error::internal(format!("not a key for ES256: {error}")))?;
        let (x, y) = pair.public_key().as_ref()[1..].split_at(COORDINATE);
        Ok(Self { jwk: Jwk::new(x, y), pkcs8 })
    }

    /// The PKCS #8 document, to be stored encrypted.
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The public half.
    pub fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    /// Signs claims as a token of this `typ`.
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String> {
        install();
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(typ.to_owned());
        header.kid = Some(self.jwk.kid.clone());
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_ec_der(&self.pkcs8)).map_err(Error::internal)
    }
}

/// Hides the key from logs.
impl fmt::Debug for JwtKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JwtKey({})", self.jwk.kid)
    }
}

impl Jwk {
    fn new(x: &[u8], y: &[u8]) -> Self {
        let (x, y) = (BASE64.encode(x), BASE64.encode(y));
        // RFC 7638: the required members alone, in the order of their names.
        let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let kid = BASE64.encode(sha256(members.as_bytes()));
        let [kty, crv, alg, usage] = ["EC", "P-256", "ES256", "sig"].map(str::to_owned);
        Self { kty, crv, x, y, kid, alg, usage }
    }

    /// The claims of a token of this `typ` that this key signed; `None` for any other text.
    pub fn verify<T: DeserializeOwned>(&self, typ: &str, token: &str) -> Option<T> {
        install();
        let header = jsonwebtoken::decode_header(token).ok()?;
        if header.alg != Algorithm::ES256 || header.typ.as_deref() != Some(typ) {
            return None;
        }
        let key = DecodingKey::from_ec_components(&self.x, &self.y).ok()?;
        let mut validation = Validation::new(Algorithm::ES256);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        jsonwebtoken::decode(token, &key, &validation).ok().map(|token| token.claims)
    }
}

/// The header of a token whose signature is not checked yet; `None` for text that is no token.
pub fn unchecked_header(token: &str) -> Option<UncheckedHeader> {
    let header = jsonwebtoken::decode_header(token).ok()?;
    Some(UncheckedHeader { kid: header.kid.unwrap_or_default() })
}

/// Tells `jsonwebtoken` to use `ring`.
fn install() {
    static ONCE: Once = Once::new();
    static PROVIDER: CryptoProvider = CryptoProvider {
        signer_factory: signer,
        verifier_factory: verifier,
        // Nothing here calls these; `Jwk` makes thumbprints.
        jwk_utils: JwkUtils::new_unimplemented(),
    };
    ONCE.call_once(|| {
        // It fails where one is installed already, which is this one: nothing else installs any.
        let _ = PROVIDER.install_default();
    });
}

struct Es256Signer(EcdsaKeyPair);

struct Es256Verifier(DecodingKey);

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, JwtError> {
    if *algorithm != Algorithm::ES256 || key.family() != AlgorithmFamily::Ec {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.inner(), &SystemRandom::new());
    Ok(Box::new(Es256Signer(pair.map_err(|_| ErrorKind::InvalidEcdsaKey)?)))
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, JwtError> {
    if *algorithm != Algorithm::ES256 || key.family() != AlgorithmFamily::Ec {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    Ok(Box::new(Es256Verifier(key.clone())))
}

impl Signer<Vec<u8>> for Es256Signer {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        let signed = self.0.sign(&SystemRandom::new(), message);
        signed.map(|signature| signature.as_ref().to_vec()).map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for Es256Signer {
    fn algorithm(&self) -> Algorithm {
        Algorithm::ES256
    }
}

impl Verifier<Vec<u8>> for Es256Verifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        debug_assert_eq!(self.0.as_bytes().first(), Some(&UNCOMPRESSED));
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.0.as_bytes());
        key.verify(message, signature).map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Es256Verifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::ES256
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const TYP: &str = "at+jwt";

    fn encoded(part: &Value) -> String {
        BASE64.encode(part.to_string())
    }

    #[test]
    fn what_a_key_signed_it_verifies() {
        let key = JwtKey::generate().unwrap();
        let token = key.sign(TYP, &json!({ "sub": "somebody" })).unwrap();
        assert_eq!(unchecked_header(&token).unwrap().kid, key.jwk().kid);
        assert_eq!(key.jwk().verify::<Value>(TYP, &token), Some(json!({ "sub": "somebody" })));
        let again = JwtKey::from_pkcs8(key.pkcs8().to_vec()).unwrap();
        assert_eq!(again.jwk(), key.jwk());
    }

    #[test]
    fn another_key_another_type_and_another_algorithm_are_refused() {
        let key = JwtKey::generate().unwrap();
        let token = key.sign(TYP, &json!({ "sub": "somebody" })).unwrap();
        assert_eq!(JwtKey::generate().unwrap().jwk().verify::<Value>(TYP, &token), None);
        assert_eq!(key.jwk().verify::<Value>("JWT", &token), None);
        let claims = encoded(&json!({ "sub": "somebody" }));
        let kid = &key.jwk().kid;
        let none = format!("{}.{claims}.", encoded(&json!({ "alg": "none", "typ": TYP, "kid": kid })));
        assert_eq!(key.jwk().verify::<Value>(TYP, &none), None);
        // HS256 with the public key's text as the secret, which a verifier that trusts `alg` would accept.
        let head = encoded(&json!({ "alg": "HS256", "typ": TYP, "kid": kid }));
        let secret = serde_json::to_vec(key.jwk()).unwrap();
        let mac = ring::hmac::sign(
            &ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &secret),
            format!("{head}.{claims}").as_bytes(),
        );
        let forged = format!("{head}.{claims}.{}", BASE64.encode(mac));
        assert_eq!(key.jwk().verify::<Value>(TYP, &forged), None);
    }

    #[test]
    fn a_key_is_named_by_its_thumbprint() {
        // The key of RFC 7515, appendix A.3.
        let coordinate = |text| BASE64.decode(text).unwrap();
        let x = coordinate("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU");
        let y = coordinate("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
        assert_eq!(Jwk::new(&x, &y).kid, "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
    }

    proptest! {
        #[test]
        fn no_changed_byte_is_accepted(place in any::<prop::sample::Index>(), character in "[A-Za-z0-9_.-]") {
            let key = JwtKey::generate().unwrap();
            let token = key.sign(TYP, &json!({ "sub": "somebody", "n": 1 })).unwrap();
            let place = place.index(token.len());
            let mut changed = token.clone();
            changed.replace_range(place..=place, &character);
            // The last character of a part has bits that mean nothing; decoders must refuse them, too.
            prop_assert!(changed == token || key.jwk().verify::<Value>(TYP, &changed).is_none());
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,60}|eyJ[A-Za-z0-9]{0,20}\\.[A-Za-z0-9]{0,20}\\.[A-Za-z0-9]{0,20}") {
            let key = JwtKey::generate().unwrap();
            prop_assert_eq!(key.jwk().verify::<Value>(TYP, &text), None);
            let _ = unchecked_header(&text);
        }
    }
}
