//! `If-Match`: a change that is meant for one version of one record touches no other.

use crate::records::{Api, refusal, tag};
use crate::story;
use reqwest::Method;
use serde_json::json;

story!(a_condition_on_another_version_fails_and_changes_nothing, |app| {
    let api = Api::publish(&app).await;
    let record = api.create("entries", &json!({ "text": "One" })).await;
    let one = format!("records/entries/{}", record["id"].as_str().unwrap());
    let changed = api.send(Method::PUT, &one, &json!({ "text": "Two" })).header("If-Match", tag(&record, 1));
    assert_eq!(changed.send().await.unwrap().status(), 200);
    let before = api.everything().await;
    let (old, weak) = (tag(&record, 1), format!("W/{}", tag(&record, 1)));
    let several = format!("{}, {old}", tag(&record, 3));
    for tags in [&old, &weak, &several, "\"2\""] {
        for method in [Method::PUT, Method::PATCH, Method::DELETE] {
            let asked = api.send(method.clone(), &one, &json!({ "text": "Three" })).header("If-Match", tags);
            let (status, code, _) = refusal(asked).await;
            assert_eq!((status, code.as_str()), (412, "precondition_failed"), "{method} {tags}");
        }
    }
    let (status, code, _) = refusal(api.ask(Method::DELETE, &one).header("If-Match", "2")).await;
    assert_eq!((status, code.as_str()), (400, "invalid_header"));
    assert_eq!(api.everything().await, before);
    let patch = api.send(Method::PATCH, &one, &json!({ "text": "Three" })).header("If-Match", "*");
    assert_eq!(patch.send().await.unwrap().status(), 200);
    let tags = format!("{}, {}", tag(&record, 2), tag(&record, 3));
    let removal = api.ask(Method::DELETE, &one).header("If-Match", tags);
    assert_eq!(removal.send().await.unwrap().status(), 204);
});

story!(a_tag_of_another_record_is_412_and_nothing_is_changed, |app| {
    let api = Api::publish(&app).await;
    let record = api.create("entries", &json!({ "text": "Mine" })).await;
    let other = api.create("entries", &json!({ "text": "Another's" })).await;
    let one = format!("records/entries/{}", record["id"].as_str().unwrap());
    let others = api.ask(Method::GET, &format!("records/entries/{}", other["id"].as_str().unwrap()));
    let others = others.send().await.unwrap().headers()["etag"].clone();
    let before = api.everything().await;
    for method in [Method::PUT, Method::PATCH, Method::DELETE] {
        let asked = api.send(method.clone(), &one, &json!({ "text": "Lost" })).header("If-Match", &others);
        let (status, code, _) = refusal(asked).await;
        assert_eq!((status, code.as_str()), (412, "precondition_failed"), "{method}");
    }
    let read = api.ask(Method::GET, &one).header("If-None-Match", &others).send().await.unwrap();
    assert_eq!(read.status(), 200, "nor has a reader of the other record read this one");
    assert_eq!(api.everything().await, before);
});
