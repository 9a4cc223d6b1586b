//! Conditions on a record's version: `If-Match` and `If-None-Match` (RFC 9110, section 13.1), and the `ETag` that
//! they refer to: the version and the end of the record's id, in quotes. With the version alone, the tag of one
//! record would match every other one with as many changes, and a client that mixes two up would overwrite a record
//! that it has never read.

use super::Record;
use super::described::in_header;
use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use aide::operation::add_parameters;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use embed_base::http::openapi;
use embed_base::{Code, Error, Result};
use schemars::json_schema;

/// The condition of a change on the record's version. Extracted from `If-Match`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IfMatch(Condition);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Condition {
    /// Any version.
    #[default]
    None,
    /// One of these tags.
    Tags(Tags),
    /// This version, for callers that name the record itself, as in GraphQL.
    Version(i64),
}

/// The versions that the client has. Extracted from `If-None-Match`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IfNoneMatch(Option<Tags>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Tags {
    /// `*`: any version.
    Any,
    /// The tags with their quotes; a weak one begins with `W/`.
    Listed(Vec<String>),
}

/// The tag of a record: `"3-3f1f6f2f8a10"`, its version and the last twelve digits of its id, which are random.
pub fn etag(record: &Record) -> String {
    let id = record.id.simple().to_string();
    format!("\"{}-{}\"", record.version, &id[20..])
}

/// What proxies that compress append to a tag inside its quotes.
const ADDED_BY_PROXIES: [&str; 8] = ["-gzip", ";gzip", "--gzip", "-br", ";br", "-zstd", ";zstd", "-deflate"];

/// Whether a tag is this one, also as a proxy has made it weak or has appended its encoding. RFC 9110 has `If-Match` compare
/// strongly, but a weak tag with a version of ours in it was made of ours, and of the same data.
fn names(tag: &str, current: &str) -> bool {
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    let opaque = tag.trim_matches('"');
    let ours = ADDED_BY_PROXIES.iter().find_map(|added| opaque.strip_suffix(added)).unwrap_or(opaque);
    ours == current.trim_matches('"')
}

impl IfMatch {
    /// A change of any version.
    pub const NONE: Self = Self(Condition::None);

    /// A change of exactly this version.
    pub fn version(version: i64) -> Self {
        Self(Condition::Version(version))
    }

    /// 412 `precondition_failed` where the record is at another version.
    pub fn check(&self, record: &Record) -> Result<()> {
        let holds = match &self.0 {
            Condition::None | Condition::Tags(Tags::Any) => true,
            Condition::Tags(Tags::Listed(tags)) => {
                let current = etag(record);
                tags.iter().any(|tag| names(tag, &current))
            }
            Condition::Version(version) => *version == record.version,
        };
        if holds { Ok(()) } else { Err(changed_meanwhile()) }
    }
}

impl IfNoneMatch {
    /// Whether the client has this version already.
    pub fn knows(&self, record: &Record) -> bool {
        match &self.0 {
            None => false,
            Some(Tags::Any) => true,
            Some(Tags::Listed(tags)) => {
                let current = etag(record);
                tags.iter().any(|tag| names(tag, &current))
            }
        }
    }
}

/// 412: the record has changed since the caller read it.
pub fn changed_meanwhile() -> Error {
    Error::new(
        Code::PreconditionFailed,
        "If-Match names another version, or another record; read this record again before changing it.",
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

    /// Parses `*`, or a list of entity tags.
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
    let detail = format!(
        "`{name}` is not a list of entity tags; expected the value of `ETag`, such as \"3-3f1f6f2f8a10\" with its quotes, or *."
    );
    Error::new(Code::InvalidHeader, detail)
}

/// The `ETag` header of a record.
pub fn etag_header(record: &Record) -> (HeaderName, HeaderValue) {
    let value = HeaderValue::try_from(etag(record));
    (header::ETAG, value.unwrap_or(HeaderValue::from_static("\"0\"")))
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let tags = Tags::read(&parts.headers, header::IF_MATCH)?;
        Ok(Self(tags.map_or(Condition::None, Condition::Tags)))
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
        let description = "Change the record only if it is at one of these versions: the whole value of its `ETag`, or `*`. A tag belongs to one record: it never matches another.";
        let schema = json_schema!({ "type": "string", "examples": ["\"3-3f1f6f2f8a10\""] });
        add_parameters(ctx, operation, [in_header("If-Match", description, schema)]);
        malformed_in(ctx, operation);
        let when = "The record is at another version now, or the tag belongs to another record.";
        openapi::refuses(ctx, operation, Code::PreconditionFailed, when);
    }
}

impl OperationInput for IfNoneMatch {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let description = "Respond with 304 if the record is still at one of these versions.";
        let schema = json_schema!({ "type": "string", "examples": ["\"3-3f1f6f2f8a10\""] });
        add_parameters(ctx, operation, [in_header("If-None-Match", description, schema)]);
        malformed_in(ctx, operation);
    }
}

fn malformed_in(ctx: &mut GenContext, operation: &mut Operation) {
    let when = "A header is invalid; `detail` says what is expected.";
    openapi::refuses(ctx, operation, Code::InvalidHeader, when);
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

    #[test]
    fn a_tag_is_known_as_proxies_change_it() {
        let current = "\"3-3f1f6f2f8a10\"";
        for tag in [
            "\"3-3f1f6f2f8a10\"",
            "W/\"3-3f1f6f2f8a10\"",
            "\"3-3f1f6f2f8a10-gzip\"",
            "\"3-3f1f6f2f8a10;gzip\"",
            "W/\"3-3f1f6f2f8a10-br\"",
        ] {
            assert!(names(tag, current), "{tag}");
        }
        for tag in ["W/\"2-3f1f6f2f8a10\"", "\"3\"", "W/\"3-3f1f6f2f8a1\"", "\"3-3f1f6f2f8a10-x\"", "\"\""] {
            assert!(!names(tag, current), "{tag}");
        }
    }

    proptest! {
        #[test]
        fn no_header_panics(text in r#"[W/"*, \ta1é]{0,20}"#) {
            let _ = Tags::parse(&text);
        }
    }
}
