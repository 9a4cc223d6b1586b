//! Records over REST: what is kept, what is refused, and that what is refused changes nothing.

use crate::app::{TestApp, json_of};
use crate::story;
use embed_core::records::Records;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use uuid::Uuid;

/// A module with collections, and a token that may everything.
pub struct Api<'a> {
    pub app: &'a TestApp,
    pub site: Uuid,
    pub module: Uuid,
    pub token: String,
}

impl<'a> Api<'a> {
    /// `entries` has a schema, `things` takes everything.
    pub async fn publish(app: &'a TestApp) -> Self {
        let entries = json!({
            "type": "object", "required": ["text"], "additionalProperties": false,
            "properties": {
                "text": { "type": "string", "maxLength": 100 },
                "rating": { "type": "integer", "minimum": 1, "maximum": 5 },
                "author": { "type": "object", "properties": { "mail": { "type": "string", "format": "email" } } },
            },
        });
        let site = app.site().await;
        let collections = json!({ "entries": { "schema": entries, "visitors": ["create"] }, "things": {} });
        let manifest = json!({ "name": "Feedback", "version": "1.0.0", "collections": collections });
        let module = app.publish(site, &manifest).await;
        let token = app
            .token(site, module, json!({ "scopes": ["read", "write", "delete"], "rateLimit": 100_000 }))
            .await;
        Self { app, site, module, token }
    }

    pub fn path(&self, rest: &str) -> String {
        format!("/api/v1/modules/{}/{rest}", self.module)
    }

    pub fn ask(&self, method: Method, rest: &str) -> RequestBuilder {
        self.app.request(method, &self.path(rest)).bearer_auth(&self.token)
    }

    pub fn send(&self, method: Method, rest: &str, body: &Value) -> RequestBuilder {
        with_json(self.ask(method, rest), body)
    }

    /// Makes a record, which must succeed.
    pub async fn create(&self, collection: &str, data: &Value) -> Value {
        let sent = self.send(Method::POST, &format!("records/{collection}"), data).send().await.unwrap();
        let (status, record) = json_of(sent).await;
        assert_eq!(status, 201, "{record}");
        record
    }

    /// A page of a list, which must succeed.
    pub async fn list(&self, rest: &str) -> Value {
        let (status, page) = json_of(self.ask(Method::GET, rest).send().await.unwrap()).await;
        assert_eq!(status, 200, "{rest}: {page}");
        page
    }

    /// All records that there are, and all that has happened to any.
    pub async fn everything(&self) -> (Value, Value, Vec<String>) {
        let entries = self.list("records/entries?sort=id&limit=200").await;
        let things = self.list("records/things?sort=id&limit=200").await;
        let mut happened = self.app.events(self.site).await;
        happened.retain(|event| event.starts_with("record."));
        (entries, things, happened)
    }
}

/// The request with a body of JSON.
pub fn with_json(request: RequestBuilder, body: &Value) -> RequestBuilder {
    request.header("Content-Type", "application/json").body(body.to_string())
}

/// Status and code of a refusal.
pub async fn refusal(request: RequestBuilder) -> (u16, String, Value) {
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/problem+json", "{:?}", response.status());
    let (status, problem) = json_of(response).await;
    assert_eq!(problem["status"], status.as_u16());
    (status.as_u16(), problem["code"].as_str().unwrap().to_owned(), problem)
}

pub fn etag(response: &Response) -> String {
    response.headers()["etag"].to_str().unwrap().to_owned()
}

/// The tag that a record has at a version.
pub fn tag(record: &Value, version: i64) -> String {
    let id = record["id"].as_str().unwrap();
    format!("\"{version}-{}\"", &id[id.len() - 12..])
}

