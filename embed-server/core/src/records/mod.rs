//! Records: the data of a module. Collections, what fits into them and what visitors may do stand in the module's manifest.
//!
//! A record that was acknowledged fits its collection's schema, and carries a version that counts its changes. Of two who
//! change it at once, none overwrites what he has not seen: either his condition fails, or his change is applied to what
//! the other has left. A change and its event commit together.
//!
//! A record stays when a new version of its module is published. What the new schema says is held against the next
//! change; a collection that the new version lacks is not there, until a version has it again.
//!
//! REST ([`routes`]) and GraphQL ([`graphql`]) call the same functions. Each wants a [`Collection`], which is the permission.

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
mod strict_json;

pub use access::{Collection, Create, Delete, Permission, Read, RecordId, Update};
pub use events::EVENTS;
pub use filter::Filter;
pub use idempotency::IdempotencyKey;
pub use list::{List, Page};
pub use order::Sort;
pub use preconditions::IfMatch;

use crate::modules::FieldError;
use access::{CollectionScope, record_not_found};
use chrono::{DateTime, Utc};
use embed_base::Context;
use embed_base::{Code, Error, Result};
use events::RecordEvent;
use idempotency::Keyed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::FromRow;
use uuid::Uuid;

/// One record.
#[derive(Clone, Debug, PartialEq, FromRow, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Its id; later ones are greater.
    pub id: Uuid,
    /// The collection that it is in.
    pub collection: String,
    /// What the module keeps, as the collection's schema wants it.
    #[sqlx(json)]
    pub data: Map<String, Value>,
    /// 1 at first, and one more after each change.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What came of creating a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Created {
    /// The record.
    pub record: Record,
    /// Whether it was there already, because the request under this key had been answered.
    pub replayed: bool,
}

/// The records. Cheap to clone.
#[derive(Clone)]
pub struct Records {
    context: Context,
}

impl Records {
    /// Builds the capability.
    pub fn new(context: &Context) -> Self {
        Self { context: context.clone() }
    }

    /// A page of the collection.
    pub async fn list(&self, collection: &Collection<Read>, list: &List) -> Result<Page> {
        let scope = collection.scope();
        let question = list.question(collection);
        let behind = list.behind(&question)?;
        let mut tx = self.context.db.read(scope.site).await?;
        let mut data = store::list(&mut tx, scope, list, behind.as_ref()).await?;
        let more = data.len() > list.limit as usize;
        data.truncate(list.limit as usize);
        let last = data.last().filter(|_| more);
        let next_cursor = last.map(|last| cursor::write(&question, &list.sort.position(last)));
        Ok(Page { data, next_cursor })
    }

    /// One record, or 404 `record_not_found`.
    pub async fn find(&self, collection: &Collection<Read>, id: Uuid) -> Result<Record> {
        self.load(collection.scope(), id).await
    }

    /// Makes a record. Under a key, the same request within 24 hours gets the same answer, and creates nothing.
    pub async fn create(
        &self,
        collection: &Collection<Create>,
        data: Value,
        key: Option<&IdempotencyKey>,
    ) -> Result<Created> {
        let keyed = key.map(|key| Keyed::new(collection, key, &data));
        let answered = async || match &keyed {
            Some(keyed) => self.answered(collection.scope(), keyed).await,
            None => Ok(None),
        };
        if let Some(record) = answered().await? {
            return Ok(Created { record, replayed: true });
        }
        let data = fitting(collection, data)?;
        loop {
            if let Some(record) = self.insert(collection, &data, keyed.as_ref()).await? {
                return Ok(Created { record, replayed: false });
            }
            // Somebody else has answered this key in the same moment.
            if let Some(record) = answered().await? {
                return Ok(Created { record, replayed: true });
            }
        }
    }

    /// Puts other data in place of what there is.
    pub async fn replace(
        &self,
        collection: &Collection<Update>,
        id: Uuid,
        data: Value,
        condition: &IfMatch,
    ) -> Result<Record> {
        let data = fitting(collection, data)?;
        self.change(collection, id, condition, |_| Ok(data.clone())).await
    }

