//! What one tenant changes is read anew, by every server, and nothing else is.

use crate::app::TestApp;
use crate::story;
use embed_base::events::activity::Actor;
use embed_core::sites::Sites;
use embed_testing::until;
use serde_json::json;
use std::time::Duration;

const TWO_SECONDS: Duration = Duration::from_secs(2);

/// How often a cache did not know.
async fn misses(app: &TestApp, cache: &str) -> u64 {
    let metrics = app.get("/metrics").send().await.unwrap().text().await.unwrap();
    let name = format!("embed_cache_looks_total{{cache=\"{cache}\",result=\"miss\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&name)).map_or(0, |count| count.parse().unwrap())
}

story!(a_change_of_one_tenant_leaves_the_entries_of_another_in_place, |app| {
    let (ours, theirs) = (app.site().await, app.site().await);
    let (our_module, their_module) = (app.module(ours, "form").await, app.module(theirs, "form").await);
    app.allow(ours, our_module, "example.test").await;
    app.allow(theirs, their_module, "example.test").await;
    let token = app.token(theirs, their_module, json!({ "scopes": ["read"] })).await;
    let call = async || {
        let path = format!("/api/v1/modules/{their_module}/records/things");
        app.get(&path).bearer_auth(&token).send().await.unwrap().status()
    };
    let theirs_asks = async || app.verdict("https://example.test", theirs, their_module).await;
    assert_eq!((theirs_asks().await.as_str(), call().await.as_u16()), ("allowed", 404));
    assert_eq!(app.verdict("https://example.test", ours, our_module).await, "allowed");
    let before =
        (misses(&app, "allowlist").await, misses(&app, "modules").await, misses(&app, "tokens").await);

    let domain = app.domains().find(ours, our_module, &app.domains().pattern("example.test").unwrap()).await;
    app.domains().remove(&Actor::CommandLine, ours, domain.unwrap().id).await.unwrap();
    app.token(ours, our_module, json!({ "scopes": ["read"] })).await;
    app.publish(ours, &json!({ "name": "form", "version": "2.0.0" })).await;

    assert_eq!((theirs_asks().await.as_str(), call().await.as_u16()), ("allowed", 404));
    let after =
        (misses(&app, "allowlist").await, misses(&app, "modules").await, misses(&app, "tokens").await);
    assert_eq!(after, before, "another tenant's change was no reason to read anything anew");

    assert_eq!(app.verdict("https://example.test", ours, our_module).await, "origin_not_allowed");
    assert!(misses(&app, "allowlist").await > before.0, "our own change was one");
});

story!(what_was_absent_is_seen_once_it_is_there, |app| {
    let site = app.site().await;
    let module = app.module(site, "form").await;
    assert_eq!(app.verdict("https://example.test", site, module).await, "origin_not_allowed");
    app.add(site, module, "example.test").await;
    assert_eq!(app.verdict("https://example.test", site, module).await, "domain_not_verified");
    Sites::new(&app.context).delete(&Actor::CommandLine, site).await.unwrap();
    let gone = async || app.verdict("https://example.test", site, module).await == "site_not_found";
    until("the site to be gone", TWO_SECONDS, gone).await;
});

story!(two_servers_on_one_database_see_each_others_changes, |app| {
    let site = app.site().await;
    let module = app.module(site, "form").await;
    let other = app.second_server().await;
    let domain = app.allow(site, module, "example.test").await;
    let verdict = async || {
        let answer = app.ask_at(other.address(), "https://example.test", site, module).send().await.unwrap();
        answer.status().as_u16()
    };
    until("the other server to see the domain", TWO_SECONDS, async || verdict().await == 200).await;
    app.domains().remove(&Actor::CommandLine, site, domain.id).await.unwrap();
    until("the other server to see that it is gone", TWO_SECONDS, async || verdict().await == 403).await;
    other.stop().await;
});
