//! A story's own database on the PostgreSQL server of the tests.

use anyhow::{Context, Result};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};
use stories::Installation;

/// Tells a story on an installation in a database of its own, which is dropped afterwards; nothing where the tests are to
/// run without PostgreSQL.
pub async fn on_postgres(
    installation: Installation,
    story: impl AsyncFnOnce(Installation) -> Result<()>,
) -> Result<()> {
    let Some(url) = embed_testing::postgres_url() else { return Ok(()) };
    let name = format!("story_{}", installation.port);
    let mut admin = PgConnection::connect(&url).await?;
    admin.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await?;
    let (server, _) = url.rsplit_once('/').context("TEST_POSTGRES_URL ends with a database")?;
    let outcome = story(installation.with("DATABASE_URL", format!("{server}/{name}"))).await;
    admin.execute(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).await?;
    outcome
}
