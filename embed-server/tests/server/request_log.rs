//! The log of calls: what stands in it, who may read it, and how it is forgotten.

use crate::app::{TestApp, json_of};
use crate::people::HOME;
use crate::story;
use chrono::TimeDelta;
use embed_base::db::Tx;
use embed_core::accounts::Role;
use embed_core::requests::{LoggedRequest, RequestFilter, Requests};
use embed_core::tokens::Tokens;
use embed_testing::Database;
use embed_testing::until;
use reqwest::Method;
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use uuid::Uuid;

const WAIT_LIMIT: Duration = Duration::from_secs(10);

/// The calls that are in the log once there are so many of them, oldest first.
async fn logged(app: &TestApp, count: usize) -> Vec<LoggedRequest> {
    let all = async || Requests::new(&app.context).after(Uuid::nil(), 1_000).await.unwrap();
    until(&format!("{count} calls to be in the log"), WAIT_LIMIT, async || all().await.len() >= count).await;
    all().await
}

async fn per_hour(app: &TestApp, site: Uuid, filter: &RequestFilter) -> Vec<(String, i64, i64)> {
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
    let all = per_hour(&app, site, &RequestFilter::default()).await;
    assert_eq!(all, [("2027-01-15T08:00:00Z".into(), 2, 2), ("2027-01-15T09:00:00Z".into(), 1, 1)]);
    let by_token =
        RequestFilter { token: Some(token_id), status: Some("4xx".into()), ..RequestFilter::default() };
    assert_eq!(per_hour(&app, site, &by_token).await.iter().map(|hour| hour.1).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(
        per_hour(&app, other, &RequestFilter::default()).await,
        [],
        "another site's calls are not shown"
    );
    let tail = app.command(&["requests", "list"]);
    assert!(!tail.status.success(), "there is only `requests tail`");
});

story!(a_failed_graphql_call_has_its_first_error_in_the_log, |app| {
    let site = app.site().await;
    let module = app.module(site, "feedback").await;
    let token = app.token(site, module, json!({ "scopes": ["read"] })).await;
    let path = format!("/api/v1/modules/{module}/graphql");
    let call = async |query: &str| {
        let request = app.request(Method::POST, &path).bearer_auth(&token);
        assert_eq!(request.json(&json!({ "query": query })).send().await.unwrap().status(), 200);
    };
    call("{ records(collection: \"nothing\") { nodes { id } } }").await;
    logged(&app, 1).await;
    call("{ nonsense }").await;
    logged(&app, 2).await;
    call("{ __typename }").await;
    let lines = logged(&app, 3).await;
    let codes: Vec<_> = lines.iter().map(|line| (line.status_code, line.error_code.as_deref())).collect();
    assert_eq!(codes, [(200, Some("collection_not_found")), (200, Some("invalid_request")), (200, None)]);
    assert!(lines[0].error_message.as_ref().unwrap().contains("nothing"), "{lines:?}");
});

