//! Responses with one record, each with its `ETag`.

use super::described::{media, object};
use super::preconditions::{IfNoneMatch, etag_header};
use super::{CreatedRecord, Record};
use aide::generate::GenContext;
use aide::openapi::{Header, HeaderStyle, Operation, ParameterSchemaOrContent, ReferenceOr, Response};
use aide::operation::OperationOutput;
use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use schemars::json_schema;
use uuid::Uuid;

const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// 200 with the record, or 304 to a client that has it.
#[derive(Debug)]
pub struct Found {
    pub record: Record,
    /// The versions that the client has.
    pub condition: IfNoneMatch,
}

/// 200 with the changed record.
#[derive(Debug)]
pub struct Changed(pub Record);

/// 201 with the new record and its location.
#[derive(Debug)]
pub struct CreatedIn {
    pub module: Uuid,
    pub created: CreatedRecord,
}

impl IntoResponse for Found {
    fn into_response(self) -> axum::response::Response {
        let headers = [etag_header(&self.record)];
        if self.condition.knows(&self.record) {
            (StatusCode::NOT_MODIFIED, headers).into_response()
        } else {
            (headers, Json(self.record)).into_response()
        }
    }
}

impl IntoResponse for Changed {
    fn into_response(self) -> axum::response::Response {
        ([etag_header(&self.0)], Json(self.0)).into_response()
    }
}

impl IntoResponse for CreatedIn {
    fn into_response(self) -> axum::response::Response {
        let CreatedRecord { record, replayed } = self.created;
        let Record { id, collection, .. } = &record;
        let location = format!("/api/v1/modules/{}/records/{collection}/{id}", self.module);
        let headers = [(header::LOCATION, location)];
        let etag = [etag_header(&record)];
        let mut response = (StatusCode::CREATED, etag, headers, Json(record)).into_response();
        if replayed {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

/// The documentation of a response with a record and these headers.
fn documented(ctx: &mut GenContext, description: &str, headers: &[(&str, &str)]) -> Response {
    let body = media(ctx.schema.subschema_for::<Record>());
    Response {
        description: description.to_owned(),
        content: [("application/json".to_owned(), body)].into_iter().collect(),
        headers: headers
            .iter()
            .map(|(name, description)| ((*name).to_owned(), header(description)))
            .collect(),
        ..Default::default()
    }
}

fn header(description: &str) -> ReferenceOr<Header> {
    ReferenceOr::Item(Header {
        description: Some(description.to_owned()),
        style: HeaderStyle::Simple,
        required: false,
        deprecated: None,
        format: ParameterSchemaOrContent::Schema(object(json_schema!({ "type": "string" }))),
        example: None,
        examples: Default::default(),
        extensions: Default::default(),
    })
}

const ETAG: (&str, &str) = (
    "ETag",
    "The version of this record, for `If-Match` and `If-None-Match`: `version` and the end of `id`, in quotes.",
);

impl OperationOutput for Found {
    type Inner = Record;

    fn inferred_responses(ctx: &mut GenContext, _: &mut Operation) -> Vec<(Option<u16>, Response)> {
        let unchanged =
            Response { description: "The client has this version.".to_owned(), ..Default::default() };
        vec![(Some(200), documented(ctx, "The record.", &[ETAG])), (Some(304), unchanged)]
    }
}

impl OperationOutput for Changed {
    type Inner = Record;

    fn inferred_responses(ctx: &mut GenContext, _: &mut Operation) -> Vec<(Option<u16>, Response)> {
        vec![(Some(200), documented(ctx, "The record as it is now.", &[ETAG]))]
    }
}

impl OperationOutput for CreatedIn {
    type Inner = Record;

    fn inferred_responses(ctx: &mut GenContext, _: &mut Operation) -> Vec<(Option<u16>, Response)> {
        let headers = [
            ETAG,
            ("Location", "Where the record is."),
            ("Idempotency-Replayed", "`true` when this repeats the first response to the same request."),
        ];
        vec![(Some(201), documented(ctx, "The new record.", &headers))]
    }
}
