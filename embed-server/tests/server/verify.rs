//! May this page embed this module?

use crate::app::{TestApp, json_of};
use crate::story;
use chrono::TimeDelta;
use embed_base::crypto::Secret;
use embed_base::events::activity::Actor;
use embed_core::embed::token::TokenKey;
use embed_testing::Database;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// A site whose module `feedback` may be embedded by example.test and everything below shop.test.
async fn installed(app: &TestApp) -> (Uuid, Uuid) {
    let site = app.site().await;
    let module = app.module(site, "feedback").await;
    app.allow(site, module, "example.test").await;
    app.allow(site, module, "*.shop.test").await;
    (site, module)
}

story!(an_allowed_page_gets_a_token_and_the_address_of_the_module, |app| {
    let (site, module) = installed(&app).await;
    let body =
        json!({ "siteId": site, "moduleId": module, "origin": "https://example.test", "type": "popup" });
    let response = app.ask_with("https://example.test", &body).send().await.unwrap();
    assert_eq!(response.headers()["access-control-allow-origin"], "https://example.test");
    assert_eq!(response.headers()["vary"], "Origin");
    assert!(!response.headers().contains_key("access-control-allow-credentials"));
    let (status, mut body) = json_of(response).await;
    let token = body.as_object_mut().unwrap().remove("token").unwrap();
    assert_eq!(status, 200);
    assert_eq!(
        body,
        json!({
            "allowed": true,
            "expiresIn": 3600,
            "embedUrl": format!("https://{module}.modules.test/embed/{module}"),
            "module": { "name": "feedback", "launcher": { "label": "Open" } },
        })
    );
    let key = TokenKey::new(&Secret::new(std::array::from_fn(|index| index as u8)));
    let now = app.context.clock.now();
    let token = key.open(token.as_str().unwrap(), now).unwrap();
    assert_eq!((token.site, token.module, token.origin.as_str()), (site, module, "https://example.test"));
    assert_eq!(token.expires_at, now + TimeDelta::hours(1));
});

story!(look_alikes_of_an_allowed_domain_are_refused, |app| {
    let (site, module) = installed(&app).await;
    for origin in [
        "https://example.test",
        "https://example.test:8443",
        "https://shop.test",
        "https://a.shop.test",
        "https://a.b.shop.test:8443",
    ] {
        assert_eq!(app.verdict(origin, site, module).await, "allowed", "{origin}");
    }
    for origin in [
        "https://www.example.test",
        "https://evil-example.test",
        "https://example.test.evil.com",
        "https://notshop.test",
        "https://xn--shp-tna.test",
        "https://test",
    ] {
        assert_eq!(app.verdict(origin, site, module).await, "origin_not_allowed", "{origin}");
    }
    for origin in [
        "null",
        "",
        "http://example.test",
        "https://EXAMPLE.test",
        "https://example.test.",
        "https://example.test@evil.com",
        "https://example.test/",
        "https://192.0.2.1",
        "http://localhost:8081",
        "chrome-extension://example.test",
    ] {
        assert_eq!(app.verdict(origin, site, module).await, "origin_mismatch", "{origin}");
    }
});

