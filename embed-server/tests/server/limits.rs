//! Limits: how often somebody may ask, counted by one server or by several together.

use crate::app::{TestApp, json_of};
use crate::story;
use chrono::TimeDelta;
use embed_base::clock::Clock;
use embed_base::events::activity::Actor;
use embed_base::limits::{Limit, RateLimits};
use embed_base::metrics::Metrics;
use embed_testing::Database;
use embed_testing::until;
use embed_testing::{Redis, free_port};
use serde_json::json;
use std::num::NonZeroU32;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use uuid::Uuid;

const WAIT_LIMIT: Duration = Duration::from_secs(20);

story!(a_token_and_a_domain_have_limits_of_their_own, |app| {
    let site = app.site().await;
    let module = app.module(site, "feedback").await;
    let domain = app.allow(site, module, "example.test").await;
    let token = app.token(site, module, json!({ "scopes": ["read"], "rateLimit": 3 })).await;
    let ask = async |origin: Option<&str>| {
        let mut request = app.get(&format!("/api/v1/modules/{module}/nothing")).bearer_auth(&token);
        if let Some(origin) = origin {
            request = request.header("Origin", origin);
        }
        request.send().await.unwrap()
    };
    let first = ask(Some("https://example.test")).await;
    assert_eq!(first.status(), 404);
    assert_eq!(
        first.headers()["ratelimit-policy"],
        "\"domain\";q=1000;w=3600, \"token\";q=3;w=60, \"domain-share\";q=100;w=3600"
    );
    assert_eq!(
        first.headers()["ratelimit"],
        "\"domain\";r=999;t=4, \"token\";r=2;t=20, \"domain-share\";r=99;t=36"
    );
    assert_eq!(first.headers()["x-rate-limit"], "1000");
    ask(None).await;
    let third = ask(None).await;
    assert_eq!(third.headers()["ratelimit-policy"], "\"token\";q=3;w=60");
    assert_eq!(third.headers()["x-rate-limit"], "3");

    let refused = ask(Some("https://example.test")).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "20");
    assert_eq!(refused.headers()["access-control-allow-origin"], "https://example.test");
    let (_, refused) = json_of(refused).await;
    assert_eq!(refused["code"], "rate_limited");
    assert_eq!(refused["detail"], "Too many requests with this token; try again in 20 s.");

    app.context.clock.advance(TimeDelta::seconds(20));
    assert_eq!(ask(None).await.status(), 404, "the allowance comes back with time");
    assert!(app.domains().remove(&Actor::CommandLine, site, domain.id).await.is_ok());
});

story!(a_client_behind_a_trusted_proxy_is_counted_by_its_own_address, |app| {
    drop(app);
    let more = [("EMBED_TRUSTED_PROXIES", "127.0.0.0/8"), ("EMBED_VERIFY_LIMIT", "1")];
    let app = TestApp::start_with(Database::sqlite(), &more).await;
    let site = app.site().await;
    let module = app.module(site, "feedback").await;
    let ask = async |forwarded: &str| {
        let asked = app.ask("https://example.test", site, module).header("X-Forwarded-For", forwarded);
        asked.send().await.unwrap().status().as_u16()
    };
    assert_eq!(ask("203.0.113.1").await, 403);
    assert_eq!(ask("203.0.113.1").await, 429);
    assert_eq!(ask("203.0.113.2").await, 403);
    assert_eq!(ask("203.0.113.3, 203.0.113.1").await, 429, "what stands left of it anybody may have written");
});

#[tokio::test]
async fn redis_and_a_process_alone_answer_the_same() {
    let Some(redis) = Redis::start().await else { return };
    let metrics = Metrics::default;
    let alone = RateLimits::new(None, Clock::default(), metrics()).unwrap();
    let shared = RateLimits::new(Some(&redis.url), Clock::default(), metrics()).unwrap();
    let limit = |requests| NonZeroU32::new(requests).unwrap();
    let (domain, token) = (Uuid::now_v7(), Uuid::now_v7());
    // Limits so low that nothing of them comes back while the test runs.
    let rounds = [
        vec![Limit::domain(domain, limit(5))],
        vec![Limit::domain(domain, limit(5)), Limit::token(token, limit(2))],
        vec![Limit::token(token, limit(2))],
        vec![Limit::address("192.0.2.1".parse().unwrap(), limit(1))],
    ];
    for round in 0..12 {
        let limits = &rounds[round % rounds.len()];
        let (alone, shared) = (alone.count(limits.clone()).await, shared.count(limits.clone()).await);
        let said = |counted: &embed_base::limits::LimitDecision| {
            let mut headers = axum::http::HeaderMap::new();
            counted.set_headers(&mut headers);
            (counted.check().map_err(|error| error.code()), format!("{:?}", headers["ratelimit"]))
        };
        let (alone, shared) = (said(&alone), said(&shared));
        assert_eq!(alone.0, shared.0, "round {round}");
        let left = |text: &str| text.split(";t=").next().map(str::to_owned);
        assert_eq!(left(&alone.1), left(&shared.1), "round {round}");
    }
}

