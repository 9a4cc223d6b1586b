//! The only access to the database: a transaction that is scoped to one site (`Db::begin`) or crosses all sites
//! ([`Db::begin_global`]), each with a read-only variant.
//!
//! One SQL text serves SQLite and PostgreSQL: [`on!`] expands the same expression for both. On PostgreSQL, row-level
//! security enforces the scope too: a transaction of one site cannot see another's rows, whatever its SQL says. Each
//! difference between the engines has one named function in this folder.

mod changes;
mod errors;
pub mod json;
mod lease;
mod months;
mod open;
pub mod queue;
mod statement;
mod time;
mod times;

pub use crate::{execute, fetch_all, fetch_while, on, sql};
pub(crate) use changes::announce;
pub use changes::{ChangePosition, Changes, Topic};
pub use errors::{OnGone, OnUnique};
pub use lease::Lease;
pub use months::{drop_partitions, hour_of, make_partitions};
pub use open::Migrations;
pub use statement::{Argument, Fragment, SqlText, Statement, join, one_of, places, take_while};
pub use time::DatabaseClock;
pub use times::holds;

use crate::error::Result;
use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, PgPool, Postgres, Sqlite, SqlitePool, Transaction};
use std::time::Duration;
use uuid::Uuid;

/// Expands `expr` once for each engine, with `conn` bound to the open connection of the transaction.
///
/// ```ignore
/// let name: String = on!(tx, |conn| sqlx::query_scalar("SELECT name FROM sites WHERE id = $1").bind(id).fetch_one(conn).await)?;
/// ```
#[macro_export]
macro_rules! on {
    ($tx:expr, |$conn:ident| $expr:expr) => {
        match $tx {
            $crate::db::Tx::Sqlite(tx) => {
                let $conn = &mut **tx;
                $expr
            }
            $crate::db::Tx::Postgres(tx) => {
                let $conn = &mut **tx;
                $expr
            }
        }
    };
}

/// Executes a statement without returned rows; evaluates to the number of rows that it changed.
///
/// ```ignore
/// let removed = execute!(tx, sqlx::query("DELETE FROM sites WHERE id = $1").bind(id))?;
/// ```
#[macro_export]
macro_rules! execute {
    ($tx:expr, $query:expr) => {
        $crate::db::on!($tx, |conn| $query.execute(conn).await.map(|done| done.rows_affected()))
    };
}

#[derive(Clone, Debug)]
pub enum Db {
    /// A file in WAL mode: one connection writes, the others read the last committed state.
    Sqlite {
        /// The one connection that writes.
        writer: SqlitePool,
        /// Connections that read.
        readers: SqlitePool,
    },
    /// A server.
    Postgres(PgPool),
}

/// A transaction; dropping it without [`Tx::commit`] rolls it back.
#[derive(Debug)]
pub enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Db {
    /// A transaction that reads and writes what belongs to `site`. Only [`crate::Change`] opens one.
    pub(crate) async fn begin(&self, site: Uuid) -> Result<Tx> {
        self.open(Scope::Site(site), Access::Write).await
    }

    /// A transaction that reads and writes what belongs to an organization. Only [`crate::Change`] opens one.
    pub(crate) async fn begin_organization(&self, organization: Uuid) -> Result<Tx> {
        self.open(Scope::Organization(organization), Access::Write).await
    }

    /// A transaction that only reads what belongs to `site`.
    pub async fn read(&self, site: Uuid) -> Result<Tx> {
        self.open(Scope::Site(site), Access::Read).await
    }

    /// A transaction that crosses sites, for the few uses that must, such as listing sites and job loops.
    pub async fn begin_global(&self) -> Result<Tx> {
        self.open(Scope::Global, Access::Write).await
    }

    /// A read-only transaction that crosses sites.
    pub async fn read_global(&self) -> Result<Tx> {
        self.open(Scope::Global, Access::Read).await
    }

    /// SQLite has no row-level security. Its writers take the lock when they begin, because a reader that becomes a
    /// writer could fail.
    async fn open(&self, scope: Scope, access: Access) -> Result<Tx> {
        let opened = match (self, access) {
            (Db::Sqlite { writer, .. }, Access::Write) => {
                writer.begin_with("BEGIN IMMEDIATE").await.map(Tx::Sqlite)
            }
            (Db::Sqlite { readers, .. }, Access::Read) => readers.begin().await.map(Tx::Sqlite),
            (Db::Postgres(pool), access) => {
                pool.begin_with(begin_statement(scope, access)).await.map(Tx::Postgres)
            }
        };
        opened.map_err(errors::no_answer)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        let mut tx = self.read_global().await?;
        execute!(&mut tx, sqlx::query("SELECT 1"))?;
        Ok(())
    }

    /// The current time of the database.
    pub async fn now(&self) -> Result<DateTime<Utc>> {
        let mut tx = self.read_global().await?;
        Ok(on!(&mut tx, |conn| sqlx::query_scalar("SELECT CURRENT_TIMESTAMP").fetch_one(conn).await)?)
    }

    /// The numbers of open and of idle connections.
    pub fn connections(&self) -> (i64, i64) {
        let count = |open: u32, idle: usize| (i64::from(open), idle as i64);
        match self {
            Db::Sqlite { writer, readers } => {
                let (writing, reading) =
                    (count(writer.size(), writer.num_idle()), count(readers.size(), readers.num_idle()));
                (writing.0 + reading.0, writing.1 + reading.1)
            }
            Db::Postgres(pool) => count(pool.size(), pool.num_idle()),
        }
    }

    /// Closes every connection once its current work is done.
    pub async fn close(&self) {
        match self {
            Db::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Db::Postgres(pool) => pool.close().await,
        }
    }

    /// The engine's name, for people.
    pub fn engine(&self) -> &'static str {
        match self {
            Db::Sqlite { .. } => "SQLite",
            Db::Postgres(_) => "PostgreSQL",
        }
    }
}

impl Tx {
    /// Commits the transaction.
    pub async fn commit(self) -> Result<()> {
        match self {
            Tx::Sqlite(tx) => tx.commit().await?,
            Tx::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

enum Scope {
    Site(Uuid),
    Organization(Uuid),
    Global,
}

#[derive(Clone, Copy)]
enum Access {
    Read,
    Write,
}

/// How long PostgreSQL works on one statement of a transaction: as long as a request may take.
pub const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);

/// Opens the transaction and sets its scope and limit in one round trip. The only variable text in the SQL is a `Uuid`.
fn begin_statement(scope: Scope, access: Access) -> AssertSqlSafe<String> {
    let mode = match access {
        Access::Read => "READ ONLY",
        Access::Write => "READ WRITE",
    };
    let scope = match scope {
        Scope::Site(site) => format!("app.site_id = '{site}'"),
        Scope::Organization(id) => format!("app.organization_id = '{id}'"),
        Scope::Global => "app.global = 'on'".to_owned(),
    };
    let limit = STATEMENT_TIMEOUT.as_millis();
    AssertSqlSafe(format!("BEGIN {mode}; SET LOCAL {scope}; SET LOCAL statement_timeout = {limit}"))
}
