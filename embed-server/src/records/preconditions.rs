//! Conditions on a record's version: `If-Match` and `If-None-Match` (RFC 9110, section 13.1), and the `ETag` that they are
//! about, which is the version in quotes.

use super::Record;
use super::described::in_header;
use crate::error::{Error, Result};
use crate::http::openapi;
use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use aide::operation::add_parameters;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use schemars::json_schema;

/// What a change asks of the record's version. Extracted from `If-Match`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IfMatch(Option<Tags>);

/// Which versions a reader has. Extracted from `If-None-Match`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IfNoneMatch(Option<Tags>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Tags {
    /// `*`: whatever there is.
    Any,
    /// The tags, in their quotes; a weak one begins with `W/`.
    Listed(Vec<String>),
}

/// The tag of a version.
pub fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

impl IfMatch {
    /// A change of the record whatever its version.
    pub const NONE: Self = Self(None);

    /// A change of exactly this version.
    pub fn version(version: i64) -> Self {
        Self(Some(Tags::Listed(vec![etag(version)])))
    }

    /// Whether there is a condition at all.
    pub fn is_conditional(&self) -> bool {
        self.0.is_some()
    }

    /// 412 `precondition_failed` when the record is not at a version that was named. A weak tag never is
    /// (the comparison is the strong one).
    pub fn check(&self, record: &Record) -> Result<()> {
        match &self.0 {
            None | Some(Tags::Any) => Ok(()),
            Some(Tags::Listed(tags)) if tags.contains(&etag(record.version)) => Ok(()),
            Some(Tags::Listed(_)) => Err(changed_meanwhile()),
        }
    }
}

impl IfNoneMatch {
    /// Whether the reader has this version already.
    pub fn knows(&self, record: &Record) -> bool {
        match &self.0 {
            None => false,
            Some(Tags::Any) => true,
            Some(Tags::Listed(tags)) => {
                let current = etag(record.version);
                tags.iter().any(|tag| tag.strip_prefix("W/").unwrap_or(tag) == current)
            }
        }
    }
}

/// 412: the record has changed since the caller read it.
pub fn changed_meanwhile() -> Error {
    Error::new(
        StatusCode::PRECONDITION_FAILED,
        "precondition_failed",
        "The record is not at the version that If-Match names; read it again, and decide anew.",
    )
}

impl Tags {
    fn read(headers: &HeaderMap, name: HeaderName) -> Result<Option<Self>> {
        let mut texts = Vec::new();
        for value in headers.get_all(&name) {
            texts.push(value.to_str().map_err(|_| malformed(&name))?);
        }
        if texts.is_empty() {
            return Ok(None);
        }
        Self::parse(&texts.join(",")).map(Some).ok_or_else(|| malformed(&name))
    }

    /// `*`, or a list of entity tags.
    fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim();
        if rest == "*" {
            return Some(Self::Any);
        }
        let mut tags = Vec::new();
        while !rest.is_empty() {
            let weak = if rest.starts_with("W/") { 2 } else { 0 };
            let opaque = rest[weak..].strip_prefix('"')?;
            let end = weak + opaque.find('"')? + 2;
            tags.push(rest[..end].to_owned());
            rest = rest[end..].trim_start();
            match rest.strip_prefix(',') {
                Some(next) => rest = next.trim_start_matches([' ', '\t', ',']),
                None if rest.is_empty() => {}
                None => return None,
            }
        }
        (!tags.is_empty()).then_some(Self::Listed(tags))
    }
}

fn malformed(name: &HeaderName) -> Error {
    let detail = format!("`{name}` is not a list of entity tags; expected \"3\" with its quotes, or *.");
    Error::new(StatusCode::BAD_REQUEST, "invalid_header", detail)
}

/// The header for an answer about one record.
pub fn etag_header(record: &Record) -> (HeaderName, HeaderValue) {
    let value = HeaderValue::try_from(etag(record.version));
    (header::ETAG, value.unwrap_or(HeaderValue::from_static("\"0\"")))
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Tags::read(&parts.headers, header::IF_MATCH).map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Tags::read(&parts.headers, header::IF_NONE_MATCH).map(Self)
    }
}

impl OperationInput for IfMatch {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let description = "Change the record only at one of these versions: its `ETag`, or `*`.";
        let schema = json_schema!({ "type": "string", "examples": ["\"3\""] });
        add_parameters(ctx, operation, [in_header("If-Match", description, schema)]);
        malformed_in(ctx, operation);
        let when = "The record is at another version by now.";
        openapi::refuses(ctx, operation, StatusCode::PRECONDITION_FAILED, "precondition_failed", when);
    }
}

impl OperationInput for IfNoneMatch {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let description = "Answer 304 when the record is still at one of these versions.";
        let schema = json_schema!({ "type": "string", "examples": ["\"3\""] });
        add_parameters(ctx, operation, [in_header("If-None-Match", description, schema)]);
        malformed_in(ctx, operation);
    }
}

fn malformed_in(ctx: &mut GenContext, operation: &mut Operation) {
    let when = "A header is not what was expected; `detail` says what is.";
    openapi::refuses(ctx, operation, StatusCode::BAD_REQUEST, "invalid_header", when);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn listed(tags: &[&str]) -> Option<Tags> {
        Some(Tags::Listed(tags.iter().map(|&tag| tag.to_owned()).collect()))
    }

    #[test]
    fn lists_and_the_asterisk_are_read() {
        assert_eq!(Tags::parse("*"), Some(Tags::Any));
        assert_eq!(Tags::parse(" \"1\" "), listed(&["\"1\""]));
        assert_eq!(Tags::parse("\"1\", W/\"2\",, \"a,b\""), listed(&["\"1\"", "W/\"2\"", "\"a,b\""]));
        for text in ["", "1", "\"1", "\"1\" \"2\"", "\"1\", *", "W/1", "w/\"1\""] {
            assert_eq!(Tags::parse(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_header_panics(text in r#"[W/"*, \ta1é]{0,20}"#) {
            let _ = Tags::parse(&text);
        }
    }
}
