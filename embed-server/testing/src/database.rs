//! A database for one test, made and thrown away.

use crate::duration;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};
use tempfile::TempDir;
use uuid::Uuid;

/// Names the PostgreSQL server, with a role that may make databases and roles.
const SERVER: &str = "TEST_POSTGRES_URL";
const NO_SERVER: &str = "TEST_POSTGRES_URL is not set. Set it to a PostgreSQL server and a role that may make databases and \
     roles, such as postgres://postgres@127.0.0.1:5432/postgres; `tests/run` starts one. With `none` the tests of PostgreSQL are \
     left out.";

/// The PostgreSQL server of the tests; `None` where the tests of PostgreSQL are switched off.
pub fn postgres_url() -> Option<String> {
    let server = std::env::var(SERVER).expect(NO_SERVER);
    (server != "none").then_some(server)
}

pub struct Database {
    /// What `DATABASE_URL` is set to.
    pub url: String,
    /// Where a test may put other files.
    pub folder: TempDir,
    /// On PostgreSQL the database's name, which is also the role's that owns it.
    name: Option<String>,
}

impl Database {
    pub fn sqlite() -> Self {
        duration::record();
        let folder = tempfile::tempdir().unwrap();
        Self { url: format!("sqlite://{}", folder.path().join("embed.db").display()), folder, name: None }
    }

    /// A database of its own, whose owner is no superuser, so that row-level security applies. `None` where the tests of
    /// PostgreSQL are switched off.
    pub async fn postgres() -> Option<Self> {
        let server = postgres_url()?;
        duration::record();
        let name = format!("story_{}", Uuid::now_v7().simple());
        let mut connection = PgConnection::connect(&server).await.expect("TEST_POSTGRES_URL does not answer");
        for statement in [
            format!("CREATE ROLE {name} LOGIN PASSWORD 'story' NOSUPERUSER NOBYPASSRLS"),
            format!("CREATE DATABASE {name} OWNER {name}"),
        ] {
            connection.execute(AssertSqlSafe(statement)).await.unwrap();
        }
        let mut url = url::Url::parse(&server).unwrap();
        url.set_username(&name).unwrap();
        url.set_password(Some("story")).unwrap();
        url.set_path(&name);
        let folder = tempfile::tempdir().unwrap();
        Some(Self { url: url.into(), folder, name: Some(name) })
    }

    /// Lets nobody in any more, and throws out whoever is; a SQLite file moves away.
    pub async fn go_away(&self) {
        let Some(name) = &self.name else { panic!("a file does not go away") };
        let mut admin = self.admin().await;
        for statement in [
            format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"),
            format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"),
        ] {
            admin.execute(AssertSqlSafe(statement)).await.unwrap();
        }
    }

    pub async fn come_back(&self) {
        let Some(name) = &self.name else { panic!("a file does not go away") };
        let statement = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true");
        self.admin().await.execute(AssertSqlSafe(statement)).await.unwrap();
    }

    async fn admin(&self) -> PgConnection {
        let options: PgConnectOptions = std::env::var(SERVER).unwrap().parse().unwrap();
        PgConnection::connect_with(&options).await.unwrap()
    }

    pub fn is_postgres(&self) -> bool {
        self.name.is_some()
    }
}

impl Drop for Database {
    /// The role and its database go with the test, on a thread of their own because this one may be a runtime's.
    fn drop(&mut self) {
        let Some(name) = self.name.take() else { return };
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut admin = PgConnection::connect(&std::env::var(SERVER).unwrap()).await?;
                for statement in [
                    format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
                    format!("DROP ROLE IF EXISTS {name}"),
                ] {
                    admin.execute(AssertSqlSafe(statement)).await?;
                }
                Ok::<_, sqlx::Error>(())
            })
        });
        if let Ok(Err(error)) = dropped.join() {
            eprintln!("a test's database could not be dropped: {error}");
        }
    }
}
