//! Claiming rows of a queue, which the engines do differently: PostgreSQL passes rows over that another worker is
//! claiming, SQLite has one writer.

use super::lease::CLOCK_SLACK;
use super::{Argument, Fragment, Statement, Tx, fetch_all};
use crate::error::{Error, Result};
use crate::fragment;
use chrono::{DateTime, Utc};
use sqlx::FromRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use std::time::Duration;
use uuid::Uuid;

/// A table whose rows wait for work, and what a claim returns of each.
#[derive(Clone, Copy, Debug)]
pub struct Queue {
    table: &'static str,
    columns: &'static str,
}

impl Queue {
    /// Work that is described by its kind and a payload.
    pub const JOBS: Self = Self {
        table: "jobs",
        columns: "id, organization_id, site_id, kind, payload, attempts, fence, progress_done",
    };
}

/// Which rows a worker claims.
#[derive(Clone, Debug)]
pub struct Claim<'a> {
    /// The kinds that it knows.
    pub kinds: &'a [&'static str],
    /// Rows that it leaves to other workers.
    pub except: &'a [Uuid],
    /// How many it claims at most.
    pub most: usize,
    /// Its own id.
    pub owner: Uuid,
    /// How long other workers leave the rows alone.
    pub lease: Duration,
    /// The database's time.
    pub now: DateTime<Utc>,
}

/// Claims the rows that have been due for longest. Each claim counts as an attempt.
pub async fn claim<T>(tx: &mut Tx, queue: Queue, claim: Claim<'_>) -> Result<Vec<T>>
where
    T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    let (Queue { table, columns }, skip_locked) = (queue, skip_locked(tx));
    let mut statement = Statement::new(tx);
    let now = statement.place(Argument::Time(claim.now));
    let lease_until = statement.place(Argument::Time(claim.now + claim.lease));
    let owner = statement.place(Argument::Id(claim.owner));
    let most = statement.place(Argument::Integer(claim.most as i64));
    let known = one_of(&mut statement, "kind", claim.kinds.iter().map(|&kind| Argument::Text(kind.into())));
    let excepted = one_of(&mut statement, "id", claim.except.iter().copied().map(Argument::Id));
    statement.push(fragment!(
        "WITH due AS (
             SELECT id FROM ",
        table,
        " WHERE status IN ('pending', 'failed') AND due_at <= ",
        &now,
        " AND ",
        &known,
        " AND NOT (",
        &excepted,
        ") ORDER BY due_at LIMIT ",
        &most,
        skip_locked,
        ") UPDATE ",
        table,
        " SET status = 'processing', attempts = attempts + 1, fence = fence + 1,
             lease_owner = ",
        &owner,
        ", lease_until = ",
        &lease_until,
        " WHERE id IN (SELECT id FROM due) RETURNING ",
        columns
    ));
    Ok(fetch_all!(tx, statement)?)
}

/// The rows whose lease has ended, because a worker stopped or took too long: at most 64, locked until the end of the
/// transaction. A lease that ends later than any that is taken now is one of before the clock was set back, and has ended.
pub async fn expired<T>(
    tx: &mut Tx,
    queue: Queue,
    kinds: &[&'static str],
    lease: Duration,
    now: DateTime<Utc>,
) -> Result<Vec<T>>
where
    T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    let (Queue { table, columns }, skip_locked) = (queue, skip_locked(tx));
    let mut statement = Statement::new(tx);
    let latest = statement.place(Argument::Time(now + lease + CLOCK_SLACK));
    let now = statement.place(Argument::Time(now));
    let known = one_of(&mut statement, "kind", kinds.iter().map(|&kind| Argument::Text(kind.into())));
    statement.push(fragment!(
        "SELECT ",
        columns,
        " FROM ",
        table,
        " WHERE status = 'processing' AND (lease_until <= ",
        &now,
        " OR lease_until > ",
        &latest,
        ") AND ",
        &known,
        " ORDER BY lease_until LIMIT 64",
        skip_locked
    ));
    Ok(fetch_all!(tx, statement)?)
}

/// How many rows are due whose kind is none of these, for each kind.
pub async fn unknown(
    tx: &mut Tx,
    queue: Queue,
    kinds: &[&'static str],
    now: DateTime<Utc>,
) -> Result<Vec<(String, i64)>> {
    let table = queue.table;
    let mut statement = Statement::new(tx);
    let now = statement.place(Argument::Time(now));
    let known = one_of(&mut statement, "kind", kinds.iter().map(|&kind| Argument::Text(kind.into())));
    statement.push(fragment!(
        "SELECT kind, COUNT(*) FROM ",
        table,
        " WHERE status IN ('pending', 'failed') AND due_at <= ",
        &now,
        " AND NOT (",
        &known,
        ") GROUP BY kind ORDER BY kind"
    ));
    Ok(fetch_all!(tx, statement)?)
}

/// How many rows of a queue have not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromRow)]
pub struct Depth {
    /// Those that wait for their first or another attempt, due or not.
    pub waiting: i64,
    /// Those that a worker has claimed.
    pub processing: i64,
}

/// Counts what has not ended.
pub async fn depth(tx: &mut Tx, queue: Queue) -> Result<Depth> {
    let table = queue.table;
    let mut statement = Statement::new(tx);
    statement.push(fragment!(
        "SELECT (SELECT COUNT(*) FROM ",
        table,
        " WHERE status IN ('pending', 'failed')) AS waiting,
             (SELECT COUNT(*) FROM ",
        table,
        " WHERE status = 'processing') AS processing"
    ));
    let depth: Vec<Depth> = fetch_all!(tx, statement)?;
    depth.first().copied().ok_or_else(|| Error::internal("a count without a row"))
}

fn skip_locked(tx: &Tx) -> &'static str {
    match tx {
        Tx::Sqlite(_) => "",
        Tx::Postgres(_) => " FOR UPDATE SKIP LOCKED",
    }
}

/// SQL that is true where the column has one of these values: never, where there are none.
fn one_of(
    statement: &mut Statement,
    column: &'static str,
    values: impl Iterator<Item = Argument>,
) -> Fragment {
    let places: Vec<_> = values.map(|value| statement.place(value)).collect();
    match places.as_slice() {
        [] => "1 = 0".into(),
        places => fragment!(column, " IN (", Fragment::joined(places, ", "), ")"),
    }
}
