//! Lists of records: filters, orders and pages, alike on both engines.

use crate::app::{TestApp, json_of};
use crate::records::{Api, refusal};
use crate::story;
use embed_testing::Database;
use reqwest::Method;
use serde_json::{Value, json};

/// Values of every type, in the order in which they are sorted. Those in one row are equal to each other.
fn values() -> Vec<Vec<Option<Value>>> {
    let one = |value: Value| vec![Some(value)];
    vec![
        vec![None],
        one(json!(null)),
        one(json!(false)),
        one(json!(true)),
        one(json!(-1e300)),
        one(json!(-7)),
        one(json!(-0.5)),
        vec![Some(json!(0)), Some(json!(0.0))],
        one(json!(5e-324)),
        one(json!(0.1)),
        vec![Some(json!(1)), Some(json!(1.0))],
        one(json!(2)),
        one(json!(10)),
        vec![Some(json!(9_007_199_254_740_992_i64)), Some(json!(9_007_199_254_740_993_i64))],
        one(json!(18_446_744_073_709_551_615_u64)),
        one(json!(1e308)),
        one(json!("")),
        one(json!(" ")),
        one(json!("1")),
        one(json!("10")),
        one(json!("2")),
        one(json!("B")),
        one(json!("a")),
        one(json!("a%b")),
        one(json!("ab")),
        one(json!("null")),
        one(json!("true")),
        one(json!("z")),
        one(json!("ä")),
        one(json!("\u{ffff}")),
        one(json!("😀")),
        vec![Some(json!([])), Some(json!(["a", 1, null])), Some(json!([[1]])), Some(json!(["1", true]))],
        vec![Some(json!({})), Some(json!({ "a": 1 }))],
    ]
}

/// Makes a record for each value, from the last to the first so that the order is not that of creation; their numbers in
/// the order of [`values`].
async fn fill(api: &Api<'_>) -> Vec<usize> {
    let values = values();
    let mut numbers = Vec::new();
    let mut number = values.iter().map(Vec::len).sum::<usize>();
    for row in values.iter().rev() {
        number -= row.len();
        for (place, value) in row.iter().enumerate() {
            let mut data = json!({ "n": number + place });
            if let Some(value) = value {
                data["v"] = value.clone();
                data["deep"] = json!({ "v": value });
            }
            api.create("things", &data).await;
            numbers.push(number + place);
        }
    }
    numbers.sort_unstable();
    numbers
}

fn numbers(page: &Value) -> Vec<usize> {
    let records = page["data"].as_array().unwrap();
    records.iter().map(|record| record["data"]["n"].as_u64().unwrap() as usize).collect()
}