    /// Changes a part of the data, as JSON Merge Patch says.
    pub async fn patch(
        &self,
        collection: &Collection<Update>,
        id: Uuid,
        patch: Value,
        condition: &IfMatch,
    ) -> Result<Record> {
        let patched = |data| fitting(collection, merge_patch::merge(Value::Object(data), patch.clone()));
        self.change(collection, id, condition, patched).await
    }

    /// Removes a record.
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

    /// Forgets the answers to idempotency keys that are older than 24 hours; how many.
    pub async fn prune(&self) -> Result<u64> {
        let mut tx = self.context.db.begin_global().await?;
        let forgotten = store::forget(&mut tx, self.context.clock.now() - idempotency::KEPT).await?;
        tx.commit().await?;
        Ok(forgotten)
    }

    async fn load(&self, scope: &CollectionScope, id: Uuid) -> Result<Record> {
        let mut tx = self.context.db.read(scope.site).await?;
        store::find(&mut tx, scope, id).await?.ok_or_else(|| record_not_found(&id.to_string()))
    }

    /// The answer that a key has had.
    async fn answered(&self, scope: &CollectionScope, keyed: &Keyed<'_>) -> Result<Option<Record>> {
        let mut tx = self.context.db.read(scope.site).await?;
        let since = self.context.clock.now() - idempotency::KEPT;
        let Some((hash, record)) = store::answered(&mut tx, scope, keyed, since).await? else {
            return Ok(None);
        };
        keyed.check(&hash)?;
        Ok(Some(record.0))
    }

    /// Writes a new record, and its answer under the key; `None` when the key is taken.
    async fn insert(
        &self,
        collection: &Collection<Create>,
        data: &Map<String, Value>,
        keyed: Option<&Keyed<'_>>,
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
            && !store::remember(&mut change, scope, keyed, &record, now - idempotency::KEPT).await?
        {
            return Ok(None);
        }
        store::insert(&mut change, scope, &record).await?;
        change.event(&RecordEvent::Created(&record))?;
        change.commit_unlisted().await?;
        Ok(Some(record))
    }

    /// Applies `change` to the data as it is. When somebody else was faster, it is applied to what he has left, unless
    /// the condition speaks against that.
    async fn change(
        &self,
        collection: &Collection<Update>,
        id: Uuid,
        condition: &IfMatch,
        change: impl Fn(Map<String, Value>) -> Result<Map<String, Value>>,
    ) -> Result<Record> {
        let scope = collection.scope();
        loop {
            let mut record = self.load(scope, id).await?;
            condition.check(&record)?;
            let read = record.version;
            record.data = change(record.data)?;
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

/// The data, if the collection takes it; else 422 `invalid_record` with everything that is wrong.
fn fitting<P: Permission>(collection: &Collection<P>, data: Value) -> Result<Map<String, Value>> {
    let misfits = match &data {
        Value::Object(_) if body::length(&data) > body::LARGEST => {
            vec![whole(format!("The data takes more than {} KiB as JSON.", body::LARGEST / 1024))]
        }
        Value::Object(_) => collection.schema()?.misfits(&data)?,
        _ => vec![whole("The data of a record is a JSON object.".to_owned())],
    };
    match data {
        Value::Object(data) if misfits.is_empty() => Ok(data),
        _ => Err(invalid_record(collection.name(), &misfits)),
    }
}

fn whole(detail: String) -> FieldError {
    FieldError { field: String::new(), detail }
}

fn invalid_record(collection: &str, misfits: &[FieldError]) -> Error {
    let sentences: Vec<_> = misfits
        .iter()
        .map(
            |FieldError { field, detail }| {
                if field.is_empty() { detail.clone() } else { format!("{field}: {detail}") }
            },
        )
        .collect();
    let detail = format!("The data does not fit the collection {collection}. {}", sentences.join(" "));
    let errors = serde_json::to_value(misfits).unwrap_or_default();
    Error::new(Code::InvalidRecord, detail).with("errors", errors)
}