#[tokio::test]
async fn who_has_no_limit_does_not_wait_for_redis() {
    let metrics = Metrics::default();
    // Nobody listens there; whoever asks is told so, and the metric says it.
    let url = format!("redis://127.0.0.1:{}", free_port());
    let limits = RateLimits::new(Some(&url), Clock::default(), metrics.clone()).unwrap();
    limits.count(Vec::new()).await.check().unwrap();
    assert!(metrics.render().contains("embed_rate_limit_alone 0"), "{}", metrics.render());
    limits.count(vec![Limit::token(Uuid::now_v7(), NonZeroU32::MIN)]).await.check().unwrap();
    assert!(metrics.render().contains("embed_rate_limit_alone 1"), "{}", metrics.render());
}

/// A server in a process of its own; killed when this goes.
struct Process {
    child: Child,
    port: u16,
}

impl Process {
    async fn start(app: &TestApp, redis: &Redis) -> Self {
        let port = free_port();
        let child = Command::new(env!("CARGO_BIN_EXE_embed-server"))
            .arg("serve")
            .env_clear()
            .envs(app.environment())
            .env("EMBED_LISTEN", format!("127.0.0.1:{port}"))
            .env("REDIS_URL", &redis.url)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let process = Self { child, port };
        until("the server to be ready", WAIT_LIMIT, async || {
            process.get("/readyz", "").await.is_some_and(|(status, _)| status == 200)
        })
        .await;
        process
    }

    async fn get(&self, path: &str, token: &str) -> Option<(u16, String)> {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let answer = reqwest::Client::new()
            .get(url)
            .header("Host", "embed.test")
            .bearer_auth(token)
            .send()
            .await
            .ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }

    /// How many of so many calls are let through.
    async fn allowed(&self, calls: usize, path: &str, token: &str) -> usize {
        let mut allowed = 0;
        for _ in 0..calls {
            allowed += usize::from(self.get(path, token).await.unwrap().0 != 429);
        }
        allowed
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_with_one_redis_hold_one_limit_and_without_it_each_its_own() {
    let Some(mut redis) = Redis::start().await else { return };
    let app = TestApp::start(Database::sqlite()).await;
    let site = app.site().await;
    let module = app.module(site, "feedback").await;
    let (first, second) = (Process::start(&app, &redis).await, Process::start(&app, &redis).await);
    let path = format!("/api/v1/modules/{module}/nothing");

    let token = app.token(site, module, json!({ "scopes": ["read"], "rateLimit": 300 })).await;
    let start = std::time::Instant::now();
    let (one, two) = tokio::join!(first.allowed(250, &path, &token), second.allowed(250, &path, &token));
    // What came back while they asked, at five a second, is no fault of the limit.
    let came_back = start.elapsed().as_secs_f64() * 5.0;
    let allowed = (one + two) as f64;
    assert!(
        allowed >= 300.0 && allowed <= 303.0 + came_back,
        "{one} + {two}, of which {came_back} came back"
    );

    redis.go_away();
    let token = app.token(site, module, json!({ "scopes": ["read"], "rateLimit": 3 })).await;
    for process in [&first, &second] {
        until("the token to be seen", WAIT_LIMIT, async || {
            process.get(&path, &token).await.unwrap().0 != 401
        })
        .await;
        let allowed = 1 + process.allowed(5, &path, &token).await;
        assert!((3..=4).contains(&allowed), "each server counts by itself: {allowed}");
        let (_, metrics) = process.get("/metrics", "").await.unwrap();
        assert!(metrics.contains("embed_rate_limit_alone 1"), "{metrics}");
    }

    redis.come_back().await;
    until("Redis to be used again", WAIT_LIMIT, async || {
        first.get(&path, &token).await.unwrap();
        first.get("/metrics", "").await.unwrap().1.contains("embed_rate_limit_alone 0")
    })
    .await;
}