story!(a_record_is_made_read_changed_and_removed, |app| {
    let api = Api::publish(&app).await;
    let sent = api.send(Method::POST, "records/entries", &json!({ "text": "Nice", "rating": 4 }));
    let made = sent.send().await.unwrap();
    let location = made.headers()["location"].to_str().unwrap().to_owned();
    let (status, first) = (made.status().as_u16(), etag(&made));
    let (_, record) = json_of(made).await;
    let id = record["id"].as_str().unwrap();
    assert_eq!((status, &first), (201, &tag(&record, 1)));
    assert_eq!(location, api.path(&format!("records/entries/{id}")));
    assert_eq!(
        record,
        json!({
            "id": id, "collection": "entries", "data": { "text": "Nice", "rating": 4 }, "version": 1,
            "createdAt": "2027-01-15T08:00:00Z", "updatedAt": "2027-01-15T08:00:00Z",
        })
    );

    let one = format!("records/entries/{id}");
    let (status, read) = json_of(api.ask(Method::GET, &one).send().await.unwrap()).await;
    assert_eq!((status.as_u16(), &read), (200, &record));
    for (tags, status) in [
        (first.clone(), 304),
        (format!("W/{first}"), 304),
        (format!("\"7\", {first}"), 304),
        ("*".to_owned(), 304),
        (tag(&record, 2), 200),
        ("\"1\"".to_owned(), 200),
    ] {
        let read = api.ask(Method::GET, &one).header("If-None-Match", &tags).send().await.unwrap();
        assert_eq!((read.status().as_u16(), etag(&read)), (status, first.clone()), "{tags}");
    }

    app.context.clock.advance(chrono::TimeDelta::minutes(1));
    let patched = api.send(Method::PATCH, &one, &json!({ "rating": null, "author": { "mail": "a@b.test" } }));
    let patched = patched.send().await.unwrap();
    assert_eq!((patched.status().as_u16(), etag(&patched)), (200, tag(&record, 2)));
    let (_, patched) = json_of(patched).await;
    assert_eq!(patched["data"], json!({ "text": "Nice", "author": { "mail": "a@b.test" } }));
    assert_eq!(
        (&patched["createdAt"], &patched["updatedAt"]),
        (&record["createdAt"], &json!("2027-01-15T08:01:00Z"))
    );

    let merge_patch = api
        .ask(Method::PATCH, &one)
        .header("Content-Type", "application/merge-patch+json; charset=utf-8")
        .body(r#"{"rating": 5}"#);
    assert_eq!(merge_patch.send().await.unwrap().status(), 200);
    let (_, replaced) =
        json_of(api.send(Method::PUT, &one, &json!({ "text": "Other" })).send().await.unwrap()).await;
    assert_eq!((&replaced["data"], &replaced["version"]), (&json!({ "text": "Other" }), &json!(4)));

    let removed = api.ask(Method::DELETE, &one).send().await.unwrap();
    assert_eq!(removed.status(), 204);
    assert_eq!(removed.text().await.unwrap(), "");
    for method in [Method::GET, Method::DELETE] {
        let (status, code, _) = refusal(api.ask(method, &one)).await;
        assert_eq!((status, code.as_str()), (404, "record_not_found"));
    }
    let happened = app.events(api.site).await;
    let happened: Vec<_> = happened.iter().filter(|event| event.starts_with("record.")).collect();
    assert_eq!(
        happened,
        ["record.created", "record.updated", "record.updated", "record.updated", "record.deleted"]
    );
});

story!(an_event_tells_of_the_record_and_a_removal_of_what_it_was, |app| {
    let api = Api::publish(&app).await;
    let record = api.create("things", &json!({ "a": 1 })).await;
    let one = format!("records/things/{}", record["id"].as_str().unwrap());
    let (_, changed) = json_of(api.send(Method::PUT, &one, &json!({ "a": 2 })).send().await.unwrap()).await;
    api.ask(Method::DELETE, &one).send().await.unwrap();
    let text = "SELECT data FROM events WHERE site_id = $1 AND type LIKE 'record.%' ORDER BY id";
    let told: Vec<sqlx::types::Json<Value>> = match app.context.db.read(api.site).await.unwrap() {
        embed_base::db::Tx::Sqlite(mut tx) => {
            sqlx::query_scalar(text).bind(api.site).fetch_all(&mut *tx).await.unwrap()
        }
        embed_base::db::Tx::Postgres(mut tx) => {
            sqlx::query_scalar(text).bind(api.site).fetch_all(&mut *tx).await.unwrap()
        }
    };
    let told: Vec<_> = told.into_iter().map(|told| told.0).collect();
    assert_eq!(
        told,
        [json!({ "record": record }), json!({ "record": changed }), json!({ "record": changed })]
    );
});

story!(of_many_changes_of_a_record_at_once_none_is_lost, |app| {
    let api = Api::publish(&app).await;
    let record = api.create("things", &json!({})).await;
    let one = format!("records/things/{}", record["id"].as_str().unwrap());
    let changes = (0..12).map(|number| {
        let request = api.send(Method::PATCH, &one, &json!({ format!("field{number}"): number }));
        async move { request.send().await.unwrap().status().as_u16() }
    });
    assert_eq!(futures_util::future::join_all(changes).await, [200; 12]);
    let (_, after) = json_of(api.ask(Method::GET, &one).send().await.unwrap()).await;
    assert_eq!(after["version"], 13);
    assert_eq!(after["data"].as_object().unwrap().len(), 12, "{after}");

    let changes = (0..6).map(|number| {
        let request =
            api.send(Method::PUT, &one, &json!({ "winner": number })).header("If-Match", tag(&record, 13));
        async move { request.send().await.unwrap().status().as_u16() }
    });
    let mut answers = futures_util::future::join_all(changes).await;
    answers.sort_unstable();
    assert_eq!(answers, [200, 412, 412, 412, 412, 412]);
});

story!(the_same_request_under_the_same_key_creates_one_record, |app| {
    let api = Api::publish(&app).await;
    let data = json!({ "text": "Once" });
    let post = |key: &str, data: &Value| {
        api.send(Method::POST, "records/entries", data).header("Idempotency-Key", key)
    };
    let first = post("key-1", &data).send().await.unwrap();
    assert!(!first.headers().contains_key("idempotency-replayed"));
    let (_, first) = json_of(first).await;
    // The record may change meanwhile; the answer is the first one.
    let one = format!("records/entries/{}", first["id"].as_str().unwrap());
    api.send(Method::PUT, &one, &json!({ "text": "Changed" })).send().await.unwrap();

    app.context.clock.advance(chrono::TimeDelta::hours(23));
    let again = post("key-1", &data).send().await.unwrap();
    assert_eq!((again.status().as_u16(), etag(&again)), (201, tag(&first, 1)));
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(json_of(again).await.1, first);

    let before = api.everything().await;
    let (status, code, _) = refusal(post("key-1", &json!({ "text": "Other" }))).await;
    assert_eq!((status, code.as_str()), (422, "idempotency_key_reused"));
    let elsewhere = api.send(Method::POST, "records/things", &data).header("Idempotency-Key", "key-1");
    assert_eq!(refusal(elsewhere).await.1, "idempotency_key_reused");
    for key in ["", " ", "a b", "ü", &"x".repeat(256)] {
        let (status, code, _) = refusal(post(key, &data)).await;
        assert_eq!((status, code.as_str()), (400, "invalid_header"), "{key:?}");
    }
    assert_eq!(api.everything().await, before);

    let token = app.token(api.site, api.module, json!({ "scopes": ["write"] })).await;
    let other = app.request(Method::POST, &api.path("records/entries")).bearer_auth(&token);
    let other = with_json(other, &data);
    let other = other.header("Idempotency-Key", "key-1").send().await.unwrap();
    assert_ne!(json_of(other).await.1["id"], first["id"], "a key is its caller's own");

    app.context.clock.advance(chrono::TimeDelta::hours(2));
    let late = post("key-1", &json!({ "text": "Other" })).send().await.unwrap();
    assert_eq!(late.status(), 201, "after 24 hours the key is free, whether or not it was tidied up");
    assert_ne!(json_of(late).await.1["id"], first["id"]);
    app.context.clock.advance(chrono::TimeDelta::hours(25));
    let records = Records::new(&app.context);
    assert_eq!(records.prune().await.unwrap(), 2);
    assert_eq!(records.prune().await.unwrap(), 0);
});

story!(the_same_request_many_times_at_once_creates_one_record, |app| {
    let api = Api::publish(&app).await;
    let requests = (0..10).map(|_| {
        let request = api.send(Method::POST, "records/things", &json!({ "a": 1 }));
        let request = request.header("Idempotency-Key", "at-once");
        async move { json_of(request.send().await.unwrap()).await }
    });
    let answers = futures_util::future::join_all(requests).await;
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(answers[0].0, 201);
    assert_eq!(api.list("records/things").await["data"], json!([answers[0].1]));
    let created = app.events(api.site).await;
    assert_eq!(created.iter().filter(|event| *event == "record.created").count(), 1);
});

story!(what_does_not_fit_is_refused_with_every_field, |app| {
    let api = Api::publish(&app).await;
    let record = api.create("entries", &json!({ "text": "Fits" })).await;
    let one = format!("records/entries/{}", record["id"].as_str().unwrap());
    let before = api.everything().await;
    let misfit = json!({ "rating": 9, "author": { "mail": "nobody" }, "more": 1 });
    let (status, code, problem) = refusal(api.send(Method::POST, "records/entries", &misfit)).await;
    assert_eq!((status, code.as_str()), (422, "invalid_record"));
    let fields = |problem: &Value| -> Vec<String> {
        let errors = problem["errors"].as_array().unwrap();
        errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(fields(&problem), ["/author/mail", "/more", "/rating", "/text"]);
    assert_eq!(problem["errors"][3]["detail"], "This field is required.");

    let (status, _, problem) = refusal(api.send(Method::PUT, &one, &misfit)).await;
    assert_eq!((status, fields(&problem).len()), (422, 4));
    let (status, _, problem) = refusal(api.send(Method::PATCH, &one, &json!({ "text": null }))).await;
    assert_eq!((status, fields(&problem)), (422, vec!["/text".to_owned()]));
    for no_object in [json!([]), json!("text"), json!(null), json!(7)] {
        for (method, path) in [(Method::POST, "records/things"), (Method::PATCH, &one)] {
            let (status, code, problem) = refusal(api.send(method, path, &no_object)).await;
            assert_eq!((status, code.as_str()), (422, "invalid_record"));
            assert_eq!(
                problem["errors"],
                json!([{ "field": "", "detail": "The data of a record is a JSON object." }])
            );
        }
    }
    assert_eq!(api.everything().await, before);
});

story!(a_number_counts_as_long_as_it_is_written_out, |app| {
    let api = Api::publish(&app).await;
    api.create("things", &json!({ "one": 1e308, "small": -2.5e-300, "whole": 10 })).await;
    let before = api.everything().await;
    // Twelve kilobytes as they are sent; PostgreSQL would keep and send six hundred, with 309 digits for each.
    let numbers = json!({ "many": vec![1e308; 2_000] });
    let (status, code, problem) = refusal(api.send(Method::POST, "records/things", &numbers)).await;
    assert_eq!((status, code.as_str()), (422, "invalid_record"));
    assert!(problem["detail"].as_str().unwrap().contains("more than 256 KiB"), "{problem}");
    assert_eq!(api.everything().await, before);
});

story!(a_body_that_is_not_strict_json_is_refused_and_changes_nothing, |app| {
    let api = Api::publish(&app).await;
    let record = api.create("things", &json!({ "a": 1 })).await;
    let one = format!("records/things/{}", record["id"].as_str().unwrap());
    let before = api.everything().await;
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(64), "]".repeat(64));
    let huge = format!("{{\"a\":\"{}\"}}", "x".repeat(256 * 1024));
    let bodies: [(&[u8], &str, u16, &str); 14] = [
        (b"", "application/json", 400, "invalid_json"),
        (b"{", "application/json", 400, "invalid_json"),
        (b"{\"a\": 1, \"a\": 2}", "application/json", 400, "invalid_json"),
        (b"{\"a\": \"\xff\"}", "application/json", 400, "invalid_json"),
        (b"{\"a\": \"\\ud800\"}", "application/json", 400, "invalid_json"),
        (b"{\"a\": \"\\u0000\"}", "application/json", 400, "invalid_json"),
        (b"{\"\\u0000\": 1}", "application/json", 400, "invalid_json"),
        (b"{\"a\": 1e999}", "application/json", 400, "invalid_json"),
        (b"{} {}", "application/json", 400, "invalid_json"),
        (deep.as_bytes(), "application/json", 400, "invalid_json"),
        (huge.as_bytes(), "application/json", 413, "body_too_large"),
        (b"{}", "text/plain", 415, "unsupported_media_type"),
        (b"{}", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b"{}", "application/json-patch+json", 415, "unsupported_media_type"),
    ];
    for (body, content_type, expected, expected_code) in bodies {
        for (method, path) in [(Method::POST, "records/things"), (Method::PUT, &one), (Method::PATCH, &one)] {
            let asked =
                api.ask(method.clone(), path).header("Content-Type", content_type).body(body.to_vec());
            let (status, code, problem) = refusal(asked).await;
            assert_eq!(
                (status, code.as_str()),
                (expected, expected_code),
                "{method} {:?}",
                String::from_utf8_lossy(&body[..body.len().min(40)])
            );
            assert!(problem["detail"].as_str().unwrap().len() > 20, "{problem}");
        }
    }
    let untyped = api.ask(Method::POST, "records/things").body("{}");
    assert_eq!(refusal(untyped).await.0, 415);
    let merge_patch =
        api.ask(Method::PUT, &one).header("Content-Type", "application/merge-patch+json").body("{}");
    assert_eq!(
        refusal(merge_patch).await.2["detail"],
        "The body must be sent as `Content-Type: application/json`."
    );
    assert_eq!(api.everything().await, before);

    let largest = format!("{{\"a\":\"{}\"}}", "x".repeat(256 * 1024 - 8));
    let sent =
        api.ask(Method::POST, "records/things").header("Content-Type", "application/json").body(largest);
    assert_eq!(sent.send().await.unwrap().status(), 201);
    // What grows by patches is held to the same size.
    let grow = json!({ "b": "x".repeat(200 * 1024) });
    assert_eq!(api.send(Method::PATCH, &one, &grow).send().await.unwrap().status(), 200);
    let (status, code, _) = refusal(api.send(Method::PATCH, &one, &json!({ "c": grow["b"] }))).await;
    assert_eq!((status, code.as_str()), (422, "invalid_record"));
});

story!(who_may_what_stands_in_the_manifest_and_in_the_scopes, |app| {
    let api = Api::publish(&app).await;
    let record = api.create("entries", &json!({ "text": "There" })).await;
    let one = format!("records/entries/{}", record["id"].as_str().unwrap());
    let before = api.everything().await;
    let operations = [
        (Method::GET, "records/entries", "read"),
        (Method::GET, &one, "read"),
        (Method::POST, "records/entries", "write"),
        (Method::PUT, &one, "write"),
        (Method::PATCH, &one, "write"),
        (Method::DELETE, &one, "delete"),
    ];
    for (method, path, needed) in &operations {
        // Nobody learns from the body what would have been wrong with it.
        let nobody = app.request(method.clone(), &api.path(path));
        let response = nobody.send().await.unwrap();
        let challenge = response.headers()["www-authenticate"].to_str().unwrap();
        assert!(challenge.starts_with("Bearer resource_metadata="), "{challenge}");
        let (status, problem) = json_of(response).await;
        assert_eq!(
            (status.as_u16(), problem["code"].as_str().unwrap()),
            (401, "unauthenticated"),
            "{method} {path}"
        );
        let others: Vec<_> =
            ["read", "write", "delete"].into_iter().filter(|scope| scope != needed).collect();
        let token = app.token(api.site, api.module, json!({ "scopes": others })).await;
        let asked = app.request(method.clone(), &api.path(path)).bearer_auth(&token);
        let (status, code, problem) = refusal(asked).await;
        assert_eq!((status, code.as_str()), (403, "forbidden"), "{method} {path}");
        assert!(problem["detail"].as_str().unwrap().contains(&format!("the scope `{needed}`")), "{problem}");
    }
    let other_module = app.module(api.site, "Chat").await;
    let foreign = app.token(api.site, other_module, json!({ "scopes": ["read"] })).await;
    let foreign = app.get(&api.path("records/entries")).bearer_auth(&foreign).send().await.unwrap();
    assert!(foreign.status().is_client_error());
    assert_eq!(api.everything().await, before);
});

story!(visitors_may_what_the_collection_grants_them, |app| {
    let api = Api::publish(&app).await;
    app.allow(api.site, api.module, "example.test").await;
    let (_, verdict) =
        json_of(app.ask("https://example.test", api.site, api.module).send().await.unwrap()).await;
    let token = verdict["token"].as_str().unwrap();
    let own = format!("https://{}.modules.test", api.module);
    let ask = |method: Method, path: &str| {
        app.request(method, &api.path(path)).bearer_auth(token).header("Origin", &own)
    };
    let made =
        with_json(ask(Method::POST, "records/entries"), &json!({ "text": "Hello" })).send().await.unwrap();
    assert_eq!(made.status(), 201);
    let (_, record) = json_of(made).await;
    let one = format!("records/entries/{}", record["id"].as_str().unwrap());
    for (method, path) in [
        (Method::GET, "records/entries"),
        (Method::GET, &one),
        (Method::PATCH, &one),
        (Method::DELETE, &one),
        (Method::POST, "records/things"),
    ] {
        let (status, code, problem) = refusal(with_json(ask(method.clone(), path), &json!({}))).await;
        assert_eq!((status, code.as_str()), (403, "forbidden"), "{method} {path}");
        assert!(problem["detail"].as_str().unwrap().contains("`collections."), "{problem}");
    }
    assert_eq!(api.list("records/things").await["data"], json!([]));
});

story!(what_is_not_there_is_404, |app| {
    let api = Api::publish(&app).await;
    let record = api.create("entries", &json!({ "text": "There" })).await;
    let id = record["id"].as_str().unwrap();
    for (path, expected) in [
        ("records/nothing", "collection_not_found"),
        ("records/Entries", "collection_not_found"),
        ("records/%00", "collection_not_found"),
        ("records/%F0%9F", "not_found"),
        ("records/entries/7", "record_not_found"),
        ("records/entries/0198c9f2-7a31-7cc1-9d5e-3f1f6f2f8a10", "record_not_found"),
        (&format!("records/things/{id}"), "record_not_found"),
        ("records", "not_found"),
        ("records/entries/1/2", "not_found"),
    ] {
        let (status, code, _) = refusal(api.ask(Method::GET, path)).await;
        assert_eq!((status, code.as_str()), (404, expected), "{path}");
    }
    let (status, code, _) = refusal(api.ask(Method::PATCH, "records/entries")).await;
    assert_eq!((status, code.as_str()), (405, "method_not_allowed"));
});

story!(records_keep_their_place_when_the_module_is_published_anew, |app| {
    let api = Api::publish(&app).await;
    let record = api.create("entries", &json!({ "text": "Old" })).await;
    let one = format!("records/entries/{}", record["id"].as_str().unwrap());
    let thing = api.create("things", &json!({ "a": 1 })).await;
    let stricter = json!({ "required": ["text", "rating"] });
    let manifest = json!({ "name": "Feedback", "version": "2.0.0", "collections": { "entries": { "schema": stricter } } });
    assert_eq!(app.publish(api.site, &manifest).await, api.module);

    let (_, read) = json_of(api.ask(Method::GET, &one).send().await.unwrap()).await;
    assert_eq!(read, record, "what is there stays as it is");
    let (status, _, problem) = refusal(api.send(Method::PATCH, &one, &json!({ "text": "New" }))).await;
    assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("/rating")));
    let things = format!("records/things/{}", thing["id"].as_str().unwrap());
    assert_eq!(refusal(api.ask(Method::GET, &things)).await.1, "collection_not_found");

    let manifest = json!({ "name": "Feedback", "version": "3.0.0", "collections": { "things": {} } });
    app.publish(api.site, &manifest).await;
    let (_, read) = json_of(api.ask(Method::GET, &things).send().await.unwrap()).await;
    assert_eq!(read, thing, "and comes back with its collection");
});

