//! Both engines have the same tables with the same columns.

use crate::app::TestApp;
use embed_base::db::on;
use embed_testing::Database;
use std::collections::BTreeSet;

/// A column: its table, its name, and whether it may be null.
type Column = (String, String, bool);

const OF_SQLITE: &str =
    "SELECT t.name, c.name, NOT c.\"notnull\" FROM sqlite_schema t JOIN pragma_table_info(t.name) c
     WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
/// Partitions have the columns of their table.
const OF_POSTGRES: &str = "SELECT c.relname::text, a.attname::text, NOT a.attnotnull FROM pg_class c
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_engines_have_the_same_columns() {
    let Some(postgres) = Database::postgres().await else { return };
    let sqlite = columns(Database::sqlite(), OF_SQLITE).await;
    let postgres = columns(postgres, OF_POSTGRES).await;
    assert!(sqlite.len() > 150, "{sqlite:?}");
    let (more, less): (Vec<_>, Vec<_>) =
        (sqlite.difference(&postgres).collect(), postgres.difference(&sqlite).collect());
    assert!(more.is_empty() && less.is_empty(), "only SQLite has {more:?}, only PostgreSQL has {less:?}");
}

/// The columns of the tables that this server has made; those of the migrations themselves are sqlx's.
async fn columns(database: Database, text: &'static str) -> BTreeSet<Column> {
    let app = TestApp::start(database).await;
    let mut tx = app.context.db.read_global().await.unwrap();
    let columns: Vec<Column> = on!(&mut tx, |conn| sqlx::query_as(text).fetch_all(conn).await).unwrap();
    columns.into_iter().filter(|(table, ..)| table != "_sqlx_migrations").collect()
}
