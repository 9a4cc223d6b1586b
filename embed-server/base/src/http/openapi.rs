//! How handlers and extractors describe themselves in the OpenAPI document.
//!
//! An extractor that can refuse a request describes that in its `OperationInput`, next to the code that refuses. So the
//! document lists every error with its code, and a handler that takes the extractor does not repeat it.

use crate::error::{Code, Error};
use aide::generate::GenContext;
use aide::openapi::{
    self, MediaType, Operation, Parameter, ParameterData, ParameterSchemaOrContent, PathStyle, ReferenceOr,
    RequestBody, Response, SchemaObject, SecurityRequirement,
};
use aide::operation::add_parameters;
use aide::transform::{TransformOperation, TransformPathItem};
use aide::util::iter_operations_mut;
use aide::{OperationOutput, generate};
use axum::http::StatusCode;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;
use std::borrow::Cow;

/// The media type of every error.
const PROBLEM: &str = "application/problem+json";

/// The kinds of credentials; the document's `securitySchemes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// `Authorization: Bearer dram_user_…`.
    PersonalToken,
    /// `Authorization: Bearer dram_live_…`.
    ApiToken,
    /// `X-API-Key: dram_live_…`.
    ApiKey,
    /// `Authorization: Bearer` and what `verify` has answered.
    EmbedToken,
}

impl Security {
    /// Its name in the document.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PersonalToken => "personalToken",
            Self::ApiToken => "apiToken",
            Self::ApiKey => "apiKey",
            Self::EmbedToken => "embedToken",
        }
    }
}

/// Documents the kinds of credentials, one of which an operation takes.
pub fn secured(operation: &mut Operation, kinds: &[Security]) {
    let requirement =
        |kind: &Security| SecurityRequirement::from_iter([(kind.name().to_owned(), Vec::new())]);
    operation.security = kinds.iter().map(requirement).collect();
}

/// The kinds of credentials that [`super::behind_gateway`] takes.
pub const CALLERS: [Security; 4] =
    [Security::PersonalToken, Security::ApiToken, Security::ApiKey, Security::EmbedToken];

/// Documents that an operation can be refused with this code, and when.
pub fn refuses(ctx: &mut GenContext, operation: &mut Operation, code: Code, when: &str) {
    refuses_with(ctx, operation, code.status(), code, when);
}

fn refuses_with(ctx: &mut GenContext, operation: &mut Operation, status: StatusCode, code: Code, when: &str) {
    let code = code.as_str();
    let problem = ctx.schema.subschema_for::<Problem>();
    let responses = &mut operation.responses.get_or_insert_default().responses;
    let status = openapi::StatusCode::Code(status.as_u16());
    let empty = || {
        let schema = json_schema!({ "allOf": [problem, { "properties": { "code": { "enum": [] } } }] });
        let schema = SchemaObject { json_schema: schema, external_docs: None, example: None };
        let body = MediaType { schema: Some(schema), ..MediaType::default() };
        ReferenceOr::Item(Response {
            content: FromIterator::from_iter([(PROBLEM.to_owned(), body)]),
            ..Response::default()
        })
    };
    let ReferenceOr::Item(response) = responses.entry(status).or_insert_with(empty) else { return };
    let codes = response
        .content
        .get_mut(PROBLEM)
        .and_then(|body| body.schema.as_mut())
        .and_then(|schema| schema.json_schema.as_object_mut()?.get_mut("allOf"))
        .and_then(|both| both.pointer_mut("/1/properties/code/enum"))
        .and_then(Value::as_array_mut);
    let Some(codes) = codes else { return };
    if codes.iter().any(|known| known == code) {
        return;
    }
    codes.push(code.into());
    if !response.description.is_empty() {
        response.description.push_str("\n\n");
    }
    response.description.push_str(&format!("`{code}`: {when}"));
}

