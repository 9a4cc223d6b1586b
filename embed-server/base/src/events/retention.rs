//! How long events are kept, and what they tell.

use crate::context::Context;
use crate::db::execute;
use crate::error::Result;
use chrono::{DateTime, TimeDelta, Utc};

/// The most rows that one transaction changes, so that no other transaction waits long for it.
const BATCH: i64 = 2_000;

/// Deletes the events that are older than the operator's retention period.
pub async fn prune(context: &Context) -> Result<()> {
    let before = context.clock.now() - TimeDelta::days(context.settings.logs.event_days.get().into());
    let text = "DELETE FROM events WHERE id IN
         (SELECT id FROM events WHERE created_at < $1 ORDER BY created_at LIMIT $2)";
    loop {
        let mut tx = context.db.begin_global().await?;
        let deleted = execute!(&mut tx, sqlx::query(text).bind(before).bind(BATCH))?;
        tx.commit().await?;
        if deleted < BATCH as u64 {
            return Ok(());
        }
    }
}

/// Deletes what events of a kind tell that are older; the events stay.
pub async fn forget_told(context: &Context, kind: &'static str, before: DateTime<Utc>) -> Result<()> {
    let text = "UPDATE events SET data = NULL WHERE id IN
         (SELECT id FROM events WHERE data IS NOT NULL AND type = $1 AND created_at < $2 LIMIT $3)";
    loop {
        let mut tx = context.db.begin_global().await?;
        let forgotten = execute!(&mut tx, sqlx::query(text).bind(kind).bind(before).bind(BATCH))?;
        tx.commit().await?;
        if forgotten < BATCH as u64 {
            return Ok(());
        }
    }
}

/// Deletes what any event tells of things that were deleted longer ago; `kind` is that of the deletion.
pub async fn forget_subjects(context: &Context, kind: &'static str, before: DateTime<Utc>) -> Result<()> {
    let text = "UPDATE events SET data = NULL WHERE id IN
         (SELECT told.id FROM events ended JOIN events told ON told.subject_id = ended.subject_id
          WHERE ended.data IS NOT NULL AND ended.type = $1 AND ended.created_at < $2
            AND told.data IS NOT NULL AND told.id <> ended.id LIMIT $3)";
    loop {
        let mut tx = context.db.begin_global().await?;
        let forgotten = execute!(&mut tx, sqlx::query(text).bind(kind).bind(before).bind(BATCH))?;
        tx.commit().await?;
        if forgotten < BATCH as u64 {
            break;
        }
    }
    // The deletions last, because the others are found by them.
    forget_told(context, kind, before).await
}
