//! Records over GraphQL: the same rules and the same codes as over REST.

use crate::app::json_of;
use crate::records::{Api, refusal, with_json};
use crate::story;
use embed_base::db::Tx;
use reqwest::Method;
use serde_json::{Value, json};

/// Asks with variables, which must be answered with 200.
async fn ask(api: &Api<'_>, query: &str, variables: Value) -> Value {
    let body = json!({ "query": query, "variables": variables });
    let (status, answer) = json_of(api.send(Method::POST, "graphql", &body).send().await.unwrap()).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

/// The code of the first error.
fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("no code in {answer}"))
}

const CREATE: &str = "mutation($data: JSON!, $key: String) {
    createRecord(collection: \"entries\", data: $data, idempotencyKey: $key) { id version data collection createdAt }
}";

story!(records_are_made_read_changed_and_removed_by_graphql, |app| {
    let api = Api::publish(&app).await;
    let made = ask(&api, CREATE, json!({ "data": { "text": "Hello" }, "key": "one" })).await;
    let record = &made["data"]["createRecord"];
    assert_eq!(record["data"], json!({ "text": "Hello" }));
    assert_eq!((&record["version"], &record["createdAt"]), (&json!(1), &json!("2027-01-15T08:00:00Z")));
    let again = ask(&api, CREATE, json!({ "data": { "text": "Hello" }, "key": "one" })).await;
    assert_eq!(again, made);

    let id = &record["id"];
    let rest = format!("records/entries/{}", id.as_str().unwrap());
    let (_, same) = json_of(api.ask(Method::GET, &rest).send().await.unwrap()).await;
    assert_eq!(same["id"], *id);
    let patch = "mutation($id: ID!, $version: Int) {
        patchRecord(collection: \"entries\", id: $id, patch: {rating: 4}, ifMatch: $version) { version data }
    }";
    let patched = ask(&api, patch, json!({ "id": id, "version": 1 })).await;
    assert_eq!(
        patched["data"]["patchRecord"],
        json!({ "version": 2, "data": { "text": "Hello", "rating": 4 } })
    );
    let refused = ask(&api, patch, json!({ "id": id, "version": 1 })).await;
    assert_eq!(code(&refused), "precondition_failed");
    let replace = "mutation($id: ID!) {
        replaceRecord(collection: \"entries\", id: $id, data: {text: \"New\"}) { version data }
    }";
    let replaced = ask(&api, replace, json!({ "id": id })).await;
    assert_eq!(replaced["data"]["replaceRecord"], json!({ "version": 3, "data": { "text": "New" } }));
    let remove = "mutation($id: ID!) { deleteRecord(collection: \"entries\", id: $id) { id } }";
    assert_eq!(ask(&api, remove, json!({ "id": id })).await["data"]["deleteRecord"]["id"], *id);
    assert_eq!(code(&ask(&api, remove, json!({ "id": id })).await), "record_not_found");
    let read = "query($id: ID!) { record(collection: \"entries\", id: $id) { id } }";
    assert_eq!(ask(&api, read, json!({ "id": id })).await, json!({ "data": { "record": null } }));
});

story!(a_connection_is_walked_by_its_cursors, |app| {
    let api = Api::publish(&app).await;
    for rating in 1..=5 {
        api.create("entries", &json!({ "text": "x", "rating": rating })).await;
    }
    let query = "query($after: String) {
        records(collection: \"entries\", filter: {rating: {ge: 2, in: [1, 2, 3, 4, 5]}}, sort: \"-rating\", first: 3, after: $after) {
            edges { cursor node { data } } nodes { data } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        }
    }";
    let ratings = |answer: &Value| -> Vec<u64> {
        let nodes = answer["data"]["records"]["nodes"].as_array().unwrap();
        nodes.iter().map(|node| node["data"]["rating"].as_u64().unwrap()).collect()
    };
    let first = ask(&api, query, json!({})).await;
    assert_eq!(ratings(&first), [5, 4, 3]);
    let records = &first["data"]["records"];
    assert_eq!(records["edges"][2]["cursor"], records["pageInfo"]["endCursor"]);
    assert_eq!(records["pageInfo"]["hasNextPage"], true);
    let second = ask(&api, query, json!({ "after": records["pageInfo"]["endCursor"] })).await;
    assert_eq!(ratings(&second), [2]);
    assert_eq!(second["data"]["records"]["pageInfo"]["hasNextPage"], false);
    let middle = ask(&api, query, json!({ "after": records["edges"][0]["cursor"] })).await;
    assert_eq!(ratings(&middle), [4, 3, 2]);

    // A cursor is one list's, whichever way it is asked.
    let page = api.list("records/entries?sort=-rating&limit=2").await;
    let cursor = page["nextCursor"].as_str().unwrap();
    let rest = "query($after: String) { records(collection: \"entries\", sort: \"-rating\", after: $after) { nodes { data } } }";
    assert_eq!(ratings(&ask(&api, rest, json!({ "after": cursor })).await), [3, 2, 1]);
    assert_eq!(code(&ask(&api, query, json!({ "after": cursor })).await), "invalid_cursor");
});

