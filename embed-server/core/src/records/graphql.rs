//! Records over GraphQL: the same functions as REST's, with the same rules and the same error codes.
//!
//! Every field of the two roots is nullable, so that the failure of one leaves the others.

mod budget;
mod request;
mod tokens;
mod types;

use super::access::{Collection, Create, Delete, Permission, Read, Update};
use super::{Filter, IdempotencyKey, IfMatch, List, Records, Sort, list, record_not_found};
use crate::modules::Modules;
use crate::strict_json;
use async_graphql::{Context, ErrorExtensions, ID, Object};
use embed_base::http::{Call, json_bytes};
use embed_base::{Code, Error, Result};
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};
use types::{DeletedRecord, RecordConnection, RecordNode};
use uuid::Uuid;

pub use request::{LARGEST, answer, bounds};

/// The cost of a change, of 1000 for a request, so that a request has at most 19.
const CHANGE: usize = 50;

/// The cost of a list beside its records: it is a query of the database even where it asks for nothing.
const LIST: usize = 10;

/// The most bytes of records' data in one response, each time that it is asked for.
const LARGEST_RESPONSE: usize = 4 * 1024 * 1024;

/// The context of the resolvers: one call of one module's API.
struct Access {
    call: Call,
    request_id: String,
    modules: Modules,
    records: Records,
    /// The bytes of data that may still be loaded, and that the response may still have.
    room: Room,
}

/// What is left of [`LARGEST_RESPONSE`].
struct Room {
    loaded: AtomicUsize,
    answered: AtomicUsize,
}

impl Default for Room {
    fn default() -> Self {
        Self { loaded: AtomicUsize::new(LARGEST_RESPONSE), answered: AtomicUsize::new(LARGEST_RESPONSE) }
    }
}

impl Access {
    /// Counts data that was loaded for a field, whether or not it is answered.
    fn take_loaded(&self, bytes: usize) -> Result<()> {
        take(&self.room.loaded, bytes)
    }

    /// Counts data that is answered.
    fn take_answered(&self, bytes: usize) -> Result<()> {
        take(&self.room.answered, bytes)
    }

    async fn collection<P: Permission>(&self, name: &str) -> Result<Collection<P>> {
        Collection::open(&self.modules, &self.call, name).await
    }
}

fn take(room: &AtomicUsize, bytes: usize) -> Result<()> {
    let taken = room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |room| room.checked_sub(bytes));
    taken.map(drop).map_err(|_| {
        let most = LARGEST_RESPONSE / (1024 * 1024);
        Error::invalid(format!(
            "The data of the response has more than {most} MiB; ask for fewer records, and for the data of each once."
        ))
    })
}

/// Resolves a field. An error makes the field null and goes to `errors`: its sentence is the message, and its
/// extensions are the members of REST's problem document.
async fn resolve<T>(context: &Context<'_>, work: impl AsyncFnOnce(&Access) -> Result<T>) -> Option<T> {
    let (done, request_id) = match context.data::<Access>() {
        Ok(access) => (work(access).await, access.request_id.as_str()),
        Err(missing) => (Err(Error::internal(missing.message)), ""),
    };
    done.map_err(|error| {
        if error.status().is_server_error() {
            tracing::error!(request_id, code = error.code().as_str(), causes = error.causes(), "{error}");
        }
        let error = graphql_error(&error, request_id).into_server_error(context.item.pos);
        context.add_error(context.set_error_path(error));
    })
    .ok()
}

/// The error, with the request's id where only the server's log explains it.
fn graphql_error(error: &Error, request_id: &str) -> async_graphql::Error {
    async_graphql::Error::new(error.detail()).extend_with(|_, extensions| {
        let Value::Object(members) = error.document(request_id) else { return };
        for (name, value) in members {
            let repeated = matches!(name.as_str(), "title" | "detail")
                || name == "requestId" && !error.status().is_server_error();
            if let (false, Ok(value)) = (repeated, async_graphql::Value::from_json(value)) {
                extensions.set(name, value);
            }
        }
    })
}

/// Queries of records.
pub struct Query;

