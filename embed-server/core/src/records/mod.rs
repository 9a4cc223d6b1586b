//! Records: the data of a module. The module's manifest declares the collections, their schemas and what visitors may
//! do.
//!
//! An acknowledged record conforms to its collection's schema, and has a version that counts its changes. Of two
//! changes at the same time, neither overwrites what its caller has not seen: either its condition fails, or it is
//! applied to the result of the other. A change and its event commit together.
//!
//! Records stay when a new version of their module is published. Its schema is checked at the next change; a
//! collection that the new version lacks is not found until a version declares it again.
//!
//! REST ([`routes`]) and GraphQL ([`graphql`]) call the same functions. Each function takes a [`Collection`], which
//! is the permission.

mod access;
mod answers;
mod body;
mod cursor;
mod described;
mod events;
mod field;
mod filter;
pub mod graphql;
mod idempotency;
mod list;
mod merge_patch;
mod operand;
mod order;
mod preconditions;
mod query;
pub mod routes;
mod store;

pub use access::{Collection, Create, Delete, Permission, Read, RecordId, Update};
pub use events::{DELETED_TOLD, EVENTS, TOLD};
pub use filter::Filter;
pub use idempotency::{IdempotencyKey, KEPT as IDEMPOTENCY_KEYS_KEPT};
pub use list::{List, RecordPage};
pub use order::Sort;
pub use preconditions::IfMatch;

use crate::modules::FieldError;
use access::{CollectionScope, record_not_found};
use chrono::{DateTime, Utc};
use embed_base::Context;
use embed_base::events::{forget_subjects, forget_told};
use embed_base::{Code, Error, Result};
use events::RecordEvent;
use idempotency::KeyedRequest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::FromRow;
use uuid::Uuid;

/// A record of a collection.
#[derive(Clone, Debug, PartialEq, FromRow, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The record's id; later records have greater ids.
    pub id: Uuid,
    /// The collection that it is in.
    pub collection: String,
    /// The data, as the collection's schema requires.
    #[sqlx(json)]
    pub data: Map<String, Value>,
    /// 1 for a new record, and one more after each change.
    pub version: i64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// The result of creating a record.
#[derive(Clone, Debug, PartialEq)]
pub struct CreatedRecord {
    pub record: Record,
    /// Whether it existed already, because the request with this key was repeated.
    pub replayed: bool,
}

/// Records. Cheap to clone.
#[derive(Clone)]
pub struct Records {
    context: Context,
}

impl Records {
    pub fn new(context: &Context) -> Self {
        Self { context: context.clone() }
    }

    pub async fn list(&self, collection: &Collection<Read>, list: &List) -> Result<RecordPage> {
        let scope = collection.scope();
        let digest = list.digest(collection);
        let start = list.start_after(&digest)?;
        let mut tx = self.context.db.read(scope.site).await?;
        let (data, more) = store::list(&mut tx, scope, list, start.as_ref()).await?;
        let last = data.last().filter(|_| more);
        let next_cursor = last.map(|last| cursor::write(&digest, &list.sort.position(last)));
        Ok(RecordPage { data, next_cursor })
    }

    /// One record, or 404 `record_not_found`.
    pub async fn find(&self, collection: &Collection<Read>, id: Uuid) -> Result<Record> {
        self.load(collection.scope(), id).await
    }

    /// Creates a record. Repeated with the same key within 24 hours, the request gets the same response and creates
    /// nothing.
    pub async fn create(
        &self,
        collection: &Collection<Create>,
        data: Value,
        key: Option<&IdempotencyKey>,
    ) -> Result<CreatedRecord> {
        let keyed = key.map(|key| KeyedRequest::new(collection, key, &data));
        let answered = async || match &keyed {
            Some(keyed) => self.answered(collection.scope(), keyed).await,
            None => Ok(None),
        };
        if let Some(record) = answered().await? {
            return Ok(CreatedRecord { record, replayed: true });
        }
        let data = validated(collection, data).await?;
        loop {
            if let Some(record) = self.insert(collection, &data, keyed.as_ref()).await? {
                return Ok(CreatedRecord { record, replayed: false });
            }
            // Another request has taken this key at the same time.
            if let Some(record) = answered().await? {
                return Ok(CreatedRecord { record, replayed: true });
            }
        }
    }

    /// Replaces a record's data.
    pub async fn replace(
        &self,
        collection: &Collection<Update>,
        id: Uuid,
        data: Value,
        condition: &IfMatch,
    ) -> Result<Record> {
        let data = validated(collection, data).await?;
        self.change(collection, id, condition, &DataChange::Replaced(data)).await
    }

    /// Changes a part of a record's data, by JSON Merge Patch.
    pub async fn patch(
        &self,
        collection: &Collection<Update>,
        id: Uuid,
        patch: Value,
        condition: &IfMatch,
    ) -> Result<Record> {
        self.change(collection, id, condition, &DataChange::Patched(patch)).await
    }

    /// Deletes a record.
    pub async fn delete(&self, collection: &Collection<Delete>, id: Uuid, condition: &IfMatch) -> Result<()> {
        let scope = collection.scope();
        loop {
            let record = self.load(scope, id).await?;
            condition.check(&record)?;
            let mut change = self.context.change_unlisted(scope.site, Some(scope.module)).await?;
            if store::delete(&mut change, scope, &record).await? {
                change.event(&RecordEvent::Deleted(&record))?;
                return change.commit_unlisted().await;
            }
        }
    }

