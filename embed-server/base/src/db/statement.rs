//! A statement whose text depends on the request, built piece by piece; everything from a stranger is an argument.

use super::Tx;
use chrono::{DateTime, Utc};
use futures_util::{Stream, TryStreamExt};
use sqlx::AssertSqlSafe;
use std::fmt::{Arguments, Write};
use uuid::Uuid;

/// The text and arguments of a statement, for one engine.
#[derive(Debug)]
pub struct Statement {
    pub(super) engine: Engine,
    text: String,
    arguments: Vec<Argument>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    Sqlite,
    Postgres,
}

/// The value of a placeholder `$n`.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument {
    Id(Uuid),
    Integer(i64),
    /// A text without U+0000, which PostgreSQL cannot store.
    Text(String),
    Time(DateTime<Utc>),
}

impl Statement {
    /// An empty statement for the engine of a transaction.
    pub fn new(tx: &Tx) -> Self {
        let engine = match tx {
            Tx::Sqlite(_) => Engine::Sqlite,
            Tx::Postgres(_) => Engine::Postgres,
        };
        Self { engine, text: String::new(), arguments: Vec::new() }
    }

    /// Appends text that this program has written.
    pub fn push(&mut self, text: Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.text.write_fmt(text);
    }

    /// Takes an argument; what stands for it in the text.
    pub fn place(&mut self, argument: Argument) -> String {
        self.arguments.push(argument);
        format!("${}", self.arguments.len())
    }

    /// The finished text, and the arguments in the order of their placeholders.
    pub fn into_parts(self) -> (AssertSqlSafe<String>, Vec<Argument>) {
        (AssertSqlSafe(self.text), self.arguments)
    }
}

/// The list after `VALUES` for this many rows and columns: `($1, $2), ($3, $4)`.
pub fn places(rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let places: Vec<_> = (1..=columns).map(|column| format!("${}", row * columns + column)).collect();
        format!("({})", places.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

/// Fetches all rows of a [`Statement`] from either engine.
#[macro_export]
macro_rules! fetch_all {
    ($tx:expr, $statement:expr) => {{
        let (text, arguments) = $statement.into_parts();
        $crate::db::on!($tx, |conn| {
            let query = sqlx::query_as(text);
            let bound = arguments.into_iter().fold(query, |query, argument| match argument {
                $crate::db::Argument::Id(id) => query.bind(id),
                $crate::db::Argument::Integer(integer) => query.bind(integer),
                $crate::db::Argument::Text(text) => query.bind(text),
                $crate::db::Argument::Time(time) => query.bind(time),
            });
            bound.fetch_all(conn).await
        })
    }};
}

/// Fetches the rows of a [`Statement`] from either engine, one by one, as long as `$takes` takes them.
#[macro_export]
macro_rules! fetch_while {
    ($tx:expr, $statement:expr, $takes:expr) => {{
        let (text, arguments) = $statement.into_parts();
        $crate::db::on!($tx, |conn| {
            let query = sqlx::query_as(text);
            let bound = arguments.into_iter().fold(query, |query, argument| match argument {
                $crate::db::Argument::Id(id) => query.bind(id),
                $crate::db::Argument::Integer(integer) => query.bind(integer),
                $crate::db::Argument::Text(text) => query.bind(text),
                $crate::db::Argument::Time(time) => query.bind(time),
            });
            $crate::db::take_while(bound.fetch(conn), $takes).await
        })
    }};
}

/// Reads rows until one is not taken.
pub async fn take_while<Row>(
    mut rows: impl Stream<Item = sqlx::Result<Row>> + Unpin,
    mut takes: impl FnMut(Row) -> bool,
) -> sqlx::Result<()> {
    while let Some(row) = rows.try_next().await? {
        if !takes(row) {
            break;
        }
    }
    Ok(())
}
