//! Answers that nobody reads.

use crate::target::{Target, connect, is_full, stranger};
use crate::tenant::{Tenant, manifest};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// A file that no compression makes smaller.
pub fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..bytes).map(next).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_file_is_asked_for_a_thousand_times_and_never_read() -> Result<()> {
    let target = Target::new("files that are not read").await?;
    let folder = tempfile::tempdir()?;
    let manifest = json!({ "name": "large", "version": "1.0.0" });
    std::fs::write(folder.path().join("module.json"), manifest.to_string())?;
    std::fs::write(folder.path().join("index.html"), "<!doctype html><title>Large</title>")?;
    std::fs::write(folder.path().join("large.png"), noise(9_000_000))?;
    let path = folder.path().to_str().context("a path in UTF-8")?;
    let published = target.installation.run(&["module", "publish", path, "--site", &target.site]).await?;
    let (module, version) = (published["id"].as_str().context("no id")?, &published["version"]);
    let version = version.as_str().map_or_else(|| version.to_string(), str::to_owned);
    let request = format!(
        "GET /embed/{module}/{version}/large.png HTTP/1.1\r\nHost: {module}.localhost:{}\r\n\r\n",
        target.port()
    );
    target
        .under(async {
            let mut unread = Vec::new();
            for number in 0..1_100_u16 {
                let mut stream = connect(stranger(1 + (number % 5) as u8), target.address()).await?;
                stream.write_all(request.as_bytes()).await?;
                unread.push(stream);
            }
            tokio::time::sleep(Duration::from_secs(if is_full() { 40 } else { 4 })).await;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_the_largest_records_are_asked_for_and_never_read() -> Result<()> {
    let target = Target::new("pages that are not read").await?;
    let tenant = Tenant::new(&target).await?;
    let published = tenant.publish(&manifest(&json!({ "type": "object" }))).await?;
    let records = published.records()?;
    let largest = json!({ "text": "x".repeat(250 << 10) });
    for _ in 0..200 {
        let answer = tenant.create(&records, &largest).await?;
        ensure!(answer.status == 201, "{answer:?}");
    }
    let request = format!("{}\r\n", tenant.head("GET", &format!("{records}?limit=200")));
    target
        .under(async {
            let mut unread = Vec::new();
            for number in 0..120 {
                let mut stream = connect(stranger(1 + number), target.address()).await?;
                stream.write_all(request.as_bytes()).await?;
                unread.push(stream);
            }
            for stream in &unread {
                stream.peek(&mut [0]).await?;
            }
            Ok(())
        })
        .await
}
