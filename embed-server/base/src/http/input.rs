//! JSON bodies, read strictly: an unknown field is refused by name and never ignored.

use super::openapi;
use crate::error::{Code, Error, Result};
use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, RequestBody, SchemaObject};
use aide::operation::set_body;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

/// A body of `application/json`. Its type denies unknown fields. An empty body is read as `{}`, for operations that need
/// none.
#[derive(Clone, Copy, Debug)]
pub struct Input<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Input<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let typed = media_type(request.headers()).map(|known| known == "application/json");
        let body = read_body(request, state).await?;
        if typed == Some(false) || (typed.is_none() && !body.is_empty()) {
            return Err(wrong_media_type("application/json"));
        }
        let body = if body.is_empty() { b"{}" } else { &*body };
        parse(body).map(Self)
    }
}

/// The whole body without a byte order mark, or 413 `body_too_large`, or 415 where it is encoded.
pub async fn read_body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes> {
    check_encoding(request.headers())?;
    let body =
        Bytes::from_request(request, state).await.map_err(|rejection: BytesRejection| {
            match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => body_too_large(),
                _ => body_cut_off(),
            }
        })?;
    Ok(body.slice_ref(without_mark(&body)))
}

/// The text without the byte order mark that editors on Windows put in front.
pub fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}

/// 415 `unsupported_media_type` for a body with a `Content-Encoding`: no body here is so large that compressing it is worth
/// what unpacking a stranger's costs.
pub fn check_encoding(headers: &HeaderMap) -> Result<()> {
    for encoding in headers.get_all(header::CONTENT_ENCODING) {
        let encoding = encoding.to_str().unwrap_or_default().trim();
        if !encoding.eq_ignore_ascii_case("identity") {
            let shown: String = encoding.chars().take(50).collect();
            let detail = format!(
                "The body has the encoding `{}`, and is only read without one; send it as it is, without `Content-Encoding`.",
                shown.escape_debug()
            );
            return Err(Error::new(Code::UnsupportedMediaType, detail));
        }
    }
    Ok(())
}

/// 413 `body_too_large`.
pub fn body_too_large() -> Error {
    Error::new(Code::BodyTooLarge, "The body is larger than this address takes.")
}

/// 400 `invalid_request` for a body that did not arrive whole.
pub fn body_cut_off() -> Error {
    Error::invalid("The body could not be read to its end.")
}

/// The media type of a body in lower case, without parameters.
pub fn media_type(headers: &HeaderMap) -> Option<String> {
    let shown = headers.get(header::CONTENT_TYPE)?.to_str().unwrap_or_default();
    Some(shown.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// 415 `unsupported_media_type`.
pub fn wrong_media_type(expected: &str) -> Error {
    let detail = format!("The body must be sent as `Content-Type: {expected}`.");
    Error::new(Code::UnsupportedMediaType, detail)
}

/// Reads one JSON value to its end; the error names the field.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    // An array would be read as an object whose members come in order.
    if body.trim_ascii_start().first() == Some(&b'[') {
        return Err(Error::invalid(
            "The body is not the JSON that was expected: it is a list, and no object.",
        ));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        // Where the JSON itself breaks off there is no field to name but its line.
        if path == "." || path.contains('?') {
            return not_understood(error.inner());
        }
        Error::invalid(format!("`{path}`: {}.", error.inner())).with("field", path)
    })?;
    json.end().map_err(|error| not_understood(&error))?;
    Ok(read)
}

fn not_understood(error: &serde_json::Error) -> Error {
    Error::invalid(format!("The body is not the JSON that was expected: {error}."))
}

impl<T: JsonSchema> OperationInput for Input<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let schema = ctx.schema.subschema_for::<T>();
        let required = ctx.resolve_schema(&schema).get("required").is_some();
        let schema = SchemaObject { json_schema: schema, external_docs: None, example: None };
        let body = MediaType { schema: Some(schema), ..MediaType::default() };
        let content = FromIterator::from_iter([("application/json".to_owned(), body)]);
        set_body(ctx, operation, RequestBody { content, required, ..RequestBody::default() });
        let when = "The body is not the JSON that was expected; `detail` names the field.";
        openapi::refuses(ctx, operation, Code::InvalidRequest, when);
        document_body_refusals(ctx, operation);
    }
}