story!(an_error_carries_rests_code_and_members, |app| {
    let api = Api::publish(&app).await;
    let before = api.list("records/entries").await;
    let refused = ask(&api, CREATE, json!({ "data": { "rating": 9 } })).await;
    assert_eq!(refused["data"], json!({ "createRecord": null }));
    let extensions = &refused["errors"][0]["extensions"];
    assert_eq!((&extensions["code"], &extensions["status"]), (&json!("invalid_record"), &json!(422)));
    let fields: Vec<_> =
        extensions["errors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
    assert_eq!(fields, ["/rating", "/text"]);
    let data = json!({ "data": { "text": "Hello" }, "key": "k" });
    ask(&api, CREATE, data).await;
    let reused = ask(&api, CREATE, json!({ "data": { "text": "Other" }, "key": "k" })).await;
    assert_eq!(code(&reused), "idempotency_key_reused");
    assert_eq!(
        code(&ask(&api, CREATE, json!({ "data": { "text": "x" }, "key": "a b" })).await),
        "invalid_header"
    );
    for (query, expected) in [
        ("{ records(collection: \"nothing\") { nodes { id } } }", "collection_not_found"),
        ("{ records(collection: \"entries\", first: 0) { nodes { id } } }", "invalid_parameter"),
        ("{ records(collection: \"entries\", first: -1) { nodes { id } } }", "invalid_parameter"),
        ("{ records(collection: \"entries\", first: 201) { nodes { id } } }", "invalid_parameter"),
        ("{ records(collection: \"entries\", sort: \"nothing\") { nodes { id } } }", "invalid_sort"),
        (
            "{ records(collection: \"entries\", filter: {rating: {like: 1}}) { nodes { id } } }",
            "invalid_filter",
        ),
        (
            "{ records(collection: \"entries\", filter: {rating: {eq: \"4\"}}) { nodes { id } } }",
            "invalid_filter",
        ),
        ("{ records(collection: \"entries\", filter: []) { nodes { id } } }", "invalid_filter"),
        ("{ records(collection: \"entries\", after: \"x\") { nodes { id } } }", "invalid_cursor"),
        (
            "mutation { createRecord(collection: \"entries\", data: {text: \"a\\u0000b\"}) { id } }",
            "invalid_json",
        ),
        ("mutation { createRecord(collection: \"entries\", data: []) { id } }", "invalid_record"),
        ("mutation { deleteRecord(collection: \"entries\", id: \"7\") { id } }", "record_not_found"),
    ] {
        assert_eq!(code(&ask(&api, query, json!({})).await), expected, "{query}");
    }
    assert_eq!(
        before["data"].as_array().unwrap().len() + 1,
        api.list("records/entries").await["data"].as_array().unwrap().len()
    );
});

story!(each_resolver_asks_what_the_caller_may, |app| {
    let api = Api::publish(&app).await;
    api.create("entries", &json!({ "text": "There" })).await;
    let query = json!({ "query": "{
        a: records(collection: \"entries\", first: 1) { nodes { data } }
        b: __typename
    }" });
    let nobody = with_json(app.request(Method::POST, &api.path("graphql")), &query).send().await.unwrap();
    let (status, answer) = json_of(nobody).await;
    assert_eq!((status.as_u16(), code(&answer)), (200, "unauthenticated"));
    let writer = app.token(api.site, api.module, json!({ "scopes": ["write"] })).await;
    let as_writer =
        |body: &Value| with_json(app.request(Method::POST, &api.path("graphql")).bearer_auth(&writer), body);
    let asked = as_writer(&query);
    let (_, answer) = json_of(asked.send().await.unwrap()).await;
    assert_eq!((code(&answer), &answer["data"]), ("forbidden", &json!({ "a": null, "b": "Query" })));
    let create = json!({ "query": CREATE, "variables": { "data": { "text": "Written" } } });
    let asked = as_writer(&create);
    assert_eq!(json_of(asked.send().await.unwrap()).await.1["data"]["createRecord"]["version"], 1);
    let remove = json!({ "query": "mutation { deleteRecord(collection: \"entries\", id: \"7\") { id } }" });
    let asked = as_writer(&remove);
    assert_eq!(code(&json_of(asked.send().await.unwrap()).await.1), "forbidden");
});

story!(of_several_changes_each_stands_or_falls_by_itself, |app| {
    let api = Api::publish(&app).await;
    let query = "mutation {
        a: createRecord(collection: \"things\", data: {n: 1}) { data }
        b: createRecord(collection: \"entries\", data: {}) { data }
        c: createRecord(collection: \"things\", data: {n: 2}) { data }
    }";
    let answer = ask(&api, query, json!({})).await;
    let data = json!({ "a": { "data": { "n": 1 } }, "b": null, "c": { "data": { "n": 2 } } });
    assert_eq!((&answer["data"], code(&answer)), (&data, "invalid_record"));
    assert_eq!(answer["errors"][0]["path"], json!(["b"]));
    assert_eq!(api.list("records/things").await["data"].as_array().unwrap().len(), 2);
});

story!(what_is_too_much_is_refused_before_it_is_begun, |app| {
    let api = Api::publish(&app).await;
    let nested = |levels: usize| format!("{{ {}{}{} }}", "a { ".repeat(levels), "b", " }".repeat(levels));
    let selections = |count: usize| {
        let each =
            |number| format!("r{number}: records(collection: \"entries\", first: 200) {{ nodes {{ id }} }} ");
        format!("{{ {} }}", (0..count).map(each).collect::<String>())
    };
    let changes = |count: usize| {
        let each = |number| format!("c{number}: createRecord(collection: \"things\", data: {{}}) {{ id }} ");
        format!("mutation {{ {} }}", (0..count).map(each).collect::<String>())
    };
    let circle = "query { ...a } fragment a on Query { ...b } fragment b on Query { ...a }";
    for query in [&nested(12), &nested(1000), &nested(6000), &selections(3), &changes(20), circle] {
        let answer = ask(&api, query, json!({})).await;
        assert!(!answer["errors"].as_array().unwrap().is_empty(), "{answer}");
        assert_eq!(answer["data"], Value::Null);
    }
    // Deep literals are no fields, and are refused all the same.
    let deep = format!(
        "{{ records(collection: \"entries\", filter: {}{}) {{ nodes {{ id }} }} }}",
        "[".repeat(20_000),
        "]".repeat(20_000)
    );
    let answer = ask(&api, &deep, json!({})).await;
    assert!(!answer["errors"].as_array().unwrap().is_empty());
    assert_eq!(api.list("records/things").await["data"], json!([]));
    assert!(ask(&api, &changes(19), json!({})).await["errors"].is_null());
    assert_eq!(api.list("records/things").await["data"].as_array().unwrap().len(), 19);
});

story!(only_one_json_request_at_a_time_is_read, |app| {
    let api = Api::publish(&app).await;
    let query = json!({ "query": "{ __typename }" });
    for (body, content_type, expected, expected_code) in [
        (json!([query]).to_string(), "application/json", 400, "invalid_request"),
        (json!({}).to_string(), "application/json", 400, "invalid_request"),
        (json!({ "query": 7 }).to_string(), "application/json", 400, "invalid_request"),
        (
            json!({ "query": "{ __typename }", "quick": true }).to_string(),
            "application/json",
            400,
            "invalid_request",
        ),
        ("{ __typename }".to_owned(), "application/json", 400, "invalid_json"),
        (
            r#"{"query": "{ __typename }", "query": "{ b: __typename }"}"#.to_owned(),
            "application/json",
            400,
            "invalid_json",
        ),
        (query.to_string(), "application/graphql", 415, "unsupported_media_type"),
        (json!({ "query": " ".repeat(320 * 1024) }).to_string(), "application/json", 413, "body_too_large"),
    ] {
        let asked = api.ask(Method::POST, "graphql").header("Content-Type", content_type).body(body);
        let (status, code, _) = refusal(asked).await;
        assert_eq!((status, code.as_str()), (expected, expected_code));
    }
    let (status, code, _) = refusal(api.ask(Method::GET, "graphql?query={__typename}")).await;
    assert_eq!((status, code.as_str()), (405, "method_not_allowed"));
});

story!(a_document_that_does_not_fit_is_400_in_graphqls_own_media_type, |app| {
    let api = Api::publish(&app).await;
    for query in ["{ nothing }", "{", ""] {
        let body = json!({ "query": query });
        let (status, answer) = json_of(api.send(Method::POST, "graphql", &body).send().await.unwrap()).await;
        assert_eq!(status, 200, "{answer}");
        let modern =
            api.send(Method::POST, "graphql", &body).header("Accept", "application/graphql-response+json");
        let modern = modern.send().await.unwrap();
        assert_eq!(modern.headers()["content-type"], "application/graphql-response+json");
        let (status, modern) = json_of(modern).await;
        assert_eq!((status.as_u16(), modern), (400, answer));
    }
    let refused = json!({ "query": "{ records(collection: \"nothing\") { nodes { id } } }" });
    let refused = api
        .send(Method::POST, "graphql", &refused)
        .header("Accept", "application/graphql-response+json, application/json;q=0.9");
    assert_eq!(refused.send().await.unwrap().status(), 200, "it was carried out");
});

story!(the_schema_can_be_asked_for_as_tools_ask, |app| {
    let api = Api::publish(&app).await;
    let of_type = "kind name ofType { ".repeat(9) + "name" + &" }".repeat(9);
    let query = format!(
        "query IntrospectionQuery {{ __schema {{ queryType {{ name }} types {{ ...FullType }} directives {{ name args {{ ...InputValue }} }} }} }}
         fragment FullType on __Type {{ kind name fields(includeDeprecated: true) {{ name args {{ ...InputValue }} type {{ ...TypeRef }} }}
             inputFields {{ ...InputValue }} enumValues {{ name }} possibleTypes {{ ...TypeRef }} }}
         fragment InputValue on __InputValue {{ name type {{ ...TypeRef }} defaultValue }}
         fragment TypeRef on __Type {{ {of_type} }}"
    );
    let answer = ask(&api, &query, json!({})).await;
    assert!(answer["errors"].is_null(), "{answer}");
    let types = answer["data"]["__schema"]["types"].as_array().unwrap();
    assert!(types.iter().any(|kind| kind["name"] == "RecordConnection"));
});

story!(what_is_no_request_for_records_has_a_code_too, |app| {
    let api = Api::publish(&app).await;
    let deep =
        format!("{{ __type(name: \"Query\") {{ {} name {} }} }}", "ofType {".repeat(20), "}".repeat(20));
    let dear =
        "{ records(collection: \"entries\", first: 200) { nodes { id version data collection createdAt } } }";
    let changes: String = (0..21)
        .map(|number| format!("a{number}: deleteRecord(collection: \"entries\", id: \"x\") {{ id }} "))
        .collect();
    for query in [
        "{",
        "",
        "{ nothing }",
        "{ records { nodes { id } } }",
        "query($id: ID!) { record(collection: \"entries\", id: $id) { id } }",
        &deep,
        dear,
        &format!("mutation {{ {changes} }}"),
        "query A { __typename } query B { __typename }",
    ] {
        let answer = ask(&api, query, json!({})).await;
        let errors = answer["errors"].as_array().unwrap_or_else(|| panic!("{query} is answered: {answer}"));
        for error in errors {
            assert_eq!(error["extensions"]["code"], "invalid_request", "{query}: {answer}");
        }
        assert!(!errors.is_empty());
    }
});

story!(the_largest_record_can_be_made_by_graphql, |app| {
    let api = Api::publish(&app).await;
    let create = "mutation($data: JSON!) { createRecord(collection: \"things\", data: $data) { id } }";
    // As JSON: {"a":"…"}
    let largest = json!({ "a": "x".repeat(256 * 1024 - 8) });
    let made = ask(&api, create, json!({ "data": largest })).await;
    assert!(made["data"]["createRecord"]["id"].is_string());
    let more = json!({ "a": "x".repeat(256 * 1024) });
    assert_eq!(code(&ask(&api, create, json!({ "data": more })).await), "invalid_record");
});

story!(a_fault_says_under_which_id_the_log_knows_it, |app| {
    let api = Api::publish(&app).await;
    match app.context.db.begin_global().await.unwrap() {
        Tx::Sqlite(mut tx) => {
            sqlx::query("DROP TABLE module_records").execute(&mut *tx).await.unwrap();
            tx.commit().await.unwrap();
        }
        Tx::Postgres(mut tx) => {
            sqlx::query("DROP TABLE module_records").execute(&mut *tx).await.unwrap();
            tx.commit().await.unwrap();
        }
    }
    let body = json!({ "query": "{ records(collection: \"entries\") { nodes { id } } }" });
    let asked = api.send(Method::POST, "graphql", &body).header("X-Request-Id", "find-me");
    let (_, answer) = json_of(asked.send().await.unwrap()).await;
    let extensions = &answer["errors"][0]["extensions"];
    assert_eq!((&extensions["code"], &extensions["requestId"]), (&"internal".into(), &"find-me".into()));
});

story!(fragments_that_multiply_hold_up_nobody, |app| {
    let api = Api::publish(&app).await;
    let fragment =
        |level: u32| format!("fragment f{level} on Query {{ {} }} ", format!("...f{} ", level + 1).repeat(3));
    let fragments: String = (0..28).map(fragment).collect();
    let query = format!("query {{ ...f0 }} {fragments} fragment f28 on Query {{ __typename }}");
    let body = json!({ "query": query });
    // As many as there are threads, and one more, without credentials.
    let asked = (0..3).map(|_| with_json(app.request(Method::POST, &api.path("graphql")), &body).send());
    for answer in futures_util::future::join_all(asked).await {
        let (status, answer) = json_of(answer.unwrap()).await;
        assert_eq!((status.as_u16(), code(&answer)), (200, "invalid_request"));
        let message = answer["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains("more than 2000 fields; split it"), "{message}");
    }
    assert_eq!(app.get("/healthz").send().await.unwrap().status(), 200);
});

story!(data_is_answered_up_to_a_size, |app| {
    let api = Api::publish(&app).await;
    let made = api.create("things", &json!({ "a": "x".repeat(200 * 1024) })).await;
    let data = |count: usize| {
        let each: String = (0..count).map(|number| format!("d{number}: data ")).collect();
        format!("{{ a: record(collection: \"things\", id: {}) {{ {each} }} b: __typename }}", made["id"])
    };
    assert!(ask(&api, &data(20), json!({})).await["errors"].is_null());
    let answer = ask(&api, &data(21), json!({})).await;
    assert_eq!(code(&answer), "invalid_request");
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("more than 4 MiB"));
    let record = &answer["data"]["a"];
    assert!(record["d19"]["a"].is_string() && record["d20"].is_null() && answer["data"]["b"] == "Query");
});

story!(a_list_costs_a_query_even_where_nothing_is_asked_of_it, |app| {
    let api = Api::publish(&app).await;
    let lists = |count: usize| {
        let each = |number| format!("a{number}: records(collection: \"things\", first: 1) {{ __typename }} ");
        format!("{{ {} }}", (0..count).map(each).collect::<String>())
    };
    assert!(ask(&api, &lists(100), json!({})).await["errors"].is_null());
    assert_eq!(code(&ask(&api, &lists(101), json!({})).await), "invalid_request");
});
