//! Callers who show no valid credential: they are counted by address, take nothing that belongs to others, and cannot fill
//! the log. And what is deleted in time.

use crate::app::{TestApp, json_of};
use crate::story;
use chrono::TimeDelta;
use embed_base::db::on;
use embed_base::events;
use embed_core::records::Records;
use embed_core::requests::{RequestFilter, Requests};
use embed_testing::{Database, until};
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;

const LIMIT: Duration = Duration::from_secs(20);

/// Tells a story on both engines, with a server that has these settings.
async fn with<F: Future<Output = ()>>(more: &[(&'static str, &str)], story: impl Fn(TestApp) -> F) {
    for database in [Some(Database::sqlite()), Database::postgres().await].into_iter().flatten() {
        story(TestApp::start_with(database, more).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_valid_credential_an_address_has_a_limit_and_a_token_goes_on() {
    with(&[("EMBED_ANONYMOUS_LIMIT", "3")], async |app| {
        let site = app.site().await;
        let module = app.module(site, "feedback").await;
        let token = app.token(site, module, json!({ "scopes": ["read"] })).await;
        let path = format!("/api/v1/modules/{module}/nothing");
        let ask = async |credential: Option<&str>| {
            let request = app.get(&path);
            let request = match credential {
                Some(credential) => request.bearer_auth(credential),
                None => request,
            };
            request.send().await.unwrap()
        };
        // Wrong credentials and none are the same caller.
        for (credential, status) in [(None, 404), (Some("junk"), 401), (None, 404), (Some("junk"), 429)] {
            assert_eq!(ask(credential).await.status().as_u16(), status, "{credential:?}");
        }
        let refused = ask(None).await;
        assert_eq!(refused.headers()["ratelimit-policy"], "\"anonymous\";q=3;w=60");
        assert_eq!(refused.headers()["retry-after"], "20");
        let (status, problem) = json_of(refused).await;
        assert_eq!((status.as_u16(), &problem["code"]), (429, &"rate_limited".into()));
        let said = "Too many requests without a valid credential from this address; try again in 20 s.";
        assert_eq!(problem["detail"], said);
        let unknown = format!("/api/v1/modules/{}/nothing", Uuid::now_v7());
        assert_eq!(app.get(&unknown).send().await.unwrap().status(), 429, "not even looked up");
        for _ in 0..10 {
            assert_eq!(ask(Some(&token)).await.status(), 404, "a token is counted by itself");
        }
        let hours =
            async || Requests::new(&app.context).per_hour(site, &RequestFilter::default()).await.unwrap();
        // 4 of strangers that were answered, 10 of the token, and one that was refused at once.
        until("every call to be counted", LIMIT, async || {
            hours().await.iter().any(|hour| hour.requests == 15)
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_valid_personal_token_an_address_has_a_limit_and_an_operator_goes_on() {
    with(&[("EMBED_ANONYMOUS_LIMIT", "3")], async |app| {
        let ask = async |token: Option<&str>| {
            let request = app.get("/api/v1/sites");
            let request = match token {
                Some(token) => request.bearer_auth(token),
                None => request,
            };
            request.send().await.unwrap()
        };
        let unknown = format!("dram_user_{}", "a".repeat(43));
        for (token, status) in
            [(None, 401), (Some("junk"), 401), (Some(unknown.as_str()), 401), (Some(unknown.as_str()), 429)]
        {
            assert_eq!(ask(token).await.status().as_u16(), status, "{token:?}");
        }
        let refused = ask(None).await;
        assert_eq!(refused.headers()["retry-after"], "20");
        let (status, problem) = json_of(refused).await;
        assert_eq!((status.as_u16(), &problem["code"]), (429, &"rate_limited".into()));
        app.command_json(&["user", "invite", "ada@example.com", "--owner"]);
        let made = app.command_json(&["user", "token", "ada@example.com"]);
        for _ in 0..10 {
            assert_eq!(ask(made["token"].as_str()).await.status(), 200);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_and_files_have_a_limit_and_whoever_watches_the_server_has_none() {
    let app = TestApp::start_with(Database::sqlite(), &[("EMBED_ANONYMOUS_LIMIT", "1")]).await;
    let site = app.site().await;
    let module = app.module(site, "feedback").await;
    let mut answered = 0;
    while app.module_get(module, &format!("/embed/{module}/~/")).send().await.unwrap().status() == 200 {
        answered += 1;
    }
    assert_eq!(answered, 25);
    for path in ["/v1/embed.js", "/api/openapi.json", "/nowhere", "/console/sign-in"] {
        let refused = app.get(path).send().await.unwrap();
        assert_eq!(refused.status(), 429, "{path}");
        let said = refused.text().await.unwrap();
        assert!(said.contains("for documents and files from this address"), "{path}: {said}");
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(app.get(path).send().await.unwrap().status(), 200, "{path}");
    }
    app.context.clock.advance(TimeDelta::minutes(1));
    assert_eq!(app.get("/v1/embed.js").send().await.unwrap().status(), 200);
}

story!(of_a_domains_hour_only_proved_callers_take_and_one_address_only_a_tenth, |app| {
    let site = app.site().await;
    let module = app.module(site, "feedback").await;
    app.allow(site, module, "example.test").await;
    let token = app.token(site, module, json!({ "scopes": ["read"], "rateLimit": 10_000 })).await;
    let path = format!("/api/v1/modules/{module}/nothing");
    let from_page = || app.get(&path).header("Origin", "https://example.test");
    for _ in 0..50 {
        assert_eq!(from_page().send().await.unwrap().status(), 404);
        assert_eq!(from_page().bearer_auth("junk").send().await.unwrap().status(), 401);
    }
    let first = from_page().bearer_auth(&token).send().await.unwrap();
    let left = first.headers()["ratelimit"].to_str().unwrap();
    assert!(
        left.starts_with("\"domain\";r=999;t=4, ") && left.ends_with("\"domain-share\";r=99;t=36"),
        "{left}"
    );
    let mut answered = 1;
    let refused = loop {
        let answer = from_page().bearer_auth(&token).send().await.unwrap();
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            break answer;
        }
        answered += 1;
    };
    assert_eq!(answered, 100);
    assert_eq!(refused.headers()["access-control-allow-origin"], "https://example.test");
    let said = "Too many requests from this address on pages of this domain; try again in 36 s.";
    assert_eq!(json_of(refused).await.1["detail"], said);
    let elsewhere = app.browser_at("127.0.0.9").on_a_page_of(Some("https://example.test"));
    let answer = elsewhere.request(Method::GET, &path).bearer_auth(&token).send().await.unwrap();
    assert_eq!(answer.status(), 404, "another address has its own share");
});

story!(a_flood_of_refusals_is_a_hundred_lines_and_a_count, |app| {
    let site = app.site().await;
    let module = app.module(site, "feedback").await;
    let token = app.token(site, module, json!({ "scopes": ["read"], "rateLimit": 10_000 })).await;
    let path = format!("/api/v1/modules/{module}/nothing");
    for _ in 0..130 {
        app.get(&path).bearer_auth("junk").send().await.unwrap();
    }
    app.get(&path).bearer_auth(&token).send().await.unwrap();
    let requests = Requests::new(&app.context);
    let sums = async || {
        let hours = requests.per_hour(site, &RequestFilter::default()).await.unwrap();
        hours.iter().fold((0, 0), |sum, hour| (sum.0 + hour.requests, sum.1 + hour.refused))
    };
    until("every call to be counted", LIMIT, async || sums().await == (131, 131)).await;
    let lines = requests.after(Uuid::nil(), 1_000).await.unwrap();
    let of = |caller: &str| lines.iter().filter(|line| line.caller == caller).count();
    assert_eq!((of("nobody"), of("token")), (100, 1));
    app.context.clock.advance(TimeDelta::days(40));
    requests.prune().await.unwrap();
    let text = "SELECT COUNT(*) FROM module_refusals";
    let mut tx = app.context.db.read_global().await.unwrap();
    let left: i64 = on!(&mut tx, |conn| sqlx::query_scalar(text).fetch_one(conn).await).unwrap();
    assert_eq!(left, 0);
});

story!(records_go_from_events_and_deleted_ones_sooner, |app| {
    let site = app.site().await;
    let manifest = json!({ "name": "form", "version": "1.0.0", "collections": { "things": {} } });
    let module = app.publish(site, &manifest).await;
    let token = app.token(site, module, json!({ "scopes": ["write", "delete"] })).await;
    let path = format!("/api/v1/modules/{module}/records/things");
    let create = async |key: &str| {
        let call = app.request(Method::POST, &path).bearer_auth(&token).header("Idempotency-Key", key);
        let (status, record) = json_of(call.json(&json!({ "secret": key })).send().await.unwrap()).await;
        assert_eq!(status, 201);
        record["id"].as_str().unwrap().to_owned()
    };
    let (gone, _kept) = (create("marker-gone").await, create("marker-kept").await);
    let call = app.request(Method::PATCH, &format!("{path}/{gone}")).bearer_auth(&token);
    assert_eq!(call.json(&json!({ "more": 1 })).send().await.unwrap().status(), 200);
    let call = app.request(Method::DELETE, &format!("{path}/{gone}")).bearer_auth(&token);
    assert_eq!(call.send().await.unwrap().status(), 204);

    let records = Records::new(&app.context);
    // How many rows tell of each record, in events and in the answers of idempotency keys.
    let telling = async |marker: &str| {
        let mut sums = [0_i64; 2];
        for (sum, text) in sums.iter_mut().zip([
            "SELECT COUNT(*) FROM events WHERE CAST(data AS TEXT) LIKE $1",
            "SELECT COUNT(*) FROM idempotency_keys WHERE CAST(record AS TEXT) LIKE $1",
        ]) {
            let mut tx = app.context.db.read_global().await.unwrap();
            let marker = format!("%{marker}%");
            *sum = on!(&mut tx, |conn| sqlx::query_scalar(text).bind(&marker).fetch_one(conn).await).unwrap();
        }
        sums
    };
    let clean = async || {
        records.forget_told().await.unwrap();
        records.prune().await.unwrap();
        events::prune(&app.context).await.unwrap();
    };
    clean().await;
    assert_eq!((telling("marker-gone").await, telling("marker-kept").await), ([3, 1], [1, 1]));
    app.context.clock.advance(TimeDelta::hours(25));
    clean().await;
    assert_eq!((telling("marker-gone").await, telling("marker-kept").await), ([0, 0], [1, 0]));
    app.context.clock.advance(TimeDelta::days(6));
    clean().await;
    assert_eq!(telling("marker-kept").await, [0, 0]);
    assert_eq!(app.events(site).await.iter().filter(|kind| kind.starts_with("record.")).count(), 4);
    app.context.clock.advance(TimeDelta::days(24));
    clean().await;
    assert_eq!(app.events(site).await, [""; 0]);
});
