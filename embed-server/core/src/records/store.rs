//! The SQL of records.

use super::Record;
use super::access::CollectionScope;
use super::idempotency::KeyedRequest;
use super::list::List;
use super::order::Position;
use super::query;
use crate::modules::module_not_found;
use chrono::{DateTime, Utc};
use embed_base::Result;
use embed_base::db::{OnGone, Statement, Tx, execute, fetch_while, on};
use embed_base::http::{LARGEST_PAGE, json_bytes};
use sqlx::types::Json;
use uuid::Uuid;

pub(super) async fn insert(tx: &mut Tx, scope: &CollectionScope, record: &Record) -> Result<()> {
    let text =
        "INSERT INTO module_records (id, site_id, module_id, collection, data, version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    execute!(
        tx,
        sqlx::query(text)
            .bind(record.id)
            .bind(scope.site)
            .bind(scope.module)
            .bind(&scope.name)
            .bind(Json(&record.data))
            .bind(record.version)
            .bind(record.created_at)
            .bind(record.updated_at)
    )
    .on_gone(module_not_found)?;
    Ok(())
}

pub(super) async fn find(tx: &mut Tx, scope: &CollectionScope, id: Uuid) -> Result<Option<Record>> {
    let text =
        "SELECT * FROM module_records WHERE site_id = $1 AND module_id = $2 AND collection = $3 AND id = $4";
    Ok(on!(tx, |conn| {
        sqlx::query_as(text)
            .bind(scope.site)
            .bind(scope.module)
            .bind(&scope.name)
            .bind(id)
            .fetch_optional(conn)
            .await
    })?)
}

/// The records of a page after a position, and whether more follow. A page ends where its data reaches [`LARGEST_PAGE`].
pub(super) async fn list(
    tx: &mut Tx,
    scope: &CollectionScope,
    list: &List,
    start: Option<&Position>,
) -> Result<(Vec<Record>, bool)> {
    let mut statement = Statement::new(tx);
    query::write(&mut statement, scope, list, start);
    let (mut records, mut bytes, mut more) = (Vec::new(), 0, false);
    let takes = |record: Record| {
        bytes += json_bytes(&record.data);
        more = records.len() == list.limit as usize || !records.is_empty() && bytes > LARGEST_PAGE;
        if !more {
            records.push(record);
        }
        !more
    };
    fetch_while!(tx, statement, takes)?;
    Ok((records, more))
}

/// Writes a record; `false` where it is no longer at the version that was read.
pub(super) async fn update(tx: &mut Tx, scope: &CollectionScope, record: &Record, read: i64) -> Result<bool> {
    let text = "UPDATE module_records SET data = $1, version = $2, updated_at = $3
         WHERE site_id = $4 AND module_id = $5 AND collection = $6 AND id = $7 AND version = $8";
    let updated = execute!(
        tx,
        sqlx::query(text)
            .bind(Json(&record.data))
            .bind(record.version)
            .bind(record.updated_at)
            .bind(scope.site)
            .bind(scope.module)
            .bind(&scope.name)
            .bind(record.id)
            .bind(read)
    )?;
    Ok(updated == 1)
}

/// Deletes a record; `false` where it is no longer at the version that was read.
pub(super) async fn delete(tx: &mut Tx, scope: &CollectionScope, record: &Record) -> Result<bool> {
    let text = "DELETE FROM module_records
         WHERE site_id = $1 AND module_id = $2 AND collection = $3 AND id = $4 AND version = $5";
    let deleted = execute!(
        tx,
        sqlx::query(text)
            .bind(scope.site)
            .bind(scope.module)
            .bind(&scope.name)
            .bind(record.id)
            .bind(record.version)
    )?;
    Ok(deleted == 1)
}

/// The response stored under a key since `since`: the hash of the request, and the record.
pub(super) async fn answered(
    tx: &mut Tx,
    scope: &CollectionScope,
    keyed: &KeyedRequest<'_>,
    since: DateTime<Utc>,
) -> Result<Option<(String, Json<Record>)>> {
    let text = "SELECT request_hash, record FROM idempotency_keys
         WHERE site_id = $1 AND module_id = $2 AND caller = $3 AND key = $4 AND created_at > $5";
    Ok(on!(tx, |conn| {
        sqlx::query_as(text)
            .bind(scope.site)
            .bind(scope.module)
            .bind(keyed.caller)
            .bind(keyed.key)
            .bind(since)
            .fetch_optional(conn)
            .await
    })?)
}

/// Stores a response under its key; `false` where the key was taken since `since`. Another transaction with the same
/// key is waited for.
pub(super) async fn insert_answer(
    tx: &mut Tx,
    scope: &CollectionScope,
    keyed: &KeyedRequest<'_>,
    record: &Record,
    since: DateTime<Utc>,
) -> Result<bool> {
    let text =
        "INSERT INTO idempotency_keys (site_id, module_id, caller, key, request_hash, record, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (module_id, caller, key) DO UPDATE SET request_hash = excluded.request_hash,
         record = excluded.record, created_at = excluded.created_at WHERE idempotency_keys.created_at <= $8";
    let taken = execute!(
        tx,
        sqlx::query(text)
            .bind(scope.site)
            .bind(scope.module)
            .bind(keyed.caller)
            .bind(keyed.key)
            .bind(&keyed.hash)
            .bind(Json(record))
            .bind(record.created_at)
            .bind(since)
    )
    .on_gone(module_not_found)?;
    Ok(taken == 1)
}

/// Deletes responses that are too old to be repeated; for a global transaction.
pub(super) async fn delete_answers(tx: &mut Tx, before: DateTime<Utc>) -> Result<u64> {
    let text = "DELETE FROM idempotency_keys WHERE created_at <= $1";
    Ok(execute!(tx, sqlx::query(text).bind(before))?)
}