story!(another_sites_records_are_not_there, |app| {
    let (ours, theirs) = (Api::publish(&app).await, Api::publish(&app).await);
    let record = theirs.create("entries", &json!({ "text": "Theirs" })).await;
    let one = format!("records/entries/{}", record["id"].as_str().unwrap());
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(refusal(ours.ask(method, &one)).await.1, "record_not_found");
    }
    assert_eq!(ours.list("records/entries").await["data"], json!([]));
    assert_eq!(theirs.list("records/entries").await["data"], json!([record]));
});

story!(a_key_is_the_same_with_and_without_quotes, |app| {
    let api = Api::publish(&app).await;
    let create = |key: &'static str| {
        let sent = api.send(Method::POST, "records/entries", &json!({ "text": "Once" }));
        sent.header("Idempotency-Key", key).send()
    };
    let (_, first) = json_of(create("\"k-1\"").await.unwrap()).await;
    let (_, again) = json_of(create("k-1").await.unwrap()).await;
    assert_eq!(first["id"], again["id"]);
    let (status, code, _) = refusal(
        api.send(Method::POST, "records/entries", &json!({ "text": "x" })).header("Idempotency-Key", "\"k-1"),
    )
    .await;
    assert_eq!((status, code.as_str()), (400, "invalid_header"));
});