/// The numbers of all records of a list, page by page.
async fn walk(api: &Api<'_>, query: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = api.list(&format!("records/things?{query}{cursor}")).await;
        found.extend(numbers(&page));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

story!(values_of_all_types_have_one_order_both_ways_and_over_pages, |app| {
    let api = Api::publish(&app).await;
    let expected = fill(&api).await;
    for field in ["v", "deep.v"] {
        for limit in [1, 4, 200] {
            assert_eq!(
                walk(&api, &format!("sort={field}&limit={limit}")).await,
                expected,
                "{field} by {limit}"
            );
        }
    }
    // Equal values are in the order of their ids, which is turned round with the rest.
    let mut backwards = expected.clone();
    backwards.reverse();
    assert_eq!(walk(&api, "sort=-v&limit=3").await, backwards);
    assert_eq!(walk(&api, "sort=n&limit=7").await, expected);
    assert_eq!(walk(&api, "sort=missing&limit=7").await, walk(&api, "sort=id&limit=9").await);
});

story!(a_comparison_finds_values_of_its_own_type_only, |app| {
    let api = Api::publish(&app).await;
    fill(&api).await;
    let found = async |query: &str| {
        let mut found: Vec<Value> = Vec::new();
        for record in
            api.list(&format!("records/things?limit=200&sort=n&{query}")).await["data"].as_array().unwrap()
        {
            found.push(record["data"].get("v").cloned().unwrap_or(json!("missing")));
        }
        found
    };
    assert_eq!(found("filter[v][eq]=1").await, [json!(1), json!(1.0)]);
    assert_eq!(found("filter[v][eq]=null").await, [json!(null)]);
    assert_eq!(found("filter[v][ge]=null").await, [json!(null)]);
    assert_eq!(found("filter[v][gt]=null").await, [] as [Value; 0]);
    assert_eq!(found("filter[v][eq]=true").await, [json!(true)]);
    assert_eq!(found("filter[v][lt]=true").await, [json!(false)]);
    assert_eq!(found("filter[v][eq]=").await, [json!("")]);
    assert_eq!(found("filter[v][lt]=-0.5").await, [json!(-1e300), json!(-7)]);
    assert_eq!(found("filter[v][ge]=1e308").await, [json!(1e308)]);
    assert_eq!(found("filter[v][eq]=18446744073709551615").await, [json!(18_446_744_073_709_551_615_u64)]);
    assert_eq!(found("filter[v][gt]=z").await, [json!("ä"), json!("\u{ffff}"), json!("😀")]);
    assert_eq!(found("filter[v][gt]=B&filter[v][lt]=ab").await, [json!("a"), json!("a%b")]);
    assert_eq!(found("filter[v][in]=2,true,ab,7").await, [json!(true), json!(2), json!("ab")]);
    assert_eq!(found("filter[v][contains]=a%25").await, [json!("a%b")]);
    assert_eq!(
        found("filter[v][contains]=a").await,
        [json!("a"), json!("a%b"), json!("ab"), json!(["a", 1, null])]
    );
    assert_eq!(found("filter[v][contains]=1").await, [json!(["a", 1, null])]);
    assert_eq!(found("filter[v][contains]=true").await, [json!(["1", true])]);
    assert_eq!(found("filter[v][contains]=null").await, [json!(["a", 1, null])]);
    assert_eq!(found("filter[v.a][eq]=1").await, [json!({ "a": 1 })]);
    assert_eq!(
        found("filter[v.0][eq]=a").await,
        [] as [Value; 0],
        "a path leads through objects, not arrays"
    );
    let all = found("").await;
    let others = found("filter[v][ne]=1").await;
    assert_eq!(others.len(), all.len() - 2);
    assert!(others.contains(&json!("missing")) && others.contains(&json!("1")), "{others:?}");
});

story!(what_the_server_adds_can_be_filtered_and_sorted_by, |app| {
    let api = Api::publish(&app).await;
    let mut ids = Vec::new();
    for number in 0..4 {
        app.context.clock.advance(chrono::TimeDelta::microseconds(1_500));
        let record = api.create("things", &json!({ "n": number, "version": "hidden" })).await;
        ids.push(record["id"].as_str().unwrap().to_owned());
    }
    app.context.clock.advance(chrono::TimeDelta::seconds(1));
    let path = format!("records/things/{}", ids[1]);
    api.send(Method::PATCH, &path, &json!({ "n": 1 })).send().await.unwrap();

    assert_eq!(walk(&api, "limit=3").await, [3, 2, 1, 0], "the newest first, unless asked otherwise");
    assert_eq!(walk(&api, "sort=createdAt&limit=3").await, [0, 1, 2, 3]);
    assert_eq!(walk(&api, "sort=-updatedAt&limit=1").await, [1, 3, 2, 0]);
    assert_eq!(walk(&api, "sort=-version&limit=1").await, [1, 3, 2, 0]);
    assert_eq!(walk(&api, "sort=id&limit=1").await, [0, 1, 2, 3]);
    assert_eq!(walk(&api, "filter[version][ge]=2").await, [1]);
    assert_eq!(walk(&api, &format!("filter[id][in]={},{}&sort=id", ids[2], ids[0])).await, [0, 2]);
    assert_eq!(walk(&api, &format!("filter[id][gt]={}&sort=id", ids[2])).await, [3]);
    let record = api.list(&format!("records/things?filter[id][eq]={}", ids[2])).await;
    let at = encoded(record["data"][0]["createdAt"].as_str().unwrap());
    assert_eq!(walk(&api, &format!("filter[createdAt][lt]={at}&sort=id")).await, [0, 1]);
    assert_eq!(walk(&api, &format!("filter[createdAt][eq]={at}")).await, [2]);
    assert_eq!(walk(&api, &format!("filter[createdAt][ge]={at}&sort=id")).await, [2, 3]);
});

story!(pages_go_on_where_they_were_while_records_come_and_go, |app| {
    for (sort, expected) in [("createdAt", [4, 5, 6, 7]), ("id", [4, 5, 6, 7]), ("v", [50, 4, 5, 6])] {
        let api = Api::publish(&app).await;
        let mut records = Vec::new();
        for number in 0..10 {
            records.push(api.create("things", &json!({ "n": number, "v": number.to_string() })).await);
        }
        let list = format!("records/things?sort={sort}&limit=4&filter[n][lt]=100");
        let first = api.list(&list).await;
        assert_eq!(numbers(&first), [0, 1, 2, 3]);
        // One comes behind the page's end, and the one at its end goes.
        api.create("things", &json!({ "n": 50, "v": "35" })).await;
        let gone = format!("records/things/{}", records[3]["id"].as_str().unwrap());
        assert_eq!(api.ask(Method::DELETE, &gone).send().await.unwrap().status(), 204);
        let cursor = first["nextCursor"].as_str().unwrap();
        let second = api.list(&format!("{list}&cursor={cursor}")).await;
        assert_eq!(numbers(&second), expected, "{sort}");
    }
});

story!(long_strings_are_ordered_by_their_beginning, |app| {
    let api = Api::publish(&app).await;
    let long = "ä".repeat(200);
    for (number, text) in [format!("{long}b"), format!("{long}a"), "ä".repeat(199)].iter().enumerate() {
        api.create("things", &json!({ "n": number, "v": text })).await;
    }
    assert_eq!(walk(&api, "sort=v&limit=1").await, [2, 0, 1]);
    assert_eq!(walk(&api, &format!("filter[v][gt]={}", encoded(&format!("{long}a")))).await, [0]);
});

story!(a_question_that_is_not_understood_is_refused, |app| {
    let api = Api::publish(&app).await;
    for number in 0..3 {
        api.create("entries", &json!({ "text": format!("{number}") })).await;
    }
    let page = api.list("records/entries?limit=1&sort=text&filter[text][ne]=9").await;
    let cursor = page["nextCursor"].as_str().unwrap();
    for (query, expected) in [
        ("page=2".to_owned(), "invalid_parameter"),
        ("limit=0".to_owned(), "invalid_parameter"),
        ("limit=201".to_owned(), "invalid_parameter"),
        ("sort=nothing".to_owned(), "invalid_sort"),
        ("sort=rating;DROP".to_owned(), "invalid_sort"),
        ("filter[nothing][eq]=1".to_owned(), "invalid_filter"),
        ("filter[text][like]=1".to_owned(), "invalid_filter"),
        ("filter[rating][eq]=many".to_owned(), "invalid_filter"),
        ("filter[text]=1".to_owned(), "invalid_filter"),
        ("filter[text][eq]=%00".to_owned(), "invalid_filter"),
        ("filter[author.x%22y][eq]=1".to_owned(), "invalid_filter"),
        ("filter[author.x'y][eq]=1".to_owned(), ""),
        ("filter[author.x$y][eq]=1".to_owned(), ""),
        ("cursor=nonsense".to_owned(), "invalid_cursor"),
        ("cursor=".to_owned(), "invalid_cursor"),
        (format!("cursor={cursor}"), "invalid_cursor"),
        (format!("cursor={cursor}&sort=-text&filter[text][ne]=9"), "invalid_cursor"),
        (format!("cursor={cursor}&sort=text"), "invalid_cursor"),
        (format!("cursor={cursor}&sort=text&filter[text][ne]=9&limit=2"), ""),
    ] {
        let asked = api.ask(Method::GET, &format!("records/entries?{query}"));
        if expected.is_empty() {
            assert_eq!(asked.send().await.unwrap().status(), 200, "{query}");
        } else {
            let (status, code, _) = refusal(asked).await;
            assert_eq!((status, code.as_str()), (400, expected), "{query}");
        }
    }
    let asked = api.ask(Method::GET, &format!("records/things?cursor={cursor}&sort=text&filter[text][ne]=9"));
    assert_eq!(refusal(asked).await.1, "invalid_cursor", "a cursor is its collection's own");
});

/// The same questions to the same records, on both engines at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_engines_find_the_same_by_every_comparison() {
    let Some(postgres) = Database::postgres().await else { return };
    let apps = [TestApp::start(Database::sqlite()).await, TestApp::start(postgres).await];
    let apis = [Api::publish(&apps[0]).await, Api::publish(&apps[1]).await];
    for api in &apis {
        fill(api).await;
    }
    let operands =
        values().into_iter().flatten().flatten().filter(|value| !value.is_array() && !value.is_object());
    for operand in operands {
        let value = encoded(&operand.as_str().map_or_else(|| operand.to_string(), str::to_owned));
        for op in ["eq", "ne", "lt", "le", "gt", "ge", "in", "contains"] {
            let query = format!("limit=200&sort=-v&filter[v][{op}]={value}");
            assert_eq!(walk(&apis[0], &query).await, walk(&apis[1], &query).await, "{query}");
        }
    }
}

