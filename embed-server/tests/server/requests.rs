//! What every request passes through.

use crate::app::json_of;
use crate::people::HOME;
use crate::records::Api;
use crate::story;
use embed_core::accounts::Role;
use reqwest::Method;
use serde_json::json;

story!(every_answer_carries_the_requests_id, |app| {
    let given = app.get("/healthz").header("X-Request-Id", "abc-123").send().await.unwrap();
    assert_eq!(given.headers()["x-request-id"], "abc-123");
    assert_eq!(given.headers()["x-content-type-options"], "nosniff");
    for harmful in ["a b", "", &"x".repeat(65)] {
        let made = app.get("/healthz").header("X-Request-Id", harmful).send().await.unwrap();
        assert_ne!(made.headers()["x-request-id"], harmful);
    }
});

story!(responses_to_a_caller_are_not_kept_by_proxies, |app| {
    let api = Api::publish(&app).await;
    api.create("things", &json!({ "a": 1 })).await;
    let member = app.operator(HOME, Role::Member).await;
    let (modules, tokens) =
        (format!("/api/v1/sites/{}/modules", api.site), format!("/api/v1/sites/{}/tokens", api.site));
    for asked in [
        api.ask(Method::GET, "records/things"),
        app.get("/api/v1/sites").bearer_auth(&member),
        app.get(&modules).bearer_auth(&member),
        app.get(&tokens).bearer_auth(&member),
    ] {
        let answer = asked.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["cache-control"], "private, no-cache", "{}", answer.url());
    }
});

story!(what_is_not_there_is_a_problem_document, |app| {
    let (status, problem) =
        json_of(app.get("/nowhere").header("X-Request-Id", "abc").send().await.unwrap()).await;
    assert_eq!(status, 404);
    assert_eq!(problem["code"], "not_found");
    assert_eq!(problem["requestId"], "abc");
    let response = app.request(Method::DELETE, "/healthz").send().await.unwrap();
    assert_eq!(response.headers()["allow"], "GET,HEAD");
    let (status, problem) = json_of(response).await;
    assert_eq!((status.as_u16(), problem["code"].as_str().unwrap()), (405, "method_not_allowed"));
});

story!(a_modules_origin_shows_that_module_and_nothing_else, |app| {
    let site = app.site().await;
    let module = app.module(site, "feedback").await;
    let other = app.module(site, "chat").await;
    let own = format!("{module}.modules.test");
    let at = async |host: &str, path: String| {
        app.request_at(host, Method::GET, &path).send().await.unwrap().status().as_u16()
    };
    assert_eq!(at(&own, format!("/embed/{module}/~/")).await, 200);
    assert_eq!(at(&own, "/v1/module.js".to_owned()).await, 200);
    assert_eq!(at(&own, format!("/embed/{other}/~/")).await, 404);
    assert_eq!(at(&own, "/healthz".to_owned()).await, 404);
    assert_eq!(at(&own, "/api/embed/verify".to_owned()).await, 404);
    assert_eq!(at("embed.test", format!("/embed/{module}/~/")).await, 404);
    assert_eq!(at("embed.test", "/v1/embed.js".to_owned()).await, 200);
});