/// Documents how a body is refused before it is parsed.
pub fn document_body_refusals(ctx: &mut GenContext, operation: &mut Operation) {
    let when = "The body is larger than this operation takes.";
    openapi::refuses(ctx, operation, Code::BodyTooLarge, when);
    let when = "The body has another `Content-Type`, or a `Content-Encoding`.";
    openapi::refuses(ctx, operation, Code::UnsupportedMediaType, when);
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use serde::Deserialize;

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Person {
        name: String,
        address: Address,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Address {
        zip: u32,
    }

    async fn ask(content_type: Option<&str>, body: impl Into<Body>) -> Result<Person> {
        let mut request = Request::post("/");
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let request = request.body(body.into()).unwrap();
        Input::from_request(request, &()).await.map(|Input(person)| person)
    }

    #[tokio::test]
    async fn what_is_wrong_is_named_by_its_field() {
        for (body, field, sentence) in [
            (r#"{"name": 7}"#, "name", "`name`: invalid type: integer `7`, expected a string"),
            (r#"{"address": {"zip": "x"}}"#, "address.zip", "`address.zip`: invalid type"),
            (r#"{"address": {"zap": 1}}"#, "address.zap", "unknown field `zap`, expected `zip`"),
            (r#"{"nmae": "x"}"#, "nmae", "unknown field `nmae`, expected `name` or `address`"),
        ] {
            let error = ask(Some("application/json"), body).await.unwrap_err();
            assert_eq!((error.status().as_u16(), error.code()), (400, Code::InvalidRequest));
            assert!(error.detail().contains(sentence), "{error}");
            assert_eq!(error.document("-")["field"], field, "{error}");
        }
    }

    #[tokio::test]
    async fn what_is_no_json_is_refused() {
        for body in [
            &b"{"[..],
            b"",
            b"\"\xff\"",
            b"{\"name\": \"a\", \"name\": \"b\"}",
            b"{} {}",
            b"[]",
            &[b'['; 10_000],
            b"{\"name\": \"\\ud800\"}",
        ] {
            let answer = ask(Some("application/json; charset=utf-8"), body.to_vec()).await;
            match answer {
                Ok(person) => assert!(body.is_empty() && person.name.is_empty() && person.address.zip == 0),
                Err(error) => assert_eq!(error.code(), Code::InvalidRequest, "{body:?}"),
            }
        }
    }

    #[tokio::test]
    async fn a_byte_order_mark_is_left_out_and_an_encoding_refused() {
        let marked = ask(Some("application/json"), "\u{feff}{\"name\": \"x\"}").await.unwrap();
        assert_eq!(marked.name, "x");
        for (encoding, read) in
            [("identity", true), ("gzip", false), ("br", false), ("identity, gzip", false), ("", false)]
        {
            let request = Request::post("/")
                .header(header::CONTENT_TYPE, "application/json")
                .header(header::CONTENT_ENCODING, encoding)
                .body(Body::from(r#"{"name": "x"}"#))
                .unwrap();
            let asked = Input::<Person>::from_request(request, &()).await;
            assert_eq!(asked.is_ok(), read, "{encoding}");
            if let Err(refused) = asked {
                assert_eq!(refused.code(), Code::UnsupportedMediaType);
                assert!(refused.detail().contains("without `Content-Encoding`"), "{refused}");
            }
        }
    }

    #[tokio::test]
    async fn another_content_type_is_refused() {
        for content_type in [None, Some("text/plain"), Some("application/jsonx"), Some("")] {
            let error = ask(content_type, r#"{"name": "x"}"#).await.unwrap_err();
            assert_eq!(error.code(), Code::UnsupportedMediaType, "{content_type:?}");
        }
        assert!(ask(None, "").await.unwrap().name.is_empty(), "no body needs no type");
    }
}
