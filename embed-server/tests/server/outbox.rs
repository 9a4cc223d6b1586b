//! What is recorded of changes: events for programs, entries for people, each of a kind that is on a list.

use crate::app::TestApp;
use crate::story;
use embed_base::Code;
use embed_base::db::{Tx, on};
use embed_base::events::activity::Actor;
use embed_core::{accounts, domains, embed, modules, oauth, records, sites, tokens};
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeSet;

async fn words(app: &TestApp, text: &'static str) -> BTreeSet<String> {
    let mut tx: Tx = app.context.db.read_global().await.unwrap();
    let words: Vec<String> = on!(&mut tx, |conn| sqlx::query_scalar(text).fetch_all(conn).await).unwrap();
    words.into_iter().collect()
}

story!(every_kind_that_is_recorded_is_on_its_capabilitys_list, |app| {
    let site = app.site().await;
    let manifest = json!({ "name": "form", "version": "1.0.0", "collections": { "things": {} } });
    let module = app.publish(site, &manifest).await;
    let domain = app.allow(site, module, "example.test").await;
    let token = app.token(site, module, json!({ "scopes": ["write"] })).await;
    let path = format!("/api/v1/modules/{module}/records/things");
    let call = app.request(Method::POST, &path).bearer_auth(token).json(&json!({ "a": 1 }));
    assert_eq!(call.send().await.unwrap().status(), 201);
    app.domains().remove(&Actor::CommandLine, site, domain.id).await.unwrap();

    let events = words(&app, "SELECT DISTINCT type FROM events").await;
    let known: BTreeSet<String> = [
        &domains::EVENTS[..],
        &embed::EVENTS,
        &modules::EVENTS,
        &oauth::EVENTS,
        &records::EVENTS,
        &tokens::EVENTS,
    ]
    .concat()
    .into_iter()
    .map(str::to_owned)
    .collect();
    assert!(events.len() >= 7 && events.is_subset(&known), "{events:?}");

    let actions = words(&app, "SELECT DISTINCT action FROM activity").await;
    let lists = [
        &accounts::ACTIONS[..],
        &domains::ACTIONS,
        &modules::ACTIONS,
        &oauth::ACTIONS,
        &sites::ACTIONS,
        &tokens::ACTIONS,
    ];
    let known: BTreeSet<String> = lists.concat().iter().map(|action| action.0.to_owned()).collect();
    assert!(actions.len() >= 6 && actions.is_subset(&known), "{actions:?}");
});

story!(a_change_that_fails_leaves_neither_event_nor_entry, |app| {
    let site = app.site().await;
    let module = app.module(site, "form").await;
    app.add(site, module, "example.test").await;
    let count = async |text: &'static str| -> i64 {
        let mut tx = app.context.db.read_global().await.unwrap();
        on!(&mut tx, |conn| sqlx::query_scalar(text).fetch_one(conn).await).unwrap()
    };
    let counts =
        async || (count("SELECT COUNT(*) FROM events").await, count("SELECT COUNT(*) FROM activity").await);
    let before = counts().await;
    let pattern = app.domains().pattern("example.test").unwrap();
    let again = domains::NewDomain {
        pattern,
        allow_embed: true,
        allow_api: true,
        embed_types: Vec::new(),
        rate_limit: 1000,
        ancestors: Vec::new(),
    };
    let error = app.domains().add(&Actor::CommandLine, site, module, again).await.unwrap_err();
    assert_eq!((error.code(), counts().await), (Code::DomainExists, before));
});
