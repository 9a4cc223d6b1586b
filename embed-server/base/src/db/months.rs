//! Partitions by month: on PostgreSQL, tables that only grow are partitioned, so that old months are dropped instead
//! of being deleted row by row. SQLite has no partitions, and these functions do nothing there.

use super::{Db, Fragment, Tx, execute, on};
use crate::error::Result;
use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use sqlx::AssertSqlSafe;

/// The number of months after this one that have their partition.
const AHEAD: u32 = 2;
/// The advisory lock for creating partitions, because two servers that create the same one would fail.
const LOCK: i64 = 0x656d_6265_6464;

/// SQL for the hour of a time column, as the text `2026-11-21T04:00:00Z`.
pub fn hour_of(tx: &Tx, column: &'static str) -> Fragment {
    Fragment::made(match tx {
        Tx::Sqlite(_) => format!("substr({column}, 1, 13) || ':00:00Z'"),
        Tx::Postgres(_) => {
            format!("to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24') || ':00:00Z'")
        }
    })
}

/// Creates the missing partitions of this month and the next ones. Rows reach them only through the table: row-level
/// security without a policy refuses direct access. An existing partition is not altered, because that would wait for
/// every reader and block everyone after it.
pub async fn make_partitions(db: &Db, table: &'static str, now: DateTime<Utc>) -> Result<()> {
    let Db::Postgres(_) = db else { return Ok(()) };
    let mut tx = db.begin_global().await?;
    on!(&mut tx, |conn| sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(LOCK)
        .execute(conn)
        .await
        .map(|_| ()))?;
    for month in (0..=AHEAD).filter_map(|ahead| first_of(now).checked_add_months(Months::new(ahead))) {
        let Some(next) = month.checked_add_months(Months::new(1)) else { continue };
        let partition = name(table, month);
        let text = "SELECT to_regclass($1) IS NOT NULL";
        if on!(&mut tx, |conn| sqlx::query_scalar(text).bind(&partition).fetch_one(conn).await)? {
            continue;
        }
        for text in [
            format!(
                "CREATE TABLE {partition} PARTITION OF {table} FOR VALUES FROM ('{month}Z') TO ('{next}Z')"
            ),
            format!("ALTER TABLE {partition} ENABLE ROW LEVEL SECURITY"),
            format!("ALTER TABLE {partition} FORCE ROW LEVEL SECURITY"),
        ] {
            execute!(&mut tx, sqlx::query(AssertSqlSafe(text)))?;
        }
    }
    tx.commit().await
}

/// Drops the partitions of months that ended before `before`.
pub async fn drop_partitions(db: &Db, table: &'static str, before: DateTime<Utc>) -> Result<()> {
    let Db::Postgres(_) = db else { return Ok(()) };
    let mut tx = db.begin_global().await?;
    let text = "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = $1::regclass AND c.relname ~ '_[0-9]{4}_[0-9]{2}$' AND c.relname < $2";
    let current = name(table, first_of(before));
    let old: Vec<String> =
        on!(&mut tx, |conn| sqlx::query_scalar(text).bind(table).bind(current).fetch_all(conn).await)?;
    for partition in old {
        execute!(&mut tx, sqlx::query(AssertSqlSafe(format!("DROP TABLE {partition}"))))?;
    }
    tx.commit().await
}

fn first_of(time: DateTime<Utc>) -> NaiveDate {
    time.date_naive().with_day(1).unwrap_or(time.date_naive())
}

fn name(table: &str, month: NaiveDate) -> String {
    format!("{table}_{}", month.format("%Y_%m"))
}
