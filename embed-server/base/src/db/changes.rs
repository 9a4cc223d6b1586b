//! How running servers record of changes, their own and those of other servers: an append-only table of changes by
//! topic and key, written in the transaction of the change and read every second.
//!
//! Only changes of what caches hold are announced. [`crate::cache::RevisionCache`] checks its entries against them.

use super::{Db, Tx, execute, on};
use crate::error::Result;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::FromRow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use uuid::Uuid;

/// How often the table is read: changes are seen within two seconds, including the time of a slow query.
const POLL: Duration = Duration::from_secs(1);
/// How long rows are kept; the newest row is always kept.
const KEPT: TimeDelta = TimeDelta::hours(1);
/// A server that has not read for this long may have missed rows, and invalidates every cache.
const LONGEST_GAP: Duration = Duration::from_secs(30 * 60);
/// How long a change is kept in memory: longer than any cache entry.
const KEPT_IN_MEMORY: Duration = Duration::from_secs(11 * 60);
/// More changes than this at once invalidate every cache, which costs less than keeping them.
const MOST: usize = 10_000;
/// The advisory lock that serialises announcing commits, so that `seq` becomes visible in order.
const LOCK: i64 = 0x656d_6265_6463;

/// The kind of thing that changed. Each capability defines its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic(pub &'static str);

/// The changes that this process has read. Cheap to clone; clones share them.
#[derive(Clone, Default)]
pub struct Changes(Arc<ChangesInner>);

#[derive(Default)]
struct ChangesInner {
    /// The newest row that was read.
    seq: AtomicI64,
    /// How often every cache was invalidated.
    epoch: AtomicU64,
    recent: RwLock<RecentChanges>,
    wake: Notify,
}

#[derive(Default)]
struct RecentChanges {
    /// The newest row of each topic and key.
    rows: HashMap<String, HashMap<String, (i64, Instant)>>,
    /// The last value of the counter that servers of the previous release use.
    revision: i64,
    read_at: Option<Instant>,
}

/// A position in the sequence of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangePosition {
    epoch: u64,
    seq: i64,
}

#[derive(FromRow)]
struct Row {
    revision: i64,
    seq: Option<i64>,
    topic: Option<String>,
    key: Option<String>,
    newest: i64,
}

impl Changes {
    /// The current position. Take it *before* reading what is cached under it.
    pub fn position(&self) -> ChangePosition {
        let epoch = self.0.epoch.load(Ordering::Acquire);
        ChangePosition { epoch, seq: self.0.seq.load(Ordering::Acquire) }
    }

    /// Whether no change after `since` names one of `dependencies`.
    pub fn unchanged(&self, since: ChangePosition, dependencies: &[(Topic, String)]) -> bool {
        if since.epoch != self.0.epoch.load(Ordering::Acquire) {
            return false;
        }
        let recent = self.0.recent.read().unwrap_or_else(PoisonError::into_inner);
        !dependencies.iter().any(|(topic, key)| {
            let newest = recent.rows.get(topic.0).and_then(|keys| keys.get(key));
            newest.is_some_and(|&(seq, _)| seq > since.seq)
        })
    }

    /// Reads the changes that are new.
    pub async fn refresh(&self, db: &Db) -> Result<()> {
        let seen = self.0.seq.load(Ordering::Acquire);
        let mut tx = db.read_global().await?;
        // One statement, so that the counter and the rows are consistent.
        let text = "SELECT r.value AS revision, c.seq, c.topic, c.key,
             COALESCE((SELECT MAX(seq) FROM changes), 0) AS newest
             FROM revision r LEFT JOIN changes c ON c.seq > $1 ORDER BY c.seq LIMIT $2";
        let rows: Vec<Row> = on!(&mut tx, |conn| {
            sqlx::query_as(text).bind(seen).bind(MOST as i64 + 1).fetch_all(conn).await
        })?;
        self.record(seen, rows);
        Ok(())
    }

