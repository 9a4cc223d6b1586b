//! One tenant does not see another's.

use crate::story;
use embed_base::Code;
use embed_base::db::Tx;
use embed_base::events::activity::Actor;
use embed_core::requests::Requests;
use embed_testing::until;
use reqwest::Method;
use serde_json::json;
use sqlx::Executor;
use std::time::Duration;
use uuid::Uuid;

story!(a_module_of_one_site_is_hidden_from_another, |app| {
    let (site, other) = (app.site().await, app.site().await);
    let module = app.module(site, "feedback").await;
    let domain = app.allow(site, module, "example.test").await;
    assert_eq!(app.verdict("https://example.test", other, module).await, "module_not_found");
    assert_eq!(app.domains().list(other, module).await.unwrap(), []);
    assert_eq!(
        app.domains().remove(&Actor::CommandLine, other, domain.id).await.unwrap_err().code(),
        Code::DomainNotFound
    );
    assert_eq!(
        app.domains().verify(&Actor::CommandLine, other, domain.id, None).await.unwrap_err().code(),
        Code::DomainNotFound
    );
    let pattern = app.domains().pattern("evil.test").unwrap();
    let new = embed_core::domains::NewDomain {
        pattern,
        allow_embed: true,
        allow_api: true,
        embed_types: Vec::new(),
        rate_limit: 1000,
        ancestors: Vec::new(),
    };
    assert_eq!(
        app.domains().add(&Actor::CommandLine, other, module, new).await.unwrap_err().code(),
        Code::ModuleNotFound
    );
});

story!(row_level_security_holds_a_query_that_forgets_its_site, |app| {
    let (site, other) = (app.site().await, app.site().await);
    let manifest = json!({ "name": "feedback", "version": "1.0.0", "collections": { "entries": {} } });
    let module = app.publish(site, &manifest).await;
    if !app.database.is_postgres() {
        // SQLite has no second line; the finders' scope is the only one.
        return;
    }
    app.allow(site, module, "example.test").await;
    let token = app.token(site, module, json!({ "scopes": ["write"] })).await;
    let call = app.request(Method::POST, &format!("/api/v1/modules/{module}/records/entries"));
    let call = call.bearer_auth(token).header("Idempotency-Key", "once").json(&json!({ "a": 1 }));
    assert_eq!(call.send().await.unwrap().status(), 201);
    let logged = async || !Requests::new(&app.context).after(Uuid::nil(), 1).await.unwrap().is_empty();
    until("the call to be in the log", Duration::from_secs(10), logged).await;
    // Whatever a scope lets be seen of the rows of `site`.
    let count = async |mut tx: Tx, table: &str| -> i64 {
        let Tx::Postgres(tx) = &mut tx else { panic!("this is PostgreSQL") };
        let text = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table} WHERE site_id = '{site}'"));
        sqlx::query_scalar(text).fetch_one(&mut **tx).await.unwrap()
    };
    let db = &app.context.db;
    // Whatever has a site, partitions included, is held on its owner too.
    let tables = "SELECT c.relname::text, c.relrowsecurity AND c.relforcerowsecurity FROM pg_class c
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'site_id' AND NOT a.attisdropped
         WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace ORDER BY 1";
    let Tx::Postgres(mut tx) = db.read_global().await.unwrap() else { panic!("this is PostgreSQL") };
    let tables: Vec<(String, bool)> = sqlx::query_as(tables).fetch_all(&mut *tx).await.unwrap();
    drop(tx);
    let open: Vec<_> = tables.iter().filter(|(_, held)| !held).collect();
    assert!(open.is_empty() && tables.len() > 10, "{open:?} of {tables:?}");
    for table in [
        "site_modules",
        "module_versions",
        "module_files",
        "module_allowed_domains",
        "events",
        "module_external_tokens",
        "module_records",
        "idempotency_keys",
        "module_external_requests",
        "activity",
    ] {
        assert!(count(db.read(site).await.unwrap(), table).await > 0, "{table}: its own rows");
        assert_eq!(count(db.read(other).await.unwrap(), table).await, 0, "{table}: another's rows");
        assert!(count(db.read_global().await.unwrap(), table).await > 0, "{table}: all rows");
    }
    let Tx::Postgres(mut tx) = db.read(site).await.unwrap() else { panic!("this is PostgreSQL") };
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM sites").fetch_one(&mut *tx).await.unwrap();
    assert_eq!(seen, 1);
    drop(tx);

    // A connection past `Db` has no scope, and sees and writes nothing.
    let embed_base::db::Db::Postgres(pool) = db else { panic!("this is PostgreSQL") };
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM sites").fetch_one(pool).await.unwrap();
    assert_eq!(seen, 0);

    // Nor can one tenant write into another's rows.
    let mut change = app.context.change_unlisted(other, None).await.unwrap();
    let Tx::Postgres(tx) = &mut *change else { panic!("this is PostgreSQL") };
    let text = "UPDATE module_allowed_domains SET verified = TRUE";
    assert_eq!(tx.execute(text).await.unwrap().rows_affected(), 0);
    let text = "INSERT INTO events (id, site_id, type, data, created_at) VALUES ($1, $2, 'x', '{}', now())";
    let refused = sqlx::query(text).bind(Uuid::now_v7()).bind(site).execute(&mut **tx).await;
    assert!(refused.unwrap_err().to_string().contains("row-level security"));
});