/// Documents how [`super::behind_gateway`] refuses calls.
pub fn document_gateway_refusals(mut item: TransformPathItem<'_>) -> TransformPathItem<'_> {
    for (_, operation) in iter_operations_mut(item.inner_mut()) {
        generate::in_context(|ctx| {
            let when = "The request shows two credentials.";
            refuses(ctx, operation, Code::InvalidRequest, when);
            let when = "The page may not call this module's API.";
            refuses(ctx, operation, Code::OriginNotAllowed, when);
            let when = "The credentials are valid, but not for this module.";
            refuses(ctx, operation, Code::Forbidden, when);
            let when = "The token may not be used from this address.";
            refuses(ctx, operation, Code::IpNotAllowed, when);
            let when = "The caller or the page's domain has sent too many requests; `Retry-After` says when to try again.";
            refuses(ctx, operation, Code::RateLimited, when);
            can_fail(ctx, operation);
        });
    }
    item
}

/// Documents the errors of every operation that asks the database.
pub fn can_fail(ctx: &mut GenContext, operation: &mut Operation) {
    for code in [Code::Internal, Code::Unavailable] {
        refuses(ctx, operation, code, code.meaning());
    }
}

/// Documents the role that an operator needs.
pub fn required_role(operation: &mut Operation, role: &str) {
    operation.extensions.insert("x-required-role".to_owned(), role.into());
}

/// The same as a step of a handler's description, where no extractor in its signature documents it.
pub fn requires(role: &'static str) -> impl FnOnce(TransformOperation<'_>) -> TransformOperation<'_> {
    move |mut operation| {
        required_role(operation.inner_mut(), role);
        operation
    }
}

/// The same as [`refuses`] for a handler's own errors, as a step of its description.
pub fn refused(
    code: Code,
    when: &'static str,
) -> impl FnOnce(TransformOperation<'_>) -> TransformOperation<'_> {
    refused_with(code.status(), code, when)
}

/// The same for an error whose status is not its code's own ([`Error::with_status`]).
pub fn refused_with(
    status: StatusCode,
    code: Code,
    when: &'static str,
) -> impl FnOnce(TransformOperation<'_>) -> TransformOperation<'_> {
    move |mut operation| {
        generate::in_context(|ctx| refuses_with(ctx, operation.inner_mut(), status, code, when));
        operation
    }
}

/// Documents that an operation reads a JSON body of this type, where its extractor does not.
pub fn reads<T: JsonSchema>(operation: &mut Operation) {
    let schema = generate::in_context(|ctx| ctx.schema.subschema_for::<T>());
    let schema = SchemaObject { json_schema: schema, external_docs: None, example: None };
    let body = MediaType { schema: Some(schema), ..MediaType::default() };
    let content = FromIterator::from_iter([("application/json".to_owned(), body)]);
    let body = RequestBody { content, required: true, ..RequestBody::default() };
    operation.request_body = Some(ReferenceOr::Item(body));
}

/// Documents an id in the path.
pub fn path_id(ctx: &mut GenContext, operation: &mut Operation, name: &str, description: &str) {
    let schema = json_schema!({ "type": "string", "format": "uuid" });
    path_parameter(ctx, operation, (name, description), schema);
}

/// Documents a parameter of the path, by its name and description.
pub fn path_parameter(
    ctx: &mut GenContext,
    operation: &mut Operation,
    (name, description): (&str, &str),
    schema: Schema,
) {
    let parameter_data = ParameterData {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        required: true,
        deprecated: None,
        format: ParameterSchemaOrContent::Schema(SchemaObject {
            json_schema: schema,
            external_docs: None,
            example: None,
        }),
        example: None,
        examples: Default::default(),
        explode: None,
        extensions: Default::default(),
    };
    add_parameters(ctx, operation, [Parameter::Path { parameter_data, style: PathStyle::Simple }]);
}

/// The body of every error (RFC 9457), which [`crate::error`] makes.
pub enum Problem {}

impl JsonSchema for Problem {
    fn schema_name() -> Cow<'static, str> {
        "Problem".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let code = generator.subschema_for::<Code>();
        json_schema!({
            "type": "object",
            "description": "Why a request failed (RFC 9457).",
            "properties": {
                "title": { "type": "string", "description": "The name of the status." },
                "status": { "type": "integer", "description": "The status." },
                "code": code,
                "detail": { "type": "string", "description": "What is wrong and what to do about it, for a person." },
                "requestId": { "type": "string", "description": "The request's id in the server's log." },
            },
            "required": ["title", "status", "code", "detail", "requestId"],
        })
    }
}

/// What can go wrong with every operation.
impl OperationOutput for Error {
    type Inner = Problem;

    fn operation_response(ctx: &mut GenContext, _: &mut Operation) -> Option<Response> {
        let schema = ctx.schema.subschema_for::<Problem>();
        let schema = SchemaObject { json_schema: schema, external_docs: None, example: None };
        let body = MediaType { schema: Some(schema), ..MediaType::default() };
        Some(Response {
            description: "Why it was not done.".to_owned(),
            content: FromIterator::from_iter([(PROBLEM.to_owned(), body)]),
            ..Response::default()
        })
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, Response)> {
        can_fail(ctx, operation);
        Vec::new()
    }
}