story!(a_query_that_is_not_utf_8_is_refused, |app| {
    let api = Api::publish(&app).await;
    api.create("entries", &json!({ "text": "\u{fffd}" })).await;
    for query in ["filter[text][eq]=%FF", "filter[text][eq]=%C3%28", "sort=%ED%A0%80", "%FF=1", "cursor=%80"]
    {
        let (status, code, problem) =
            refusal(api.ask(Method::GET, &format!("records/entries?{query}"))).await;
        assert_eq!((status, code.as_str()), (400, "invalid_parameter"), "{query}");
        assert!(problem["detail"].as_str().unwrap().contains("UTF-8"), "{problem}");
    }
});

story!(a_page_ends_where_its_data_is_large, |app| {
    let api = Api::publish(&app).await;
    let text = "x".repeat(250 * 1024);
    for number in 0..9 {
        api.create("things", &json!({ "number": number, "text": text })).await;
    }
    let (mut numbers, mut pages, mut cursor) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = api.list(&format!("records/things?sort=number&limit=200{cursor}")).await;
        let data = page["data"].as_array().unwrap();
        pages.push(data.len());
        numbers.extend(data.iter().map(|record| record["data"]["number"].as_u64().unwrap()));
        let Some(next) = page["nextCursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!((pages, numbers), (vec![4, 4, 1], (0..9).collect()));

    let query = "{ records(collection: \"things\", sort: \"number\", first: 9) { nodes { version } pageInfo { hasNextPage } } }";
    let body = json!({ "query": query });
    let (_, answer) = json_of(api.send(Method::POST, "graphql", &body).send().await.unwrap()).await;
    let records = &answer["data"]["records"];
    assert_eq!(
        (records["nodes"].as_array().unwrap().len(), &records["pageInfo"]["hasNextPage"]),
        (4, &json!(true))
    );
    // What is loaded counts, whatever is asked of it.
    let five: String = (0..5)
        .map(|number| {
            format!("a{number}: records(collection: \"things\", first: 9) {{ nodes {{ version }} }} ")
        })
        .collect();
    let body = json!({ "query": format!("{{ {five} }}") });
    let (_, answer) = json_of(api.send(Method::POST, "graphql", &body).send().await.unwrap()).await;
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("more than 4 MiB"));
    assert_eq!(answer["errors"].as_array().unwrap().len(), 1);
});
