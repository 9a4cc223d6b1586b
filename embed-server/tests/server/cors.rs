//! Which pages may call a module's API, and read what it answers.

use crate::app::{TestApp, json_of};
use crate::callers::ApiFixture;
use crate::records::{Api, with_json};
use crate::story;
use embed_testing::Database;
use reqwest::Method;
use serde_json::json;

story!(a_page_reads_what_cors_lets_it, |app| {
    let fixture = ApiFixture::set(app).await;
    let preflight = async |origin: &str| {
        let asked = fixture.call(Method::OPTIONS, "records/entries").header("Origin", origin);
        asked.header("Access-Control-Request-Method", "POST").send().await.unwrap()
    };
    let allowed = preflight("https://example.test").await;
    assert_eq!(allowed.status(), 200);
    for (name, value) in [
        ("access-control-allow-origin", "https://example.test"),
        ("access-control-allow-methods", "GET,POST,PUT,PATCH,DELETE,OPTIONS"),
        (
            "access-control-allow-headers",
            "content-type,authorization,x-api-key,idempotency-key,if-match,if-none-match,last-event-id,traceparent,tracestate,baggage,sentry-trace",
        ),
        ("access-control-allow-credentials", "true"),
        ("access-control-max-age", "86400"),
        ("vary", "Origin"),
    ] {
        assert_eq!(allowed.headers()[name], value, "{name}");
    }
    for stranger in ["https://evil.test", "http://example.test", "null", "https://example.test.evil.test", ""]
    {
        let refused = preflight(stranger).await;
        assert_eq!(refused.status(), 403, "{stranger}");
        assert!(!refused.headers().contains_key("access-control-allow-origin"), "{stranger}");
        assert_eq!(refused.headers()["vary"], "Origin");
        let asked = fixture
            .call(Method::GET, "records/entries")
            .bearer_auth(&fixture.writer)
            .header("Origin", stranger);
        let answer = asked.send().await.unwrap();
        assert!(!answer.headers().contains_key("access-control-allow-origin"), "{stranger}");
        assert_eq!(json_of(answer).await.1["code"], "origin_not_allowed", "{stranger}");
    }
    let own = format!("https://{}.modules.test", fixture.module);
    assert_eq!(preflight(&own).await.headers()["access-control-allow-origin"], own.as_str());

    let asked = fixture
        .call(Method::GET, &format!("records/entries/{}", fixture.record))
        .header("Origin", "https://example.test");
    let answer = asked.bearer_auth(&fixture.writer).send().await.unwrap();
    assert_eq!(answer.headers()["access-control-allow-origin"], "https://example.test");
    let exposed = answer.headers()["access-control-expose-headers"].to_str().unwrap().to_owned();
    for name in ["etag", "ratelimit", "ratelimit-policy", "x-rate-limit", "x-request-id"] {
        assert!(exposed.split(',').any(|exposed| exposed == name), "{name}");
        assert!(answer.headers().contains_key(name), "{name}");
    }
    assert_eq!(answer.headers()["vary"], "Origin");
    let without = fixture.call(Method::GET, "records/entries").send().await.unwrap();
    assert_eq!(without.status(), 401);
    assert!(without.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer resource_metadata="));
    assert_eq!(without.headers()["vary"], "Origin", "who has no origin has another answer too");
});

story!(a_path_that_names_no_module_is_404, |app| {
    for module in ["MODULE_ID", "0198c9f2-7a31-7cc1-9d5e-3f1f6f2f8a10", "%00", "a%2Fb"] {
        for path in ["records/entries", "graphql"] {
            let asked =
                app.get(&format!("/api/v1/modules/{module}/{path}")).header("Origin", "https://example.test");
            let (status, problem) = json_of(asked.send().await.unwrap()).await;
            assert_eq!((status.as_u16(), &problem["code"]), (404, &"module_not_found".into()), "{module}");
        }
    }
});

/// Where no module has an origin of its own, all of them are sandboxed, and their origin is `null`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sandboxed_module_calls_its_api() {
    let app = TestApp::start_with(Database::sqlite(), &[("EMBED_MODULE_HOST", "")]).await;
    let api = Api::publish(&app).await;
    app.allow(api.site, api.module, "example.test").await;
    let asked = app.ask("https://example.test", api.site, api.module);
    let (_, verdict) = json_of(asked.send().await.unwrap()).await;
    let token = verdict["token"].as_str().unwrap();
    let path = api.path("records/entries");
    let from_sandbox = |method| app.request(method, &path).header("Origin", "null");

    let preflight = from_sandbox(Method::OPTIONS).header("Access-Control-Request-Method", "POST");
    let preflight = preflight.send().await.unwrap();
    assert_eq!(preflight.status(), 200);
    assert_eq!(preflight.headers()["access-control-allow-origin"], "null");

    let made = with_json(from_sandbox(Method::POST).bearer_auth(token), &json!({ "text": "Hello" }));
    let made = made.send().await.unwrap();
    assert_eq!(made.status(), 201);
    assert_eq!(made.headers()["access-control-allow-origin"], "null");
    assert_eq!(made.headers()["vary"], "Origin");
    assert!(
        !made.headers().contains_key("access-control-allow-credentials"),
        "every sandbox has this origin: none is trusted with credentials"
    );
    // Nor does the origin alone open anything, because any page can put itself into a sandbox.
    assert_eq!(from_sandbox(Method::GET).send().await.unwrap().status(), 401);
    assert_eq!(from_sandbox(Method::GET).bearer_auth(token).send().await.unwrap().status(), 403);
}