story!(every_refusal_is_a_sentence_that_its_page_may_read, |app| {
    let (site, module) = installed(&app).await;
    let pending = app.add(site, module, "pending.test").await;
    let unpublished = app.module(site, "draft").await;
    embed_core::modules::Modules::new(&app.context)
        .unwrap()
        .unpublish(&Actor::CommandLine, site, unpublished)
        .await
        .unwrap();
    let inline =
        app.publish(site, &json!({ "name": "form", "version": "1.0.0", "embedTypes": ["inline"] })).await;
    app.allow(site, inline, "example.test").await;
    let other = Uuid::now_v7();

    let ask = |site: String, module: String, more: Value| {
        let mut body = json!({ "siteId": site, "moduleId": module, "origin": "https://example.test" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let (site, module) = (site.to_string(), module.to_string());
    let none = json!({});
    for (body, status, code, words) in [
        (ask("x".into(), module.clone(), none.clone()), 400, "invalid_request", "`x` is not a site id"),
        (ask(site.clone(), "x".into(), none.clone()), 400, "invalid_request", "`x` is not a module id"),
        (json!([]), 400, "invalid_request", "siteId"),
        (ask(site.clone(), module.clone(), json!({ "type": "banner" })), 400, "invalid_request", "banner"),
        (ask(site.clone(), module.clone(), json!({ "more": 1 })), 400, "invalid_request", "more"),
        (ask(other.to_string(), module.clone(), none.clone()), 404, "site_not_found", "no site"),
        (ask(site.clone(), other.to_string(), none.clone()), 404, "module_not_found", "no published module"),
        (ask(site.clone(), unpublished.to_string(), none.clone()), 404, "module_not_found", "publish"),
        (
            ask(site.clone(), module.clone(), json!({ "origin": "https://other.test" })),
            403,
            "origin_mismatch",
            "differs from https://example.test",
        ),
        (
            ask(site.clone(), inline.to_string(), json!({ "type": "popup" })),
            403,
            "type_not_allowed",
            "only as inline",
        ),
    ] {
        let response = app.ask_with("https://example.test", &body).send().await.unwrap();
        assert_eq!(response.headers()["access-control-allow-origin"], "https://example.test");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let (answered, problem) = json_of(response).await;
        assert_eq!((answered.as_u16(), problem["code"].as_str().unwrap()), (status, code), "{problem}");
        assert_eq!(problem["allowed"], false);
        assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
    }

    let (_, problem) =
        json_of(app.ask("https://pending.test", pending.site_id, pending.module_id).send().await.unwrap())
            .await;
    assert_eq!(problem["code"], "domain_not_verified");
    let (_, problem) =
        json_of(app.ask("https://stranger.test", pending.site_id, pending.module_id).send().await.unwrap())
            .await;
    assert_eq!(
        problem["detail"],
        format!(
            "https://stranger.test is not allowed to embed module feedback. Add it with `embed-server domain add stranger.test --site {site} --module {module}`."
        )
    );
});

story!(a_program_without_an_origin_is_refused, |app| {
    let (site, module) = installed(&app).await;
    let body = json!({ "siteId": site, "moduleId": module, "origin": "https://example.test" });
    let request = app.request(Method::POST, "/api/embed/verify").body(body.to_string());
    let (status, problem) = json_of(request.send().await.unwrap()).await;
    assert_eq!((status.as_u16(), &problem["code"]), (403, &json!("origin_mismatch")));
});

story!(a_page_that_posts_json_gets_its_preflight_answered, |app| {
    let request = app.request(Method::OPTIONS, "/api/embed/verify").header("Origin", "https://example.test");
    let response = request.header("Access-Control-Request-Method", "POST").send().await.unwrap();
    assert_eq!(response.status(), 204);
    assert_eq!(response.headers()["access-control-allow-origin"], "https://example.test");
    assert_eq!(response.headers()["access-control-allow-headers"], "*");
});

story!(a_body_that_is_too_large_is_refused_readably, |app| {
    let request = app.request(Method::POST, "/api/embed/verify").header("Origin", "https://example.test");
    let response = request.body("x".repeat(100_000)).send().await.unwrap();
    assert_eq!(response.status(), 413);
    assert_eq!(response.headers()["access-control-allow-origin"], "https://example.test");
});

story!(the_most_specific_verified_domain_decides, |app| {
    let site = app.site().await;
    let module = app.module(site, "feedback").await;
    app.allow(site, module, "*.shop.test").await;
    let pattern = app.domains().pattern("closed.shop.test").unwrap();
    let closed = embed_core::domains::NewDomain {
        pattern,
        allow_embed: false,
        allow_api: true,
        embed_types: Vec::new(),
        rate_limit: 1000,
        ancestors: Vec::new(),
    };
    let closed = app.domains().add(&Actor::CommandLine, site, module, closed).await.unwrap();
    app.settle().await;
    assert_eq!(app.verdict("https://closed.shop.test", site, module).await, "allowed");
    app.prove(&closed).await;
    app.domains().verify(&Actor::CommandLine, site, closed.id, None).await.unwrap();
    app.settle().await;
    assert_eq!(app.verdict("https://closed.shop.test", site, module).await, "origin_not_allowed");
    assert_eq!(app.verdict("https://open.shop.test", site, module).await, "allowed");
});

story!(a_refused_page_is_reported_once, |app| {
    let (site, module) = installed(&app).await;
    for _ in 0..5 {
        assert_eq!(app.verdict("https://stranger.test", site, module).await, "origin_not_allowed");
    }
    assert_eq!(app.verdict("https://other.test", site, module).await, "origin_not_allowed");
    let blocked = async || app.events(site).await.iter().filter(|name| *name == "embed.blocked").count();
    embed_testing::until("two origins to be recorded", Duration::from_secs(5), async || blocked().await >= 2)
        .await;
    assert_eq!(blocked().await, 2);
});

mod too_many_questions {
    use super::*;
    use embed_testing::Database;

    #[tokio::test]
    async fn are_refused_with_the_time_to_wait() {
        let app = TestApp::start_with(Database::sqlite(), &[("EMBED_VERIFY_LIMIT", "3")]).await;
        let (site, module) = installed(&app).await;
        for _ in 0..3 {
            assert_eq!(app.verdict("https://example.test", site, module).await, "allowed");
        }
        let response = app.ask("https://example.test", site, module).send().await.unwrap();
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "20");
        assert_eq!(response.headers()["access-control-allow-origin"], "https://example.test");
        app.context.clock.advance(TimeDelta::seconds(20));
        assert_eq!(app.verdict("https://example.test", site, module).await, "allowed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_can_read_how_often_it_may_ask() {
    let app = TestApp::start_with(Database::sqlite(), &[("EMBED_VERIFY_LIMIT", "2")]).await;
    let (site, module) = installed(&app).await;
    let ask = async |origin: &str| app.ask(origin, site, module).send().await.unwrap();
    let asked = [
        ask("https://example.test").await,
        ask("https://evil.test").await,
        ask("https://example.test").await,
    ];
    let left = ["\"address\";r=1;t=30", "\"address\";r=0;t=60", "\"address\";r=0;t=60"];
    for ((answer, status), left) in asked.iter().zip([200, 403, 429]).zip(left) {
        assert_eq!(answer.status(), status);
        for (name, value) in [
            ("ratelimit-policy", "\"address\";q=2;w=60"),
            ("ratelimit", left),
            ("x-rate-limit", "2"),
            (
                "access-control-expose-headers",
                "X-Request-Id, RateLimit-Policy, RateLimit, X-Rate-Limit, Retry-After",
            ),
        ] {
            assert_eq!(answer.headers()[name], value, "{status}: {name}");
        }
    }
    assert_eq!(asked[2].headers()["retry-after"], "30");
}

story!(an_encoded_question_is_refused_and_a_byte_order_mark_is_not, |app| {
    let (site, module) = installed(&app).await;
    let origin = "https://example.test";
    let body = json!({ "siteId": site, "moduleId": module, "origin": origin, "type": "popup" });
    let asked = app.ask_with(origin, &body).header("Content-Encoding", "gzip").send().await.unwrap();
    let (status, refused) = json_of(asked).await;
    assert_eq!((status.as_u16(), &refused["code"]), (415, &json!("unsupported_media_type")));
    assert_eq!(refused["allowed"], false);
    let marked = app.ask_with(origin, &body).body(format!("\u{feff}{body}")).send().await.unwrap();
    assert_eq!(marked.status(), 200);
});