story!(an_encoded_body_is_refused_and_a_byte_order_mark_is_not, |app| {
    let api = Api::publish(&app).await;
    let sent = |body: &'static str| {
        api.ask(Method::POST, "records/entries").header("Content-Type", "application/json").body(body)
    };
    let (status, code, problem) = refusal(sent("{}").header("Content-Encoding", "gzip")).await;
    assert_eq!((status, code.as_str()), (415, "unsupported_media_type"));
    assert!(problem["detail"].as_str().unwrap().contains("the encoding `gzip`"), "{problem}");
    assert_eq!(sent("\u{feff}{\"text\": \"x\"}").send().await.unwrap().status(), 201);
});

story!(a_tag_that_a_proxy_has_made_weak_still_guards_the_record, |app| {
    let api = Api::publish(&app).await;
    let made = api.create("entries", &json!({ "text": "Hello" })).await;
    let rest = format!("records/entries/{}", made["id"].as_str().unwrap());
    let shown = api.ask(Method::GET, &rest).send().await.unwrap();
    let tag = format!("W/{}", shown.headers()["etag"].to_str().unwrap());
    let patch = || api.send(Method::PATCH, &rest, &json!({ "rating": 3 })).header("If-Match", &tag);
    assert_eq!(patch().send().await.unwrap().status(), 200);
    assert_eq!(patch().send().await.unwrap().status(), 412, "it names the version before");
});
