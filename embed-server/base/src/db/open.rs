//! Opens a database and migrates its tables.

use super::Db;
use crate::config::DatabaseUrl;
use crate::error::{Error, Result};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{ConnectOptions, Connection};
use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

/// How long a request waits for a free connection before it fails with 503.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(4);
/// The rows that SQLite's thread reads ahead of us: records may be large.
const ROWS_AHEAD: usize = 16;
/// How long a writer waits for another process that writes to SQLite.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

impl Db {
    /// Connects to the database; fails with one sentence where the file is not a database or the server cannot be
    /// reached.
    pub async fn connect(url: &DatabaseUrl) -> Result<Self> {
        let db = match url {
            DatabaseUrl::Sqlite(path) => {
                make_private(path);
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .busy_timeout(BUSY_TIMEOUT)
                    .row_buffer_size(ROWS_AHEAD)
                    .foreign_keys(true);
                let pool = |connections| {
                    SqlitePoolOptions::new()
                        .max_connections(connections)
                        .acquire_timeout(ACQUIRE_TIMEOUT)
                        .connect_lazy_with(options.clone())
                };
                Db::Sqlite { writer: pool(1), readers: pool(4) }
            }
            DatabaseUrl::Postgres(server) => {
                let options: PgConnectOptions = server.expose().parse().map_err(|error| {
                    Error::invalid("DATABASE_URL is not a PostgreSQL URL; expected postgres://user:password@host/database.")
                        .caused_by(error)
                })?;
                let options = options.application_name("embed-server");
                // A pool retries until its timeout and then gives no reason; a single connection does.
                let first = tokio::time::timeout(ACQUIRE_TIMEOUT, options.connect()).await;
                let first = first
                    .unwrap_or(Err(sqlx::Error::PoolTimedOut))
                    .map_err(|error| cannot_open(url, error))?;
                first.close().await?;
                let pool = PgPoolOptions::new().max_connections(10).acquire_timeout(ACQUIRE_TIMEOUT);
                Db::Postgres(pool.connect_lazy_with(options))
            }
        };
        match db.ping().await {
            Ok(()) => Ok(db),
            Err(error) => Err(cannot_open(url, error)),
        }
    }

    /// Migrates the tables to this version. A lock makes only one of several starting servers do it; tables of a
    /// newer server are left alone.
    pub async fn migrate(&self, migrations: &Migrations) -> Result<()> {
        let done = match self {
            // SQLite's migrator takes no lock of its own, so the whole run is one transaction with the write lock.
            Db::Sqlite { writer, .. } => {
                let mut tx = writer.begin_with("BEGIN IMMEDIATE").await?;
                match migrations.sqlite.run(&mut *tx).await {
                    Ok(()) => tx.commit().await.map_err(MigrateError::from),
                    Err(error) => Err(error),
                }
            }
            Db::Postgres(pool) => migrations.postgres.run(pool).await,
        };
        done.map_err(|error| match error {
            MigrateError::VersionMismatch(version) => Error::internal(error).with("migration", version),
            error => Error::unavailable("The tables of the database could not be brought up to date.", error),
        })
    }

    /// Whether this role bypasses row-level security, which leaves only the queries to separate tenants.
    pub async fn bypasses_row_security(&self) -> Result<bool> {
        match self {
            Db::Sqlite { .. } => Ok(false),
            Db::Postgres(pool) => {
                let text = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user";
                Ok(sqlx::query_scalar(text).fetch_one(pool).await?)
            }
        }
    }
}

/// The migrations of both engines, which the caller that opens the database provides.
#[derive(Debug)]
pub struct Migrations {
    sqlite: Migrator,
    postgres: Migrator,
}

impl Migrations {
    /// An older server may start beside a newer one, so applied migrations that are missing here are no error.
    pub fn new(mut sqlite: Migrator, mut postgres: Migrator) -> Self {
        sqlite.set_ignore_missing(true);
        postgres.set_ignore_missing(true);
        Self { sqlite, postgres }
    }
}

/// Creates a missing file so that only its owner can read it; SQLite gives the files beside it the same permissions.
/// If that fails, opening it reports why.
#[cfg(unix)]
fn make_private(path: &Path) {
    use std::os::unix::fs::OpenOptionsExt;
    drop(OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path));
}

/// Other systems have no such mode; the folder's permissions apply.
#[cfg(not(unix))]
fn make_private(_: &Path) {}

fn cannot_open(url: &DatabaseUrl, error: impl Into<Error>) -> Error {
    let error = error.into();
    let sentence = match url {
        DatabaseUrl::Sqlite(path) => format!(
            "{} cannot be opened as a database: {} DATABASE_URL says where it is.",
            path.display(),
            error.detail()
        ),
        DatabaseUrl::Postgres(_) => {
            let reason = error.causes().unwrap_or_default();
            format!(
                "PostgreSQL cannot be reached with DATABASE_URL ({reason}). Check that it runs, and the URL's host, user, password and database."
            )
        }
    };
    Error::unavailable(sentence, error)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::db::execute;
    use std::os::unix::fs::PermissionsExt;

    #[tokio::test]
    async fn a_new_file_and_those_beside_it_are_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::connect(&DatabaseUrl::Sqlite(folder.path().join("embed.db"))).await.unwrap();
        execute!(&mut db.begin_global().await.unwrap(), sqlx::query("CREATE TABLE things (id BLOB)"))
            .unwrap();
        let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap()).collect();
        assert!(files.len() > 1, "SQLite has files beside it");
        for file in files {
            let mode = file.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", file.path().display());
        }
    }
}