    /// Deletes the responses of idempotency keys that are older than 24 hours; returns how many.
    pub async fn prune(&self) -> Result<u64> {
        let mut tx = self.context.db.begin_global().await?;
        let deleted = store::delete_answers(&mut tx, self.context.clock.now() - idempotency::KEPT).await?;
        tx.commit().await?;
        Ok(deleted)
    }

    /// Deletes the content of records from events that are old, or whose record was deleted.
    pub async fn forget_told(&self) -> Result<()> {
        let now = self.context.clock.now();
        let [created, updated, deleted] = EVENTS;
        forget_subjects(&self.context, deleted, now - DELETED_TOLD).await?;
        for kind in [created, updated] {
            forget_told(&self.context, kind, now - TOLD).await?;
        }
        Ok(())
    }

    async fn load(&self, scope: &CollectionScope, id: Uuid) -> Result<Record> {
        let mut tx = self.context.db.read(scope.site).await?;
        store::find(&mut tx, scope, id).await?.ok_or_else(|| record_not_found(&id.to_string()))
    }

    /// The stored response of a key.
    async fn answered(&self, scope: &CollectionScope, keyed: &KeyedRequest<'_>) -> Result<Option<Record>> {
        let mut tx = self.context.db.read(scope.site).await?;
        let since = self.context.clock.now() - idempotency::KEPT;
        let Some((hash, record)) = store::answered(&mut tx, scope, keyed, since).await? else {
            return Ok(None);
        };
        keyed.check(&hash)?;
        Ok(Some(record.0))
    }

    /// Writes a new record, and its response under the key; `None` where the key is taken.
    async fn insert(
        &self,
        collection: &Collection<Create>,
        data: &Map<String, Value>,
        keyed: Option<&KeyedRequest<'_>>,
    ) -> Result<Option<Record>> {
        let scope = collection.scope();
        let mut change = self.context.change_unlisted(scope.site, Some(scope.module)).await?;
        let now = change.now();
        let record = Record {
            id: change.id(),
            collection: scope.name.clone(),
            data: data.clone(),
            version: 1,
            created_at: now,
            updated_at: now,
        };
        if let Some(keyed) = keyed
            && !store::insert_answer(&mut change, scope, keyed, &record, now - idempotency::KEPT).await?
        {
            return Ok(None);
        }
        store::insert(&mut change, scope, &record).await?;
        change.event(&RecordEvent::Created(&record))?;
        change.commit_unlisted().await?;
        Ok(Some(record))
    }

    /// Changes the record's data. Where another change comes first, this one is applied to its result,
    /// unless the condition then fails.
    async fn change(
        &self,
        collection: &Collection<Update>,
        id: Uuid,
        condition: &IfMatch,
        data_change: &DataChange,
    ) -> Result<Record> {
        let scope = collection.scope();
        loop {
            let mut record = self.load(scope, id).await?;
            condition.check(&record)?;
            let read = record.version;
            record.data = data_change.applied(collection, record.data).await?;
            record.version += 1;
            let mut change = self.context.change_unlisted(scope.site, Some(scope.module)).await?;
            record.updated_at = change.now();
            if store::update(&mut change, scope, &record, read).await? {
                change.event(&RecordEvent::Updated(&record))?;
                change.commit_unlisted().await?;
                return Ok(record);
            }
        }
    }
}

/// A change of a record's data.
enum DataChange {
    /// To this, which was checked.
    Replaced(Map<String, Value>),
    /// By this JSON Merge Patch.
    Patched(Value),
}

impl DataChange {
    async fn applied<P: Permission>(
        &self,
        collection: &Collection<P>,
        data: Map<String, Value>,
    ) -> Result<Map<String, Value>> {
        match self {
            Self::Replaced(data) => Ok(data.clone()),
            Self::Patched(patch) => {
                validated(collection, merge_patch::merge(Value::Object(data), patch.clone())).await
            }
        }
    }
}

/// The data, if it conforms to the collection's schema; else 422 `invalid_record` with every error.
async fn validated<P: Permission>(collection: &Collection<P>, data: Value) -> Result<Map<String, Value>> {
    let (data, violations) = match data {
        data @ Value::Object(_) if body::length(&data) > body::LARGEST => {
            let too_large = format!("The data takes more than {} KiB as JSON.", body::LARGEST / 1024);
            (data, vec![whole(too_large)])
        }
        data @ Value::Object(_) => collection.schema()?.violations(data).await?,
        other => (other, vec![whole("The data of a record is a JSON object.".to_owned())]),
    };
    match data {
        Value::Object(data) if violations.is_empty() => Ok(data),
        _ => Err(invalid_record(collection.name(), &violations)),
    }
}

fn whole(detail: String) -> FieldError {
    FieldError { field: String::new(), detail }
}

fn invalid_record(collection: &str, violations: &[FieldError]) -> Error {
    let sentences: Vec<_> = violations
        .iter()
        .map(
            |FieldError { field, detail }| {
                if field.is_empty() { detail.clone() } else { format!("{field}: {detail}") }
            },
        )
        .collect();
    let detail =
        format!("The data violates the schema of the collection {collection}. {}", sentences.join(" "));
    let errors = serde_json::to_value(violations).unwrap_or_default();
    Error::new(Code::InvalidRecord, detail).with("errors", errors)
}
