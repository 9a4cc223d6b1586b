//! Turns errors of the database engines into this crate's.

use crate::error::{Code, Error, Result};
use sqlx::error::DatabaseError;

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => {
                Error::unavailable("The database does not answer; try again shortly.", error)
            }
            sqlx::Error::Database(database) => match refusal(database.as_ref()) {
                Some(sentence) => Error::unavailable(sentence, error),
                None => Error::internal(error),
            },
            _ => Error::internal(error),
        }
    }
}

/// The error of a transaction that could not begin: before the first query, every failure (a changed password, a
/// database that refuses connections) means that the database is unavailable.
pub(super) fn no_answer(error: sqlx::Error) -> Error {
    let error = Error::from(error);
    if error.code() == Code::Internal {
        return Error::unavailable("The database does not answer; try again shortly.", error);
    }
    error
}

/// The sentence for a condition that is neither the query's fault nor this program's.
fn refusal(error: &dyn DatabaseError) -> Option<&'static str> {
    let code = error.code()?;
    if error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
        // SQLSTATE classes: https://www.postgresql.org/docs/current/errcodes-appendix.html
        return match &code[..2] {
            "08" | "57" | "58" => Some("The database does not answer; try again shortly."),
            "53" => Some("The database has run out of a resource (disk, memory or connections)."),
            "25" if &*code == "25006" => {
                Some("The database accepts no changes at the moment; it is read-only.")
            }
            _ => None,
        };
    }
    // Primary result codes are the low byte: https://www.sqlite.org/rescode.html
    match code.parse::<i64>().ok()? & 0xff {
        5 | 6 => Some("The database is locked by another program; try again shortly."),
        8 => Some("The database file cannot be written; check its permissions."),
        10 => Some("The disk of the database reports an error."),
        13 => Some("The disk of the database is full."),
        14 => Some("The database file cannot be opened; check that it is there and may be written."),
        11 | 26 => Some("The database file is damaged or is not a database."),
        _ => None,
    }
}

/// Turns the violation of a unique constraint into the user's error, where the query is made.
pub trait OnUnique<T> {
    /// `error()` where exactly these columns violate a unique constraint.
    fn on_unique(self, columns: &[&str], error: impl FnOnce() -> Error) -> Result<T>;
}

impl<T> OnUnique<T> for Result<T, sqlx::Error> {
    fn on_unique(self, columns: &[&str], error: impl FnOnce() -> Error) -> Result<T> {
        self.map_err(|cause| match &cause {
            sqlx::Error::Database(database) if violates(database.as_ref(), columns) => {
                error().caused_by(cause)
            }
            _ => cause.into(),
        })
    }
}

/// Turns the violation of a foreign key into the user's error, where the query is made: the row that this one belongs to was
/// deleted after this server had read it.
pub trait OnGone<T> {
    /// `error()` where a row that this one refers to does not exist.
    fn on_gone(self, error: impl FnOnce() -> Error) -> Result<T>;
}

impl<T> OnGone<T> for Result<T, sqlx::Error> {
    fn on_gone(self, error: impl FnOnce() -> Error) -> Result<T> {
        self.map_err(|cause| match &cause {
            sqlx::Error::Database(database) if database.is_foreign_key_violation() => {
                error().caused_by(cause)
            }
            _ => cause.into(),
        })
    }
}

/// SQLite names the columns (`UNIQUE constraint failed: t.a, t.b`), PostgreSQL the constraint, whose default name is made
/// of table and columns (`t_a_b_key`).
fn violates(error: &dyn DatabaseError, columns: &[&str]) -> bool {
    if !error.is_unique_violation() {
        return false;
    }
    match (error.table(), error.constraint()) {
        (Some(table), Some(constraint)) => constraint == format!("{table}_{}_key", columns.join("_")),
        _ => error
            .message()
            .split_once(": ")
            .is_some_and(|(_, named)| named.split(", ").map(column).eq(columns.iter().copied())),
    }
}

fn column(qualified: &str) -> &str {
    qualified.rsplit('.').next().unwrap_or(qualified)
}
