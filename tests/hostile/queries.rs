//! Queries that would take ages.

use crate::target::{Target, exchange, stranger};
use anyhow::{Result, ensure};
use std::fmt::Write;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fragments_that_multiply_are_counted_before_they_are_spread() -> Result<()> {
    let target = Target::new("GraphQL fragments").await?;
    let mut query = "query{...f0}".to_owned();
    for level in 0..28 {
        let spread = format!("...f{}", level + 1);
        let _ = write!(query, " fragment f{level} on Query{{{spread} {spread} {spread}}}");
    }
    query.push_str(" fragment f28 on Query{__typename}");
    target
        .under(async {
            let mut asked = JoinSet::new();
            for number in 1..=20 {
                let (request, address) = (target.graphql(&query), target.address());
                asked.spawn(async move { exchange(stranger(number), address, &request).await });
            }
            while let Some(answer) = asked.join_next().await {
                let (status, text) = answer??;
                ensure!(status > 0 && !text.contains("\"data\":{\"__typename\""), "{status}: {text}");
            }
            Ok(())
        })
        .await
}

/// So many texts, one after the other.
fn numbered(count: u32, text: impl Fn(u32) -> String) -> String {
    (0..count).map(text).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_that_are_deep_or_wide_are_refused() -> Result<()> {
    let target = Target::new("deep and wide queries").await?;
    let circle = "query{...a} fragment a on Query{...b} fragment b on Query{...a ...a}";
    let list = r#"records(collection: "entries") { nodes { id } }"#;
    let queries = [
        circle.to_owned(),
        "{a".repeat(30_000),
        format!("{{ {} }}", numbered(20_000, |number| format!("a{number}: {list} "))),
        format!("{{ __typename {} }}", "@include(if: true) ".repeat(10_000)),
        format!(
            "{{ records(collection: \"entries\", filter: {}) {{ nodes {{ id }} }} }}",
            "[".repeat(50_000)
        ),
        format!("query({}) {{ __typename }}", numbered(10_000, |number| format!("$v{number}: Int "))),
        "query A { __typename } ".repeat(5_000),
        "#".repeat(200_000),
    ];
    let address = target.address();
    target
        .under(async {
            for query in &queries {
                let request = target.graphql(query);
                let (first, second) = tokio::join!(
                    exchange(stranger(1), address, &request),
                    exchange(stranger(2), address, &request)
                );
                for (status, text) in [first?, second?] {
                    ensure!(
                        (200..500).contains(&status) && !text.contains("\"__typename\":"),
                        "{status}: {text}"
                    );
                }
            }
            Ok(())
        })
        .await
}
