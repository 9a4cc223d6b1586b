//! GraphQL over HTTP: one request in one `POST`, and how much of it is too much.

use super::{Access, Mutation, Query};
use crate::modules::Modules;
use crate::records::Records;
use crate::records::body::{self, JSON};
use crate::records::described::media;
use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{Operation, ReferenceOr, RequestBody, Response as Documented};
use aide::operation::{OperationOutput, set_body};
use async_graphql::http::GraphiQLSource;
use async_graphql::parser::types::{ExecutableDocument, Selection};
use async_graphql::{EmptySubscription, Request, Response, Schema, ServerError, Variables};
use axum::extract::{Extension, FromRequest, FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use axum::{Json, Router};
use embed_base::http::openapi;
use embed_base::http::{Call, RequestId, document_body_refusals};
use embed_base::{Code, Error, Result};
use schemars::{JsonSchema, json_schema};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::{Arc, LazyLock};

/// The most bytes of a request, with its variables: the largest record, and room for the document that makes it.
pub const LARGEST: usize = body::LARGEST + 64 * 1024;
/// How deep fields may lie in each other.
const DEEPEST: usize = 10;
/// Tools that ask for the whole schema ask as deep as this (`getIntrospectionQuery` of graphql-js).
const DEEPEST_INTROSPECTION: usize = 15;
/// What a request may cost: a field is 1, a page is as many records as it may have, a change is 50.
const MOST_COMPLEX: usize = 1000;
/// How deep selections may lie in each other, fragments included.
const DEEPEST_RECURSION: usize = 32;
/// How many directives one field may have.
const MOST_DIRECTIVES: usize = 10;

/// The media type that GraphQL over HTTP has for answers.
const GRAPHQL_RESPONSE: &str = "application/graphql-response+json";

type Api = Schema<Query, Mutation, EmptySubscription>;

static API: LazyLock<Api> = LazyLock::new(|| api(DEEPEST));
static INTROSPECTION: LazyLock<Api> = LazyLock::new(|| api(DEEPEST_INTROSPECTION));

fn api(deepest: usize) -> Api {
    Schema::build(Query, Mutation, EmptySubscription)
        .limit_depth(deepest)
        .limit_complexity(MOST_COMPLEX)
        .limit_recursive_depth(DEEPEST_RECURSION)
        .limit_directives(MOST_DIRECTIVES)
        .finish()
}

/// A GraphQL request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GraphqlRequest {
    /// The document.
    query: String,
    /// Values for its variables.
    #[serde(default)]
    variables: Option<Map<String, Value>>,
    /// Which of the document's operations is meant, where it has several.
    #[serde(default)]
    operation_name: Option<String>,
    /// Nothing here is understood; clients may send it.
    #[serde(default, rename = "extensions")]
    _extensions: Option<Map<String, Value>>,
}

/// A GraphQL answer, in the media type that the client wants.
#[derive(Debug)]
pub struct GraphqlAnswer {
    response: Response,
    modern: bool,
}

/// `POST …/graphql`.
pub async fn answer(
    State(modules): State<Arc<Modules>>,
    State(records): State<Records>,
    GraphqlCall(call): GraphqlCall,
    Extension(request_id): Extension<RequestId>,
    headers: HeaderMap,
    request: GraphqlRequest,
) -> Result<GraphqlAnswer> {
    let request_id = request_id.as_str().to_owned();
    let variables = request.variables.map(|variables| Variables::from_json(Value::Object(variables)));
    let mut asked = Request::new(request.query).variables(variables.unwrap_or_default()).data(Access {
        call,
        request_id,
        modules,
        records,
    });
    if let Some(name) = request.operation_name {
        asked = asked.operation_name(name);
    }
    let introspective = asked.parsed_query().is_ok_and(is_introspection);
    let api = if introspective { &INTROSPECTION } else { &API };
    let mut response = api.execute(asked).await;
    response.errors.iter_mut().for_each(name_fault_of_request);
    Ok(GraphqlAnswer { response, modern: accepts(&headers) })
}

/// What no resolver has refused is a document that cannot be carried out: wrongly written, not of this schema, or too
/// much.
fn name_fault_of_request(error: &mut ServerError) {
    let extensions = error.extensions.get_or_insert_default();
    if extensions.get("code").is_none() {
        extensions.set("code", Code::InvalidRequest.as_str());
        extensions.set("status", Code::InvalidRequest.status().as_u16());
    }
}

/// The page of GraphiQL where a browser looks at the endpoint, for development: it loads itself from a public CDN.
pub fn playground<S: Clone + Send + Sync + 'static>() -> Router<S> {
    async fn show(GraphqlCall(call): GraphqlCall) -> Html<String> {
        let endpoint = format!("/api/v1/modules/{}/graphql", call.module);
        Html(GraphiQLSource::build().endpoint(&endpoint).title("Records").finish())
    }
    Router::new().route("/api/v1/modules/{module}/graphql", get(show))
}

/// Whether a document asks for nothing but the schema.
fn is_introspection(document: &ExecutableDocument) -> bool {
    document.operations.iter().all(|(_, operation)| {
        operation.node.selection_set.node.items.iter().all(|selection| {
            matches!(&selection.node, Selection::Field(field) if field.node.name.node.starts_with("__"))
        })
    })
}

fn accepts(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|list| list.split(',')).any(|item| {
        let essence = item.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case(GRAPHQL_RESPONSE)
    })
}

/// A request that was never carried out has no data, and is 400 in the modern media type; in `application/json` all is
/// 200 that could be read (GraphQL over HTTP, section 6.4).
impl IntoResponse for GraphqlAnswer {
    fn into_response(self) -> axum::response::Response {
        let not_begun = self.response.data == async_graphql::Value::Null
            && !self.response.errors.is_empty()
            && self.response.errors.iter().all(|error| error.path.is_empty());
        let status = if self.modern && not_begun { StatusCode::BAD_REQUEST } else { StatusCode::OK };
        let mut response = (status, Json(self.response)).into_response();
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

/// The call of a module's API, which the gateway has added to the request. Each resolver checks the permission.
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
        let when = "The credentials are worth nothing. Where none are shown, `errors` says what needs some.";
        openapi::refuses(ctx, operation, Code::Unauthenticated, when);
        let when = "There is no such module, or it is not published.";
        openapi::refuses(ctx, operation, Code::ModuleNotFound, when);
    }
}

impl OperationInput for GraphqlRequest {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let body = RequestBody {
            description: Some("One request; the schema can be asked for by introspection.".to_owned()),
            content: [(JSON.to_owned(), media(ctx.schema.subschema_for::<Self>()))].into_iter().collect(),
            required: true,
            extensions: Default::default(),
        };
        set_body(ctx, operation, body);
        document_body_refusals(ctx, operation);
        let when = "The body is no JSON, or not strictly so; `detail` says where.";
        openapi::refuses(ctx, operation, Code::InvalidJson, when);
        let when = "The body is JSON, but no GraphQL request.";
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
            description: "`data`, and `errors` with the codes of REST in their extensions.".to_owned(),
            content: [JSON, GRAPHQL_RESPONSE].map(|name| (name.to_owned(), answer())).into_iter().collect(),
            ..Default::default()
        };
        vec![(Some(200), carried_out)]
    }
}

fn openapi_status(status: StatusCode) -> aide::openapi::StatusCode {
    aide::openapi::StatusCode::Code(status.as_u16())
}
