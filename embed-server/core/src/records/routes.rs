//! The HTTP routes of records.

use super::access::{Collection, Create, Delete, Read, RecordId, Update};
use super::answers::{Changed, CreatedIn, Found};
use super::body::{self, DataBody, PatchBody};
use super::described::in_query;
use super::graphql;
use super::idempotency::KeyHeader;
use super::list::{LARGEST_PAGE, List, PAGE, RecordPage};
use super::preconditions::{IfMatch, IfNoneMatch};
use crate::services::Services;
use aide::OperationInput;
use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use aide::generate::GenContext;
use aide::openapi::{Operation, QueryStyle};
use aide::operation::add_parameters;
use axum::Json;
use axum::extract::{DefaultBodyLimit, FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::NoContent;
use embed_base::http::openapi;
use embed_base::{Code, Error, Result};
use schemars::json_schema;

/// The routes of records, and GraphQL's. They belong behind the gateway, which adds a [`embed_base::http::Call`] to
/// each request.
pub fn router() -> ApiRouter<Services> {
    let records = ApiRouter::new()
        .api_route(
            "/api/v1/modules/{module}/records/{collection}",
            get_with(list, |operation| {
                operation
                    .id("listRecords")
                    .tag("Records")
                    .summary("List a collection's records, page by page")
            })
            .post_with(create, |operation| {
                operation.id("createRecord").tag("Records").summary("Create a record")
            }),
        )
        .api_route(
            "/api/v1/modules/{module}/records/{collection}/{id}",
            get_with(show, |operation| operation.id("getRecord").tag("Records").summary("Read a record"))
                .put_with(replace, |operation| {
                    operation.id("replaceRecord").tag("Records").summary("Replace a record's data")
                })
                .patch_with(patch, |operation| {
                    operation.id("patchRecord").tag("Records").summary("Change a part of a record's data")
                })
                .delete_with(remove, |operation| {
                    operation.id("deleteRecord").tag("Records").summary("Delete a record")
                }),
        )
        .layer(DefaultBodyLimit::max(body::LARGEST));
    let graphql = ApiRouter::new()
        .api_route(
            "/api/v1/modules/{module}/graphql",
            post_with(graphql::answer, |operation| {
                operation.id("graphql").tag("Records").summary("Query and change records with GraphQL")
            }),
        )
        .layer(DefaultBodyLimit::max(graphql::LARGEST));
    records.merge(graphql)
}

async fn list(
    collection: Collection<Read>,
    State(services): State<Services>,
    ListQuery(query): ListQuery,
) -> Result<Json<RecordPage>> {
    let list = List::parse(&query, collection.schema()?)?;
    services.records.list(&collection, &list).await.map(Json)
}

async fn create(
    collection: Collection<Create>,
    State(services): State<Services>,
    KeyHeader(key): KeyHeader,
    DataBody(data): DataBody,
) -> Result<CreatedIn> {
    let created = services.records.create(&collection, data, key.as_ref()).await?;
    Ok(CreatedIn { module: collection.module(), created })
}

async fn show(
    collection: Collection<Read>,
    State(services): State<Services>,
    RecordId(id): RecordId,
    condition: IfNoneMatch,
) -> Result<Found> {
    let record = services.records.find(&collection, id).await?;
    Ok(Found { record, condition })
}

async fn replace(
    collection: Collection<Update>,
    State(services): State<Services>,
    RecordId(id): RecordId,
    condition: IfMatch,
    DataBody(data): DataBody,
) -> Result<Changed> {
    services.records.replace(&collection, id, data, &condition).await.map(Changed)
}

async fn patch(
    collection: Collection<Update>,
    State(services): State<Services>,
    RecordId(id): RecordId,
    condition: IfMatch,
    PatchBody(patch): PatchBody,
) -> Result<Changed> {
    services.records.patch(&collection, id, patch, &condition).await.map(Changed)
}

async fn remove(
    collection: Collection<Delete>,
    State(services): State<Services>,
    RecordId(id): RecordId,
    condition: IfMatch,
) -> Result<NoContent> {
    services.records.delete(&collection, id, &condition).await.map(|()| NoContent)
}

/// The raw query of a list: its meaning depends on the collection's schema.
struct ListQuery(String);

impl<S: Send + Sync> FromRequestParts<S> for ListQuery {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Ok(Self(parts.uri.query().unwrap_or_default().to_owned()))
    }
}

impl OperationInput for ListQuery {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let filter = json_schema!({
            "type": "object",
            "additionalProperties": { "type": "object", "additionalProperties": { "type": "string" } },
            "example": {},
        });
        let sort = json_schema!({ "type": "string", "default": "-createdAt" });
        let limit =
            json_schema!({ "type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE });
        let cursor = json_schema!({ "type": "string" });
        let parameters = [
            in_query(
                "filter",
                "Conditions, all of which must hold, each `filter[field][op]=value`, with op one of eq, ne, lt, le, gt, ge, in (values separated by commas) and contains. A field is id, createdAt, updatedAt, version, or a path into the data such as address.city. Values are only equal to, less or greater than values of the same type.",
                filter,
                QueryStyle::DeepObject,
            ),
            in_query("sort", "A field; a `-` in front reverses the order.", sort, QueryStyle::Form),
            in_query("limit", "The most records on the page.", limit, QueryStyle::Form),
            in_query(
                "cursor",
                "`nextCursor` of the previous page of the same list.",
                cursor,
                QueryStyle::Form,
            ),
        ];
        add_parameters(ctx, operation, parameters);
        for (code, when) in [
            (Code::InvalidFilter, "A condition of the filter is invalid."),
            (Code::InvalidSort, "The field in `sort` is invalid."),
            (Code::InvalidCursor, "The cursor is invalid, or belongs to another list."),
            (Code::InvalidParameter, "A parameter is unknown, out of range, or given twice."),
        ] {
            openapi::refuses(ctx, operation, code, when);
        }
    }
}
