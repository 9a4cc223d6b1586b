//! What the OpenAPI document says of a module's API, held against what the door does.

use crate::app::json_of;
use crate::story;
use serde_json::{Value, json};

story!(the_document_says_whom_the_door_knows_and_whom_it_refuses, |app| {
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
