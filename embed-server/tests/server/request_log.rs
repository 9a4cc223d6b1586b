//! The log of calls: what stands in it, who may read it, and how it is forgotten.

use crate::app::{TestApp, until};
use crate::engine::Database;
use crate::story;
use chrono::TimeDelta;
use embed_server::db::Tx;
use embed_server::requests::{Filter, LoggedRequest, Requests};
use embed_server::tokens::Tokens;
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(10);

/// The calls that are in the log once there are so many of them, oldest first.
async fn logged(app: &TestApp, count: usize) -> Vec<LoggedRequest> {
    let all = async || {
        let since = app.context.clock.now() - TimeDelta::days(400);
        Requests::new(&app.context).since(since, 1_000).await.unwrap()
    };
    until(&format!("{count} calls to be in the log"), PATIENCE, async || all().await.len() >= count).await;
    all().await
}

async fn per_hour(app: &TestApp, site: Uuid, filter: &Filter) -> Vec<(String, i64, i64)> {
    let hours = Requests::new(&app.context).per_hour(site, filter).await.unwrap();
    hours.into_iter().map(|hour| (hour.hour, hour.requests, hour.refused)).collect()
}

story!(every_call_leaves_a_line, |app| {
    let (site, other) = (app.site().await, app.site().await);
    let module = app.module(site, "feedback").await;
    app.allow(site, module, "example.test").await;
    let token = app.token(site, module, json!({ "scopes": ["read"] })).await;
    let path = format!("/api/v1/modules/{module}/nothing");
    let asked = app.get(&format!("{path}?secret=1")).bearer_auth(&token).header("User-Agent", "Importer/1.0");
    asked.header("Origin", "https://example.test").send().await.unwrap();
    app.get(&path).header("X-API-Key", "junk").send().await.unwrap();

    let lines = logged(&app, 2).await;
    let token_id = Tokens::new(&app.context).list(site, module).await.unwrap()[0].id;
    let expected = LoggedRequest {
        id: lines[0].id,
        site_id: site,
        module_id: module,
        token_id: Some(token_id),
        caller: "token".into(),
        method: "GET".into(),
        path: path.clone(),
        origin: Some("https://example.test".into()),
        ip_address: "127.0.0.1".into(),
        user_agent: Some("Importer/1.0".into()),
        status_code: 404,
        response_time_ms: lines[0].response_time_ms,
        error_code: Some("not_found".into()),
        error_message: lines[0].error_message.clone(),
        created_at: app.context.clock.now(),
    };
    assert_eq!(lines[0], expected, "without the query, which may hold what is nobody's business");
    assert!(lines[0].error_message.as_ref().unwrap().starts_with("There is nothing at this address"));
    assert_eq!((lines[1].caller.as_str(), lines[1].status_code), ("nobody", 401));

    let used = Tokens::new(&app.context).find(site, token_id).await.unwrap();
    assert_eq!((used.usage_count, used.last_used_at), (1, Some(app.context.clock.now())));

    app.context.clock.advance(TimeDelta::hours(1));
    app.get(&path).bearer_auth(&token).send().await.unwrap();
    logged(&app, 3).await;
    let all = per_hour(&app, site, &Filter::default()).await;
    assert_eq!(all, [("2027-01-15T08:00:00Z".into(), 2, 2), ("2027-01-15T09:00:00Z".into(), 1, 1)]);
    let by_token = Filter { token: Some(token_id), status: Some("4xx".into()), ..Filter::default() };
    assert_eq!(per_hour(&app, site, &by_token).await.iter().map(|hour| hour.1).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(per_hour(&app, other, &Filter::default()).await, [], "another site's calls are not shown");
    let tail = app.command(&["requests", "list"]);
    assert!(!tail.status.success(), "there is only `requests tail`");
});

story!(old_calls_are_forgotten, |app| {
    // The server tidies up by itself when it starts; what follows is done by hand.
    until("the server to have tidied up", PATIENCE, async || {
        app.context.metrics.render().contains("embed_job_runs_total{job=\"tidy up\",outcome=\"done\"} 1")
    })
    .await;
    let site = app.site().await;
    let module = app.module(site, "feedback").await;
    let path = format!("/api/v1/modules/{module}/nothing");
    app.get(&path).send().await.unwrap();
    logged(&app, 1).await;
    let requests = Requests::new(&app.context);
    app.context.clock.advance(TimeDelta::days(60));
    requests.prepare().await.unwrap();
    app.get(&path).send().await.unwrap();
    logged(&app, 2).await;
    let before = partitions(&app).await;
    requests.prune().await.unwrap();
    assert_eq!(logged(&app, 1).await.len(), 1, "of two the one that is older than 30 days is gone");
    if app.database.is_postgres() {
        let after = partitions(&app).await;
        assert!(before.contains(&"module_external_requests_2027_01".to_owned()), "{before:?}");
        assert!(!after.contains(&"module_external_requests_2027_01".to_owned()), "{after:?}");
        assert!(
            after.contains(&"module_external_requests_2027_05".to_owned()),
            "the next months are ready: {after:?}"
        );
    }
});

async fn partitions(app: &TestApp) -> Vec<String> {
    let Tx::Postgres(mut tx) = app.context.db.read_global().await.unwrap() else { return Vec::new() };
    let text = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'module_external_requests'::regclass";
    sqlx::query_scalar(text).fetch_all(&mut *tx).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_the_queue_is_written_before_a_server_ends() {
    let app = TestApp::start(Database::sqlite()).await;
    let site = app.site().await;
    let module = app.module(site, "feedback").await;
    for _ in 0..50 {
        app.get(&format!("/api/v1/modules/{module}/nothing")).send().await.unwrap();
    }
    let TestApp { server, context, database: _database, .. } = app;
    let settings = context.settings.clone();
    server.stop().await;
    let context = embed_server::state::Context::open(settings).await.unwrap();
    let since = chrono::DateTime::UNIX_EPOCH;
    assert_eq!(Requests::new(&context).since(since, 1_000).await.unwrap().len(), 50);
}

/// The database's disk is slow or away, and calls go on: what does not fit the queue is dropped and counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_drops_and_counts_and_never_holds_a_call_up() {
    use embed_server::http::{Caller, Line, RequestLog};
    let metrics = embed_server::metrics::Metrics::default();
    let (log, mut lines) = RequestLog::new(metrics.clone());
    let line = Line {
        at: chrono::DateTime::UNIX_EPOCH,
        site: Uuid::nil(),
        module: Uuid::nil(),
        caller: Caller::NOBODY,
        method: "GET".into(),
        path: "/".into(),
        origin: None,
        address: [127, 0, 0, 1].into(),
        user_agent: None,
        status: 200,
        took: Duration::ZERO,
        error: None,
    };
    for _ in 0..30_000 {
        log.note(line.clone());
    }
    drop(log);
    let mut kept = 0;
    while lines.recv().await.is_some() {
        kept += 1;
    }
    assert!(
        metrics.render().contains(&format!("embed_request_log_dropped_total {}", 30_000 - kept)),
        "{kept}"
    );
    assert!(kept < 30_000);
}
