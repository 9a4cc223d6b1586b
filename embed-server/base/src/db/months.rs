//! Where the engines differ in time: on PostgreSQL a table that only grows is partitioned by month, so that old months
//! are dropped and not deleted row by row. SQLite has no partitions, and nothing to do here.

use super::{Db, Tx, execute, on};
use crate::error::Result;
use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use sqlx::AssertSqlSafe;

/// How many months ahead have their partition.
const AHEAD: u32 = 2;
/// Whoever makes partitions holds this advisory lock, because two who make the same one would fail.
const LOCK: i64 = 0x656d_6265_6464;

/// SQL for the hour of a column with a time, as the text `2026-11-21T04:00:00Z`.
pub fn hour_of(tx: &Tx, column: &'static str) -> String {
    match tx {
        Tx::Sqlite(_) => format!("substr({column}, 1, 13) || ':00:00Z'"),
        Tx::Postgres(_) => {
            format!("to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24') || ':00:00Z'")
        }
    }
}

/// Makes the partitions of this month and the next ones, where they are missing. Rows come into them through the table
/// only: row-level security without a policy lets nobody in directly. One that is there is left alone, because to alter it
/// would wait for everybody who reads, and hold up everybody who comes meanwhile.
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
