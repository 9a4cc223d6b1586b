//! GraphQL over HTTP: one request in one `POST`, and the limits of a request.

use super::budget::{self, DEEPEST_SELECTIONS};
use super::tokens::LONGEST_QUERY;
use super::{Access, LARGEST_RESPONSE, Mutation, Query, Room};
use crate::records::body::{self, JSON};
use crate::records::described::media;
use crate::services::Services;
use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{Operation, ReferenceOr, RequestBody, Response as Documented};
use aide::operation::{OperationOutput, set_body};
use async_graphql::{EmptySubscription, Request, Response, Schema, ServerError, Variables};
use axum::Json;
use axum::extract::{Extension, FromRequest, FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use embed_base::http::openapi;
use embed_base::http::{Call, ErrorInBody, RequestId, document_body_refusals, request_id_text};
use embed_base::work::Work;
use embed_base::{Code, Error, Result};
use schemars::{JsonSchema, json_schema};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::LazyLock;
use tokio::runtime::Handle;

/// The most bytes of a request with its variables: the largest record, and room for the document that creates it.
pub const LARGEST: usize = body::LARGEST + LONGEST_QUERY;
/// The deepest nesting of fields.
const DEEPEST: usize = 10;
/// The nesting of introspection (`getIntrospectionQuery` of graphql-js).
const DEEPEST_INTROSPECTION: usize = 15;
/// The highest cost of a request: a field costs 1, a page as many records as it may have, a change 50.
const MOST_COMPLEX: usize = 1000;
/// The most bytes of a document that is parsed on the thread that it arrived on.
const SHORT_QUERY: usize = 2 * 1024;
/// The most errors in a response.
const MOST_ERRORS: usize = 50;

/// The media type of GraphQL responses.
const GRAPHQL_RESPONSE: &str = "application/graphql-response+json";

type Api = Schema<Query, Mutation, EmptySubscription>;

static API: LazyLock<Api> = LazyLock::new(|| api(DEEPEST));
static INTROSPECTION: LazyLock<Api> = LazyLock::new(|| api(DEEPEST_INTROSPECTION));

fn api(deepest: usize) -> Api {
    Schema::build(Query, Mutation, EmptySubscription)
        .limit_depth(deepest)
        .limit_complexity(MOST_COMPLEX)
        .limit_recursive_depth(DEEPEST_SELECTIONS)
        .finish()
}

/// The bounds of a request, as `docs/limits.md` lists them.
pub fn bounds() -> Vec<(&'static str, usize)> {
    let request = [
        ("KiB of a request with its variables", LARGEST / 1024),
        ("KiB of a document", LONGEST_QUERY / 1024),
        (
            "cost: a field 1, a list 10 and its fields once for each record, a record 10, a change 50",
            MOST_COMPLEX,
        ),
        ("MiB of data in a response", LARGEST_RESPONSE / (1024 * 1024)),
        ("errors in a response", MOST_ERRORS),
    ];
    budget::bounds().into_iter().chain(request).collect()
}

/// A GraphQL request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GraphqlRequest {
    /// The GraphQL document.
    query: String,
    /// The values of its variables.
    #[serde(default)]
    variables: Option<Map<String, Value>>,
    /// The name of the operation to execute, where the document has several.
    #[serde(default)]
    operation_name: Option<String>,
    /// Accepted for compatibility and ignored.
    #[serde(default, rename = "extensions")]
    _extensions: Option<Map<String, Value>>,
}

/// A GraphQL response, in the media type that the client prefers.
#[derive(Debug)]
pub struct GraphqlAnswer {
    response: Response,
    modern: bool,
}

pub async fn answer(
    State(services): State<Services>,
    GraphqlCall(call): GraphqlCall,
    Extension(request_id): Extension<RequestId>,
    headers: HeaderMap,
    request: GraphqlRequest,
) -> Result<GraphqlAnswer> {
    let request_id = request_id_text(&request_id).to_owned();
    let work = services.context.work.clone();
    let variables = request.variables.map(|variables| Variables::from_json(Value::Object(variables)));
    let access = Access {
        call,
        request_id,
        modules: services.modules.clone(),
        records: services.records.clone(),
        room: Room::default(),
    };
    let mut query = Request::new(request.query).variables(variables.unwrap_or_default()).data(access);
    if let Some(name) = request.operation_name {
        query = query.operation_name(name);
    }
    let mut response = carry_out(query, &work).await?;
    response.errors.truncate(MOST_ERRORS);
    response.errors.iter_mut().for_each(set_default_code);
    Ok(GraphqlAnswer { response, modern: accepts(&headers) })
}

/// Carries out a request that is not too much. Parsing a long document and describing the schema take long for their
/// bytes, so they run beside the threads that answer requests.
async fn carry_out(mut query: Request, work: &Work) -> Result<Response> {
    let checked = if query.query.len() <= SHORT_QUERY {
        budget::check(&mut query)
    } else {
        let check = move || (budget::check(&mut query), query);
        let (checked, parsed) = work.run(check).await?;
        query = parsed;
        checked
    };
    let checked = match checked {
        Ok(checked) => checked,
        Err(refused) => return Ok(Response::from_errors(vec![refused])),
    };
    let api = if checked.only_schema { &INTROSPECTION } else { &API };
    if checked.describes_schema {
        let runtime = Handle::current();
        return work.run(move || runtime.block_on(api.execute(query))).await;
    }
    Ok(api.execute(query).await)
}