#[Object]
impl Query {
    /// A collection's records, page by page; the newest first by default.
    #[graphql(
        complexity = "LIST + usize::try_from(first.unwrap_or(50)).unwrap_or(1).clamp(1, 200) * child_complexity"
    )]
    async fn records(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "A collection that the module's manifest declares.")] collection: String,
        #[graphql(desc = "Conditions, all of which must hold, as {field: {op: value}}.")] filter: Option<
            Value,
        >,
        #[graphql(desc = "A field; a hyphen in front reverses the order.")] sort: Option<String>,
        #[graphql(desc = "The most records on the page, 1 to 200; 50 by default.")] first: Option<i32>,
        #[graphql(desc = "A cursor of the same list: the page begins after it.")] after: Option<String>,
    ) -> Option<RecordConnection> {
        resolve(context, async |access| {
            let collection = access.collection::<Read>(&collection).await?;
            let schema = collection.schema()?;
            let filter = filter.map(|filter| Filter::from_json(&filter, schema)).transpose()?;
            let sort = sort.map(|sort| Sort::parse(&sort, schema)).transpose()?;
            let limit = first.map(|first| list::page_size(u32::try_from(first).ok())).transpose()?;
            let list = List {
                filter: filter.unwrap_or_default(),
                sort: sort.unwrap_or_default(),
                limit: limit.unwrap_or(list::PAGE),
                cursor: after,
            };
            let page = access.records.list(&collection, &list).await?;
            access.take_loaded(page.data.iter().map(|record| json_bytes(&record.data)).sum())?;
            Ok(RecordConnection::of(page, |record| list.cursor_at(&collection, record)))
        })
        .await
    }

    /// One record; null where there is none with this id.
    #[graphql(complexity = "10 + child_complexity")]
    async fn record(&self, context: &Context<'_>, collection: String, id: ID) -> Option<RecordNode> {
        let found = resolve(context, async |access| {
            let collection = access.collection::<Read>(&collection).await?;
            let Ok(id) = Uuid::try_parse(&id) else { return Ok(None) };
            match access.records.find(&collection, id).await {
                Ok(record) => {
                    access.take_loaded(json_bytes(&record.data))?;
                    Ok(Some(RecordNode(record)))
                }
                Err(error) if error.code() == Code::RecordNotFound => Ok(None),
                Err(error) => Err(error),
            }
        });
        found.await.flatten()
    }
}

/// Changes of records. Changes are made one after the other; each succeeds or fails by itself.
pub struct Mutation;

#[Object]
impl Mutation {
    /// Creates a record.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn create_record(
        &self,
        context: &Context<'_>,
        collection: String,
        #[graphql(desc = "The data, as the collection's schema requires.")] data: Value,
        #[graphql(desc = "Makes it safe to repeat the request within 24 hours.")] idempotency_key: Option<
            String,
        >,
    ) -> Option<RecordNode> {
        resolve(context, async |access| {
            let collection = access.collection::<Create>(&collection).await?;
            strict_json::check(&data)?;
            let key = idempotency_key.map(|key| IdempotencyKey::parse(&key)).transpose()?;
            let created = access.records.create(&collection, data, key.as_ref()).await?;
            Ok(RecordNode(created.record))
        })
        .await
    }

    /// Replaces a record's data.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn replace_record(
        &self,
        context: &Context<'_>,
        collection: String,
        id: ID,
        #[graphql(desc = "The data, as the collection's schema requires.")] data: Value,
        #[graphql(desc = "The version that the record must still be at.")] if_match: Option<i64>,
    ) -> Option<RecordNode> {
        resolve(context, async |access| {
            let collection = access.collection::<Update>(&collection).await?;
            strict_json::check(&data)?;
            let (id, condition) = (record_id(&id)?, condition(if_match));
            access.records.replace(&collection, id, data, &condition).await.map(RecordNode)
        })
        .await
    }

    /// Changes a part of a record's data, by JSON Merge Patch (RFC 7396).
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn patch_record(
        &self,
        context: &Context<'_>,
        collection: String,
        id: ID,
        #[graphql(desc = "An object like the data, with null for each member to remove.")] patch: Value,
        #[graphql(desc = "The version that the record must still be at.")] if_match: Option<i64>,
    ) -> Option<RecordNode> {
        resolve(context, async |access| {
            let collection = access.collection::<Update>(&collection).await?;
            strict_json::check(&patch)?;
            let (id, condition) = (record_id(&id)?, condition(if_match));
            access.records.patch(&collection, id, patch, &condition).await.map(RecordNode)
        })
        .await
    }

    /// Deletes a record.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn delete_record(
        &self,
        context: &Context<'_>,
        collection: String,
        id: ID,
        #[graphql(desc = "The version that the record must still be at.")] if_match: Option<i64>,
    ) -> Option<DeletedRecord> {
        resolve(context, async |access| {
            let collection = access.collection::<Delete>(&collection).await?;
            access.records.delete(&collection, record_id(&id)?, &condition(if_match)).await?;
            Ok(DeletedRecord { id })
        })
        .await
    }
}

fn record_id(id: &ID) -> Result<Uuid> {
    Uuid::try_parse(id).map_err(|_| record_not_found(id))
}

fn condition(version: Option<i64>) -> IfMatch {
    version.map_or(IfMatch::NONE, IfMatch::version)
}
