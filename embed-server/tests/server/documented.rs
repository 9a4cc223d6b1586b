//! The OpenAPI document of a module's API, compared with what the gateway does.

use crate::app::json_of;
use crate::story;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The document as it is committed, so that a change of the API shows in review.
const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");

story!(the_committed_document_is_the_one_that_is_served, |app| {
    let (_, document) = json_of(app.get("/api/openapi.json").send().await.unwrap()).await;
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(COMMITTED, format!("{:#}\n", in_order(&document))).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(COMMITTED).unwrap();
    let served = format!("{:#}\n", in_order(&document));
    let difference =
        committed.lines().zip(served.lines()).position(|(committed, served)| committed != served);
    assert!(
        committed == served,
        "docs/openapi.json differs from what the server serves, first at line {}; \
         `UPDATE_SNAPSHOTS=1 cargo test --workspace --test server documented` writes it again",
        difference.unwrap_or_else(|| committed.lines().count().min(served.lines().count())) + 1,
    );
});

/// The same value with members and parameters by name: their order depends on the features of `serde_json` that other
/// crates of a build switch on.
fn in_order(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let sorted: BTreeMap<_, _> = members.iter().collect();
            sorted.into_iter().map(|(name, member)| (name.clone(), in_order(member))).collect()
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(in_order).collect();
            if items.iter().all(|item| item["in"].is_string()) {
                items.sort_by_key(|parameter| parameter["name"].to_string());
            }
            Value::Array(items)
        }
        other => other.clone(),
    }
}

story!(the_document_lists_the_credentials_and_refusals_of_the_gateway, |app| {
    let (_, document) = json_of(app.get("/api/openapi.json").send().await.unwrap()).await;
    let mut operations = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        if !path.starts_with("/api/v1/modules/") {
            continue;
        }
        for (method, about) in item.as_object().unwrap() {
            operations += 1;
            let known = ["personalToken", "apiToken", "apiKey", "embedToken"];
            assert_eq!(about["security"], json!(known.map(|name| json!({ name: [] }))), "{method} {path}");
            let refused = &about["responses"]["403"]["content"]["application/problem+json"]["schema"];
            let codes = refused["allOf"][1]["properties"]["code"]["enum"].as_array().unwrap();
            for code in ["origin_not_allowed", "ip_not_allowed", "forbidden"] {
                assert!(codes.contains(&Value::from(code)), "{method} {path} says nothing of {code}");
            }
        }
    }
    assert_eq!(operations, 7, "six of records, and GraphQL");
});