story!(the_log_is_filtered_paged_and_counted_over_http, |app| {
    let site = app.site().await;
    let (module, other) = (app.module(site, "feedback").await, app.module(site, "booking").await);
    app.allow(site, module, "example.test").await;
    let token = app.token(site, module, json!({ "scopes": ["read"] })).await;
    let member = app.operator(HOME, Role::Member).await;
    let start = app.context.clock.now();
    let call = async |module: Uuid, method: Method, origin: Option<&str>, token: Option<&str>| {
        let mut request = app.request(method, &format!("/api/v1/modules/{module}/nothing"));
        if let Some(origin) = origin {
            request = request.header("Origin", origin);
        }
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send().await.unwrap();
    };
    // Each is in the log before the next one comes, so that the order of their ids is known.
    call(module, Method::GET, Some("https://example.test"), Some(&token)).await;
    logged(&app, 1).await;
    call(module, Method::POST, None, Some(&token)).await;
    logged(&app, 2).await;
    app.context.clock.advance(TimeDelta::hours(1));
    call(module, Method::GET, None, Some("junk")).await;
    logged(&app, 3).await;
    call(other, Method::GET, None, None).await;
    logged(&app, 4).await;

    let ask = async |rest: &str| {
        let path = format!("/api/v1/sites/{site}/requests{rest}");
        let (status, body) = json_of(app.get(&path).bearer_auth(&member).send().await.unwrap()).await;
        assert_eq!(status, 200, "{rest}: {body}");
        body
    };
    let all = ask("").await["data"].as_array().unwrap().clone();
    assert_eq!(all.len(), 4, "{all:?}");
    let token_id = Tokens::new(&app.context).list(site, module).await.unwrap()[0].id;
    let later = (start + TimeDelta::minutes(30)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    // Newest first: the fourth call is the first of the list.
    for (filter, found) in [
        (format!("module={other}"), vec![0]),
        (format!("token={token_id}"), vec![2, 3]),
        ("method=POST".to_owned(), vec![2]),
        ("status=404".to_owned(), vec![0, 2, 3]),
        ("status=4xx".to_owned(), vec![0, 1, 2, 3]),
        ("status=5xx".to_owned(), vec![]),
        ("origin=https://example.test".to_owned(), vec![3]),
        (format!("from={later}"), vec![0, 1]),
        (format!("to={later}"), vec![2, 3]),
        (format!("module={module}&from={later}&status=401"), vec![1]),
        (format!("module={}", Uuid::now_v7()), vec![]),
    ] {
        let expected: Vec<_> = found.into_iter().map(|place: usize| all[place].clone()).collect();
        assert_eq!(ask(&format!("?{filter}")).await["data"], json!(expected), "{filter}");
    }
    let first = ask("?limit=3").await;
    assert_eq!(first["data"], json!(all[..3]));
    let rest = ask(&format!("?limit=3&cursor={}", first["nextCursor"].as_str().unwrap())).await;
    assert_eq!(rest, json!({ "data": [all[3]], "nextCursor": null }));

    let counted = ask(&format!("/per-hour?module={module}")).await;
    let hours: Vec<_> =
        counted["data"].as_array().unwrap().iter().map(|hour| (&hour["hour"], &hour["requests"])).collect();
    let expected = [(json!("2027-01-15T08:00:00Z"), json!(2)), (json!("2027-01-15T09:00:00Z"), json!(1))];
    assert_eq!(hours, expected.each_ref().map(|(hour, count)| (hour, count)));
    let of_token = ask(&format!("/per-hour?token={token_id}&from={later}")).await;
    assert_eq!(of_token["data"], json!([]));
});

story!(requests_tail_prints_every_call_once, |app| {
    let site = app.site().await;
    let module = app.module(site, "feedback").await;
    let mut tail = Command::new(env!("CARGO_BIN_EXE_embed-server"))
        .args(["requests", "tail"])
        .env_clear()
        .envs(app.environment())
        .current_dir(app.database.folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let (printed, output) = (lines.clone(), BufReader::new(tail.stdout.take().unwrap()));
    let reading = std::thread::spawn(move || {
        output.lines().map_while(Result::ok).for_each(|line| printed.lock().unwrap().push(line));
    });
    // When it begins to look nobody knows: it prints what comes from then on.
    let mut calls = 0;
    until("the tail to print a call", WAIT_LIMIT, async || {
        calls += 1;
        app.get(&format!("/api/v1/modules/{module}/nothing{calls}")).send().await.unwrap();
        !lines.lock().unwrap().is_empty()
    })
    .await;
    for last in ["a", "b"] {
        app.get(&format!("/api/v1/modules/{module}/{last}")).send().await.unwrap();
    }
    let shows = |end: &str| lines.lock().unwrap().iter().any(|line| line.contains(end));
    until("the last calls to be printed", WAIT_LIMIT, async || {
        shows(&format!("{module}/a  nobody")) && shows(&format!("{module}/b  nobody"))
    })
    .await;
    tail.kill().unwrap();
    tail.wait().unwrap();
    reading.join().unwrap();
    let mut lines = lines.lock().unwrap().clone();
    assert!(lines.iter().all(|line| line.contains("  404  ") || line.contains("  401  ")), "{lines:?}");
    let all = lines.len();
    lines.sort();
    lines.dedup();
    assert_eq!(lines.len(), all, "each once");
});

story!(what_no_database_holds_is_refused_and_not_asked_for, |app| {
    let site = app.site().await;
    let operator = app.operator(HOME, Role::Member).await;
    for query in [
        "to=-262143-01-01T00:00:00Z",
        "from=-0001-12-31T23:59:59Z",
        "from=%2B10000-01-01T00:00:00Z&to=%2B10000-01-01T01:00:00Z",
        "origin=%00",
        "method=GET%00",
        "status=%00",
        "method=%FF",
        "cursor=%C3%28",
        "%FF=1",
    ] {
        for list in ["requests", "requests/per-hour"] {
            let asked = app.get(&format!("/api/v1/sites/{site}/{list}?{query}")).bearer_auth(&operator);
            let (status, problem) = json_of(asked.send().await.unwrap()).await;
            assert_eq!(
                (status.as_u16(), &problem["code"]),
                (400, &"invalid_request".into()),
                "{list}?{query}"
            );
        }
    }
    let earliest = format!("/api/v1/sites/{site}/requests/per-hour?to=0000-01-02T00:00:00Z");
    assert_eq!(app.get(&earliest).bearer_auth(&operator).send().await.unwrap().status(), 200);
});

story!(old_calls_are_deleted, |app| {
    // The server's own tasks run when it starts; what follows is done by hand.
    until("the server's own tasks to have run", WAIT_LIMIT, async || {
        let metrics = app.context.metrics.render();
        ["request_partitions", "request_cleanup"]
            .iter()
            .all(|job| metrics.contains(&format!("embed_job_runs_total{{job=\"{job}\",outcome=\"done\"}} 1")))
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

// On SQLite there is nothing to prepare, and nobody in the way.
story!(making_months_ready_waits_for_nobody_who_reads, |app| {
    let site = app.site().await;
    let reading = Requests::new(&app.context);
    let mut tx = app.context.db.read(site).await.unwrap();
    let text = "SELECT COUNT(*) FROM module_external_requests";
    let counted: i64 = match &mut tx {
        Tx::Sqlite(tx) => sqlx::query_scalar(text).fetch_one(&mut **tx).await.unwrap(),
        Tx::Postgres(tx) => sqlx::query_scalar(text).fetch_one(&mut **tx).await.unwrap(),
    };
    assert_eq!(counted, 0);
    tokio::time::timeout(WAIT_LIMIT, reading.prepare()).await.expect("it waits for who reads").unwrap();
    drop(tx);
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
    let context = embed_server::open(settings).await.unwrap();
    assert_eq!(Requests::new(&context).after(Uuid::nil(), 1_000).await.unwrap().len(), 50);
}

/// The database's disk is slow or away, and calls go on: what does not fit the queues is dropped and counted, and nobody
/// hides a proved caller behind a flood.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_drops_strangers_first_and_counts_and_never_holds_a_call_up() {
    use embed_base::http::{Caller, CallerKind, Grant, RequestLog, RequestLogEntry};
    let metrics = embed_base::metrics::Metrics::default();
    let (log, mut queues) = RequestLog::new(metrics.clone());
    let line = RequestLogEntry {
        at: chrono::DateTime::UNIX_EPOCH,
        site: Uuid::nil(),
        module: Uuid::nil(),
        caller: Caller::NOBODY,
        method: "GET".into(),
        path: "/".into(),
        origin: None,
        address: [127, 0, 0, 1].into(),
        user_agent: None,
        status: 401,
        took: Duration::ZERO,
        error: None,
    };
    // Of each module so few that all of them are lines.
    for _ in 0..3_000 {
        log.enqueue(RequestLogEntry { module: Uuid::now_v7(), ..line.clone() });
    }
    let proved = Caller { kind: CallerKind::Token, id: Uuid::nil(), grant: Grant::Nothing };
    for _ in 0..25_000 {
        log.enqueue(RequestLogEntry { caller: proved.clone(), ..line.clone() });
    }
    drop(log);
    let count = |queue: &mut tokio::sync::mpsc::Receiver<RequestLogEntry>| {
        std::iter::from_fn(|| queue.try_recv().ok()).count()
    };
    assert_eq!(count(&mut queues.proved), 20_000);
    let strangers = count(&mut queues.strangers);
    assert!((1..=2_000).contains(&strangers), "{strangers}");
    let dropped = metrics.render();
    assert!(dropped.contains("embed_request_log_dropped_total 5000"), "{dropped}");
}
