//! Bodies: JSON under its own media type, of at most 256 KiB.

use super::described::media;
use crate::strict_json;
use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{Operation, RequestBody};
use aide::operation::set_body;
use axum::extract::{FromRequest, Request};
use embed_base::http::{document_body_refusals, media_type, openapi, read_body, wrong_media_type};
use embed_base::{Code, Error, Result};
use schemars::json_schema;
use serde_json::Value;

/// The most bytes of a record's data as JSON, with its numbers written out.
pub const LARGEST: usize = 256 * 1024;

pub(super) const JSON: &str = "application/json";
const MERGE_PATCH: &str = "application/merge-patch+json";

#[derive(Clone, Debug, PartialEq)]
pub struct DataBody(pub Value);

/// A change of a record's data, as JSON Merge Patch.
#[derive(Clone, Debug, PartialEq)]
pub struct PatchBody(pub Value);

/// The bytes of a value as JSON without exponents: PostgreSQL stores `1e308` as a one and 308 zeros.
pub(super) fn length(value: &Value) -> usize {
    value.to_string().len() + written_out(value)
}

/// The bytes that numbers grow by when they are written out.
fn written_out(value: &Value) -> usize {
    match value {
        Value::Number(number) if number.is_f64() => {
            let plain = number.as_f64().map_or(0, |number| number.to_string().len());
            plain.saturating_sub(number.to_string().len())
        }
        Value::Array(items) => items.iter().map(written_out).sum(),
        Value::Object(members) => members.values().map(written_out).sum(),
        _ => 0,
    }
}

/// Reads JSON that is sent as one of these media types.
pub(super) async fn read<S: Send + Sync>(request: Request, state: &S, accepted: &[&str]) -> Result<Value> {
    let given = media_type(request.headers());
    if !given.is_some_and(|given| accepted.contains(&given.as_str())) {
        return Err(wrong_media_type(&accepted.join("` or `Content-Type: ")));
    }
    strict_json::parse(&read_body(request, state).await?)
}

impl<S: Send + Sync> FromRequest<S> for DataBody {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        read(request, state, &[JSON]).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for PatchBody {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        read(request, state, &[MERGE_PATCH, JSON]).await.map(Self)
    }
}

impl OperationInput for DataBody {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        describe(ctx, operation, "The data, as the collection's schema requires.", &[JSON]);
    }
}

impl OperationInput for PatchBody {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let description =
            "What changes (RFC 7396): an object like the data, with null for each member to remove.";
        describe(ctx, operation, description, &[MERGE_PATCH, JSON]);
    }
}

fn describe(ctx: &mut GenContext, operation: &mut Operation, description: &str, accepted: &[&str]) {
    let any_object = || media(json_schema!({ "type": "object", "additionalProperties": true }));
    let body = RequestBody {
        description: Some(description.to_owned()),
        content: accepted.iter().map(|&accepted| (accepted.to_owned(), any_object())).collect(),
        required: true,
        extensions: Default::default(),
    };
    set_body(ctx, operation, body);
    document_body_refusals(ctx, operation);
    let when = "The body is no JSON, or not strictly so; `detail` says where.";
    openapi::refuses(ctx, operation, Code::InvalidJson, when);
    let when = "The data violates the collection's schema; `errors` names every field, as `{field, detail}`.";
    openapi::refuses(ctx, operation, Code::InvalidRecord, when);
}
