//! Queries that would take ages.

use crate::scene::{Scene, exchange, stranger};
use anyhow::{Result, ensure};
use std::fmt::Write;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fragments_that_multiply_are_counted_before_they_are_spread() -> Result<()> {
    let scene = Scene::new("GraphQL fragments").await?;
    let mut query = "query{...f0}".to_owned();
    for level in 0..28 {
        let spread = format!("...f{}", level + 1);
        let _ = write!(query, " fragment f{level} on Query{{{spread} {spread} {spread}}}");
    }
    query.push_str(" fragment f28 on Query{__typename}");
    scene
        .under(async {
            let mut asked = JoinSet::new();
            for number in 1..=20 {
                let (request, address) = (scene.graphql(&query), scene.address());
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