    fn record(&self, seen: i64, rows: Vec<Row>) {
        let Some(&Row { revision, newest, .. }) = rows.first() else { return };
        let now = Instant::now();
        let mut recent = self.0.recent.write().unwrap_or_else(PoisonError::into_inner);
        let named = rows.iter().filter(|row| row.seq.is_some()).count();
        // A server of the previous release only increments the counter.
        let unnamed = recent.read_at.is_some() && revision - recent.revision > named as i64;
        let late = recent.read_at.is_some_and(|at| now - at > LONGEST_GAP);
        let invalidate_all = unnamed || late || newest < seen || named > MOST;
        recent.revision = revision;
        recent.read_at = Some(now);
        recent.rows.retain(|_, keys| {
            keys.retain(|_, (_, at)| now - *at < KEPT_IN_MEMORY);
            !keys.is_empty()
        });
        for Row { seq, topic, key, .. } in rows {
            if let (Some(seq), Some(topic), Some(key)) = (seq, topic, key) {
                recent.rows.entry(topic).or_default().insert(key, (seq, now));
            }
        }
        // Entries are checked against the rows as soon as they see the new number.
        self.0.seq.store(newest, Ordering::Release);
        if invalidate_all {
            recent.rows.clear();
            self.0.epoch.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Makes [`Changes::follow`] read at once.
    pub fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// Reads the table regularly; never returns. While the database is away, cache entries live until their lifetime
    /// ends.
    pub async fn follow(self, db: Db) {
        let mut away = false;
        loop {
            // The table is read after the pause as well as after a wake-up.
            let _ = tokio::time::timeout(POLL, self.0.wake.notified()).await;
            match self.refresh(&db).await {
                Ok(()) if away => {
                    away = false;
                    tracing::info!("the database answers again");
                }
                Ok(()) => {}
                Err(error) if !away => {
                    away = true;
                    tracing::error!(%error, "the database does not answer");
                }
                Err(_) => {}
            }
        }
    }

    /// Deletes rows that every server has read.
    pub async fn prune(db: &Db, now: DateTime<Utc>) -> Result<()> {
        let mut tx = db.begin_global().await?;
        let text = "DELETE FROM changes WHERE at < $1 AND seq < (SELECT MAX(seq) FROM changes)";
        execute!(&mut tx, sqlx::query(text).bind(now - KEPT))?;
        tx.commit().await
    }
}

/// Announces the changes of this transaction by topic and key. These are its last statements, because the lock is
/// held until the commit.
pub(crate) async fn announce(
    tx: &mut Tx,
    site: Option<Uuid>,
    changed: &[(Topic, String)],
    now: DateTime<Utc>,
) -> Result<()> {
    if changed.is_empty() {
        return Ok(());
    }
    if let Tx::Postgres(tx) = &mut *tx {
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut **tx).await?;
    }
    for (topic, key) in changed {
        let text = "INSERT INTO changes (topic, site_id, key, at) VALUES ($1, $2, $3, $4)";
        execute!(&mut *tx, sqlx::query(text).bind(topic.0).bind(site).bind(key).bind(now))?;
    }
    // Servers of the previous release read this counter.
    execute!(&mut *tx, sqlx::query("UPDATE revision SET value = value + $1").bind(changed.len() as i64))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const THINGS: Topic = Topic("things");

    fn row(revision: i64, newest: i64, change: Option<(i64, &str)>) -> Row {
        let (seq, key) = (change.map(|(seq, _)| seq), change.map(|(_, key)| key.to_owned()));
        Row { revision, newest, seq, topic: change.map(|_| THINGS.0.to_owned()), key }
    }

    fn started() -> (Changes, ChangePosition) {
        let changes = Changes::default();
        changes.record(0, vec![row(1, 5, Some((5, "other")))]);
        let position = changes.position();
        (changes, position)
    }

    #[test]
    fn what_was_not_changed_stays_when_something_else_was() {
        let (changes, before) = started();
        changes.record(5, vec![row(2, 6, Some((6, "mine")))]);
        assert!(!changes.unchanged(before, &[(THINGS, "mine".into())]));
        assert!(changes.unchanged(before, &[(THINGS, "other".into())]));
        assert!(changes.unchanged(changes.position(), &[(THINGS, "mine".into())]));
    }

    #[test]
    fn a_counter_that_moves_without_a_row_empties_every_cache() {
        let (changes, before) = started();
        changes.record(5, vec![row(1, 5, None)]);
        assert!(changes.unchanged(before, &[(THINGS, "mine".into())]));
        changes.record(5, vec![row(2, 5, None)]);
        assert!(!changes.unchanged(before, &[(THINGS, "mine".into())]));
    }

    #[test]
    fn a_database_that_was_put_back_empties_every_cache() {
        let (changes, before) = started();
        changes.record(5, vec![row(1, 3, None)]);
        assert!(!changes.unchanged(before, &[(THINGS, "mine".into())]));
        assert!(changes.unchanged(changes.position(), &[(THINGS, "mine".into())]));
    }
}
