//! Scopes of API tokens: what each allows, in every collection or in one.

use crate::app::json_of;
use crate::people::HOME;
use crate::records::{Api, refusal, with_json};
use crate::story;
use embed_base::db::execute;
use embed_base::events::activity::Actor;
use embed_core::accounts::Role;
use embed_core::modules::Modules;
use reqwest::Method;
use serde_json::{Value, json};

impl Api<'_> {
    /// The status of a call with another token, and what is said where it is refused.
    async fn outcome(&self, token: &str, method: Method, rest: &str) -> (u16, String) {
        let asked = self.app.request(method.clone(), &self.path(rest)).bearer_auth(token);
        let asked = if method == Method::POST { with_json(asked, &json!({ "text": "x" })) } else { asked };
        let response = asked.send().await.unwrap();
        let status = response.status().as_u16();
        let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default();
        (status, body["detail"].as_str().unwrap_or_default().to_owned())
    }
}

fn needs(word: &str, verb: &str, collection: &str, has: &str) -> (u16, String) {
    let sentence = format!(
        "To {word} records of {collection}, a token needs the scope `{verb}` or `{verb}:{collection}`; this one has {has}."
    );
    (403, sentence)
}

fn done(status: u16) -> (u16, String) {
    (status, String::new())
}

story!(a_scope_of_one_collection_allows_nothing_in_another, |app| {
    let api = Api::publish(&app).await;
    let record = api.create("entries", &json!({ "text": "There" })).await;
    let entry = format!("records/entries/{}", record["id"].as_str().unwrap());
    api.create("things", &json!({})).await;
    let (entries, things) = ("records/entries", "records/things");

    let reader = app.token(api.site, api.module, json!({ "scopes": ["read:entries"] })).await;
    assert_eq!(api.outcome(&reader, Method::GET, entries).await, done(200));
    assert_eq!(api.outcome(&reader, Method::GET, &entry).await, done(200));
    let has = "read:entries";
    assert_eq!(api.outcome(&reader, Method::GET, things).await, needs("read", "read", "things", has));
    assert_eq!(api.outcome(&reader, Method::POST, entries).await, needs("create", "write", "entries", has));

    let query = json!({ "query": "{
        entries: records(collection: \"entries\") { nodes { data } }
        things: records(collection: \"things\") { nodes { data } }
    }" });
    let asked = with_json(app.request(Method::POST, &api.path("graphql")).bearer_auth(&reader), &query);
    let (_, answer) = json_of(asked.send().await.unwrap()).await;
    let entries_only = json!({ "entries": { "nodes": [{ "data": { "text": "There" } }] }, "things": null });
    assert_eq!(answer["data"], entries_only);
    let error = &answer["errors"][0];
    assert_eq!(
        (&error["path"], &error["extensions"]["code"], &error["message"]),
        (&json!(["things"]), &json!("forbidden"), &json!(needs("read", "read", "things", has).1))
    );

    let writer = app.token(api.site, api.module, json!({ "scopes": ["write:entries", "read:things"] })).await;
    let has = "read:things, write:entries";
    assert_eq!(api.outcome(&writer, Method::POST, entries).await, done(201));
    assert_eq!(api.outcome(&writer, Method::GET, things).await, done(200));
    assert_eq!(api.outcome(&writer, Method::POST, things).await, needs("create", "write", "things", has));
    assert_eq!(api.outcome(&writer, Method::GET, entries).await, needs("read", "read", "entries", has));
    assert_eq!(api.outcome(&writer, Method::DELETE, &entry).await, needs("delete", "delete", "entries", has));

    let remover = app.token(api.site, api.module, json!({ "scopes": ["delete:entries"] })).await;
    assert_eq!(api.outcome(&remover, Method::DELETE, &entry).await, done(204));
});

story!(a_scope_that_a_token_cannot_have_is_refused_with_a_reason, |app| {
    let api = Api::publish(&app).await;
    let admin = app.operator(HOME, Role::Admin).await;
    let tokens = format!("/api/v1/sites/{}/tokens", api.site);
    let new = |scopes: &Value| {
        let new = json!({ "moduleId": api.module, "name": "x", "scopes": scopes });
        with_json(app.request(Method::POST, &tokens).bearer_auth(&admin), &new)
    };
    let many: Vec<_> = (0..51).map(|number| format!("read:c{number}")).collect();
    for (scopes, sentence) in [
        (json!(["admin"]), "`scopes[0]`: `admin` is not a scope; expected read, write or delete"),
        (json!(["read", "read:Entries"]), "`scopes[1]`: `read:Entries` is not a scope"),
        (json!(["read:"]), "`read:` is not a scope"),
        (json!(["read", "profile"]), "`scopes` lists `profile`"),
        (json!(many), "`scopes` has 51 scopes; expected at most 50."),
        (
            json!(["write:things", "read:entry"]),
            "Feedback has no collection `entry`; its module.json declares entries, things.",
        ),
    ] {
        let (status, code, problem) = refusal(new(&scopes)).await;
        assert_eq!((status, code.as_str()), (400, "invalid_request"), "{scopes}");
        assert!(problem["detail"].as_str().unwrap().contains(sentence), "{problem}");
    }
    // A scope that is listed twice counts once.
    let (status, made) = json_of(new(&json!(["read:things", "read", "read"])).send().await.unwrap()).await;
    assert_eq!((status.as_u16(), &made["scopes"]), (201, &json!(["read", "read:things"])));

    // Nobody knows which collections the next version will have.
    let modules = Modules::new(&app.context).unwrap();
    modules.unpublish(&Actor::CommandLine, api.site, api.module).await.unwrap();
    assert_eq!(new(&json!(["read:later"])).send().await.unwrap().status(), 201);
});

story!(scopes_of_one_collection_are_given_on_the_command_line, |app| {
    let api = Api::publish(&app).await;
    let (site, module) = (api.site.to_string(), api.module.to_string());
    let at = ["--site", &site, "--module", &module];
    let create = |scopes| [&["token", "create", "x", "--scopes", scopes], &at[..]].concat();
    let made = app.command_json(&create("write,read:entries"));
    assert_eq!(made["scopes"], json!(["write", "read:entries"]));
    let list = app.command(&[&["token", "list"], &at[..]].concat()).stdout;
    assert!(String::from_utf8(list).unwrap().contains("  write,read:entries  x"));
    for (scopes, sentence) in [
        ("read:entry", "Feedback has no collection `entry`; its module.json declares entries, things."),
        ("read entries", "`read entries` is not a scope"),
        ("profile", "`--scopes` lists `profile`"),
    ] {
        let output = app.command(&create(scopes));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(sentence), "{said}");
    }
});

story!(scopes_that_earlier_versions_stored_count_as_before, |app| {
    let api = Api::publish(&app).await;
    let token = app.token(api.site, api.module, json!({ "scopes": ["delete"] })).await;
    let mut tx = app.context.db.begin_global().await.unwrap();
    let text = "UPDATE module_external_tokens SET scopes = '[\"read\",\"write\"]' WHERE token_prefix = $1";
    let prefix = &token["dram_live_".len()..][..8];
    assert_eq!(execute!(&mut tx, sqlx::query(text).bind(prefix)).unwrap(), 1);
    tx.commit().await.unwrap();
    for collection in ["records/entries", "records/things"] {
        assert_eq!(api.outcome(&token, Method::POST, collection).await, done(201));
        assert_eq!(api.outcome(&token, Method::GET, collection).await, done(200));
    }
});
