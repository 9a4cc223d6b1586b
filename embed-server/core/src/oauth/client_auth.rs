//! How a client proves that it is one (RFC 6749, section 2.3): with HTTP Basic or in the form; a public client names itself.

use super::parameters::Parameters;
use super::{Client, OAuth};
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use embed_base::crypto::{equal, sha256_hex};
use embed_base::limits::{Limit, RateLimits};
use embed_base::{Code, Error, Result};
use percent_encoding::percent_decode_str;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

/// Failed proofs per minute and address.
pub const FAILURES: NonZeroU32 = NonZeroU32::new(30).expect("30 is not zero");
/// Requests per minute of one client.
pub const CLIENT_LIMIT: NonZeroU32 = NonZeroU32::new(3000).expect("3000 is not zero");

/// Requests per minute of one client for one person at the token endpoint.
pub const TOKENS_LIMIT: NonZeroU32 = NonZeroU32::new(60).expect("60 is not zero");

/// What a request shows of its client.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shown {
    client_id: String,
    secret: Option<String>,
}

impl OAuth {
    /// The client that sent this request; 401 `invalid_client` for an unknown one and a wrong secret, 400 where it shows
    /// two proofs.
    pub(super) async fn authenticate(
        &self,
        limits: &RateLimits,
        headers: &HeaderMap,
        form: &Parameters,
        address: IpAddr,
    ) -> Result<Arc<Client>> {
        let authenticated = async {
            let shown = Shown::read(headers, form)?;
            let client = self.client(&shown.client_id).await?.ok_or_else(unknown)?;
            self.check_secret(&client, shown.secret.as_deref())?;
            Ok::<_, Error>(client)
        };
        match authenticated.await {
            // Whoever names a public client has proved nothing, and must not use up what its people may ask for.
            Ok(client) if !client.is_confidential() => Ok(client),
            Ok(client) => {
                limits.count(vec![Limit::client(client.id, CLIENT_LIMIT)]).await.check()?;
                Ok(client)
            }
            Err(error) if error.status().is_server_error() => Err(error),
            Err(error) => {
                limits.count(vec![Limit::oauth_failure(address, FAILURES)]).await.check()?;
                Err(error)
            }
        }
    }

    fn check_secret(&self, client: &Client, secret: Option<&str>) -> Result<()> {
        let Some(current) = &client.client_secret_hash else {
            return match secret {
                None => Ok(()),
                Some(_) => Err(invalid(
                    "This is a public client, which has no secret; leave out `client_secret` and Authorization.",
                )),
            };
        };
        let secret = secret.ok_or_else(|| {
            invalid("This client has a secret; send it with HTTP Basic or as `client_secret` in the form.")
        })?;
        let hash = sha256_hex(secret.as_bytes());
        let previous = client.previous_secret_until.filter(|until| *until > self.context.clock.now());
        let previous = previous.and(client.previous_secret_hash.as_ref());
        let is_current = equal(current.as_bytes(), hash.as_bytes());
        let is_previous = previous.is_some_and(|previous| equal(previous.as_bytes(), hash.as_bytes()));
        if is_current || is_previous { Ok(()) } else { Err(invalid("The client secret is wrong.")) }
    }
}

impl Shown {
    fn read(headers: &HeaderMap, form: &Parameters) -> Result<Self> {
        let (id, secret) = (form.one("client_id")?, form.one("client_secret")?);
        let Some(header) = headers.get(header::AUTHORIZATION) else {
            let client_id = id.ok_or_else(|| {
                invalid("The request names no client; send HTTP Basic, or `client_id` in the form.")
            })?;
            return Ok(Self { client_id: client_id.to_owned(), secret: secret.map(str::to_owned) });
        };
        let shown = header.to_str().ok().and_then(Self::from_basic);
        let shown = shown.ok_or_else(|| {
            invalid("Authorization is not understood; expected Basic with client id and secret, each form-encoded, joined by a colon.")
        })?;
        if secret.is_some() {
            return Err(Error::invalid(
                "The request shows the client secret twice; send either Authorization or `client_secret`.",
            ));
        }
        if id.is_some_and(|id| id != shown.client_id) {
            return Err(Error::invalid("`client_id` is another client than that in Authorization."));
        }
        Ok(shown)
    }

    /// Reads the header; both parts are form-encoded (RFC 6749, section 2.3.1).
    fn from_basic(header: &str) -> Option<Self> {
        let (scheme, encoded) = header.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (id, secret) = decoded.split_once(':')?;
        let part = |text: &str| {
            let spaced = text.replace('+', " ");
            percent_decode_str(&spaced).decode_utf8().map(|text| text.into_owned()).ok()
        };
        let secret = part(secret)?;
        Some(Self { client_id: part(id)?, secret: Some(secret).filter(|secret| !secret.is_empty()) })
    }
}

fn invalid(detail: &str) -> Error {
    Error::new(Code::InvalidClient, detail)
}

fn unknown() -> Error {
    invalid("There is no such client, or it is switched off.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(text: &str) -> Option<Shown> {
        Shown::from_basic(&format!("Basic {}", BASE64_STANDARD.encode(text)))
    }

    #[test]
    fn both_parts_are_form_encoded() {
        let shown = |id: &str, secret: &str| {
            Some(Shown { client_id: id.to_owned(), secret: Some(secret.to_owned()) })
        };
        assert_eq!(basic("dram_1:dram_secret_2"), shown("dram_1", "dram_secret_2"));
        assert_eq!(basic("dram%5F1:dram%5Fsecret%5F2"), shown("dram_1", "dram_secret_2"));
        assert_eq!(basic("a+b:c%3Ad"), shown("a b", "c:d"));
        assert_eq!(basic("a:").unwrap().secret, None);
    }

    #[test]
    fn what_is_not_understood_is_nothing() {
        for header in ["", "Basic", "Basic !", "Bearer YTpi", "Basic YQ=="] {
            assert_eq!(Shown::from_basic(header), None, "{header}");
        }
        assert_eq!(basic("a%ff:b"), None);
    }
}