/// Adds a code to an error that no resolver raised: the document is malformed, does not fit the schema, or exceeds a
/// limit.
fn set_default_code(error: &mut ServerError) {
    let extensions = error.extensions.get_or_insert_default();
    if extensions.get("code").is_none() {
        extensions.set("code", Code::InvalidRequest.as_str());
        extensions.set("status", Code::InvalidRequest.status().as_u16());
    }
}

/// The error as the request log has it.
fn error_in_body(error: &ServerError) -> ErrorInBody {
    let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    let is_code =
        |known: &&Code| matches!(code, Some(async_graphql::Value::String(text)) if text == known.as_str());
    let code = Code::ALL.iter().find(is_code).copied().unwrap_or(Code::InvalidRequest);
    ErrorInBody { code, detail: error.message.clone() }
}

fn accepts(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|list| list.split(',')).any(|item| {
        let essence = item.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case(GRAPHQL_RESPONSE)
    })
}

/// A request that was not executed has no data, and is 400 in the modern media type; in `application/json` every
/// request that could be parsed is 200 (GraphQL over HTTP, section 6.4).
impl IntoResponse for GraphqlAnswer {
    fn into_response(self) -> axum::response::Response {
        let not_begun = self.response.data == async_graphql::Value::Null
            && !self.response.errors.is_empty()
            && self.response.errors.iter().all(|error| error.path.is_empty());
        let status = if self.modern && not_begun { StatusCode::BAD_REQUEST } else { StatusCode::OK };
        let first_error = self.response.errors.first().map(error_in_body);
        let mut response = (status, Json(self.response)).into_response();
        if let Some(error) = first_error {
            response.extensions_mut().insert(error);
        }
        let headers = response.headers_mut();
        if self.modern {
            headers
                .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/graphql-response+json"));
        }
        response
    }
}

impl<S: Send + Sync> FromRequest<S> for GraphqlRequest {
    type Rejection = Error;

    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Self> {
        let body = body::read(request, state, &[JSON]).await?;
        Self::deserialize(body).map_err(|error| {
            let detail =
                format!("A GraphQL request is {{query, variables, operationName}}, one at a time: {error}.");
            Error::invalid(detail).caused_by(error)
        })
    }
}

/// The call of a module's API, as the gateway has authenticated it. Each resolver checks its own permission.
pub struct GraphqlCall(Call);

impl<S: Send + Sync> FromRequestParts<S> for GraphqlCall {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let call = parts.extensions.get::<Call>().cloned();
        call.map(Self).ok_or_else(|| Error::internal("a request for GraphQL did not pass the gateway"))
    }
}

impl OperationInput for GraphqlCall {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        openapi::secured(operation, &openapi::CALLERS);
        openapi::path_id(ctx, operation, "module", "The module's id.");
        let when = "The credentials are invalid. Without any, `errors` says which fields need them.";
        openapi::refuses(ctx, operation, Code::Unauthenticated, when);
        let when = "There is no such module, or it is not published.";
        openapi::refuses(ctx, operation, Code::ModuleNotFound, when);
    }
}

impl OperationInput for GraphqlRequest {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let body = RequestBody {
            description: Some("One request; introspection returns the schema.".to_owned()),
            content: [(JSON.to_owned(), media(ctx.schema.subschema_for::<Self>()))].into_iter().collect(),
            required: true,
            extensions: Default::default(),
        };
        set_body(ctx, operation, body);
        document_body_refusals(ctx, operation);
        let when = "The body is no JSON, or not strictly so; `detail` says where.";
        openapi::refuses(ctx, operation, Code::InvalidJson, when);
        let when = "The body is JSON, but not a GraphQL request.";
        openapi::refuses(ctx, operation, Code::InvalidRequest, when);
    }
}

impl OperationOutput for GraphqlAnswer {
    type Inner = Value;

    fn inferred_responses(_: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, Documented)> {
        let answer = || {
            media(json_schema!({
                "type": "object",
                "properties": { "data": {}, "errors": { "type": "array", "items": { "type": "object" } } },
            }))
        };
        let refused = &mut operation.responses.get_or_insert_default().responses;
        if let Some(ReferenceOr::Item(refused)) = refused.get_mut(&openapi_status(StatusCode::BAD_REQUEST)) {
            refused.content.insert(GRAPHQL_RESPONSE.to_owned(), answer());
        }
        let carried_out = Documented {
            description: "`data`, and `errors` with REST's error codes in their extensions.".to_owned(),
            content: [JSON, GRAPHQL_RESPONSE].map(|name| (name.to_owned(), answer())).into_iter().collect(),
            ..Default::default()
        };
        vec![(Some(200), carried_out)]
    }
}

fn openapi_status(status: StatusCode) -> aide::openapi::StatusCode {
    aide::openapi::StatusCode::Code(status.as_u16())
}
