//! `Idempotency-Key`: a request with one can be repeated after a lost connection, and still creates only one record.
//!
//! The first response is kept for 24 hours, by module, caller and key, in the transaction that creates the record.

use super::access::{Collection, Create};
use super::described::in_header;
use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use aide::operation::add_parameters;
use axum::extract::FromRequestParts;
use axum::http::HeaderName;
use axum::http::request::Parts;
use chrono::TimeDelta;
use embed_base::crypto::sha256_hex;
use embed_base::http::openapi;
use embed_base::{Code, Error, Result};
use schemars::json_schema;
use serde_json::{Value, json};
use std::borrow::Cow;

/// How long a response is kept.
pub const KEPT: TimeDelta = TimeDelta::hours(24);

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const LONGEST: usize = 255;

/// A key of the caller's choice: 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Parses a key; 400 `invalid_header` where it is invalid.
    pub fn parse(text: &str) -> Result<Self> {
        let is_key = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_key { Ok(Self(text.to_owned())) } else { Err(malformed()) }
    }
}

fn malformed() -> Error {
    let detail = format!(
        "An idempotency key is 1 to {LONGEST} visible ASCII characters, in quotes or not, such as a new UUID for each request."
    );
    Error::new(Code::InvalidHeader, detail)
}

/// The text of a string of RFC 9651, as the draft of this header has keys: with and without quotes a key is the same.
fn unquoted(text: &str) -> Option<String> {
    let (mut content, mut rest) = (String::new(), text.strip_prefix('"')?.chars());
    loop {
        match rest.next()? {
            '"' => return rest.as_str().is_empty().then_some(content),
            '\\' => content.push(rest.next().filter(|next| matches!(next, '"' | '\\'))?),
            other => content.push(other),
        }
    }
}

/// A request with a key.
#[derive(Debug)]
pub(super) struct KeyedRequest<'r> {
    pub caller: &'r str,
    pub key: &'r str,
    /// The hash of the request's collection and data.
    pub hash: String,
}

impl<'r> KeyedRequest<'r> {
    pub(super) fn new(collection: &'r Collection<Create>, key: &'r IdempotencyKey, data: &Value) -> Self {
        let content = json!([collection.name(), data]);
        Self { caller: collection.caller(), key: &key.0, hash: sha256_hex(content.to_string().as_bytes()) }
    }

    /// 422 `idempotency_key_reused` where the key was used for another request.
    pub(super) fn check(&self, hash: &str) -> Result<()> {
        if self.hash == hash {
            return Ok(());
        }
        Err(Error::new(
            Code::IdempotencyKeyReused,
            "This idempotency key was used for another request within the last 24 hours; use a new one for each request.",
        ))
    }
}

/// The key of a request, if it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHeader(pub Option<IdempotencyKey>);

impl<S: Send + Sync> FromRequestParts<S> for KeyHeader {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let mut values = parts.headers.get_all(HEADER).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(Self(None)),
            (Some(key), None) => {
                let key = key.to_str().map_err(|_| malformed())?.trim();
                let key = if key.starts_with('"') {
                    unquoted(key).ok_or_else(malformed)?.into()
                } else {
                    Cow::from(key)
                };
                IdempotencyKey::parse(&key).map(Some).map(Self)
            }
            _ => Err(malformed()),
        }
    }
}

impl OperationInput for KeyHeader {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let description =
            "Makes it safe to repeat the request within 24 hours: the first response is repeated.";
        let schema = json_schema!({ "type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": r#"^([!#-~][!-~]*|"[!#-\[\]-~]+")$"# });
        add_parameters(ctx, operation, [in_header("Idempotency-Key", description, schema)]);
        let when = "A header is invalid; `detail` says what is expected.";
        openapi::refuses(ctx, operation, Code::InvalidHeader, when);
        let when = "The key was used for another request within the last 24 hours.";
        openapi::refuses(ctx, operation, Code::IdempotencyKeyReused, when);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_in_quotes() {
        for (text, key) in [
            (r#""k-1""#, Some("k-1")),
            (r#""a\"b\\c""#, Some(r#"a"b\c"#)),
            (r#""""#, Some("")),
            (r#""k-1"#, None),
            (r#""k"1"#, None),
            (r#""k\1""#, None),
            (r#""k";a=1"#, None),
        ] {
            assert_eq!(unquoted(text).as_deref(), key, "{text}");
        }
    }
}
