//! Archives that are sent at once, or that hold more than they look.

use crate::answers::noise;
use crate::target::Target;
use crate::tenant::{Tenant, manifest, zip};
use anyhow::{Result, ensure};
use futures_util::future::join_all;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_large_archives_at_once() -> Result<()> {
    let target = Target::new("uploads").await?;
    let tenant = Tenant::new(&target).await?;
    let manifest = manifest(&json!({ "type": "object" })).to_string().into_bytes();
    let mut files = vec![("module.json", manifest), ("index.html", b"<p>Hello".to_vec())];
    files.extend(["a.bin", "b.bin", "c.bin", "d.bin"].map(|name| (name, noise(9_500_000))));
    let archive = zip(&files)?;
    target
        .under(async {
            let mut taken = 0;
            for answer in join_all((0..10).map(|_| tenant.upload(&archive))).await {
                let answer = answer?;
                // 409 where another one has just made the module.
                ensure!([200, 201, 409, 429, 503].contains(&answer.status), "{answer:?}");
                taken += usize::from(answer.status == 201);
            }
            ensure!(taken > 0, "not one of ten uploads was taken");
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn archives_that_unpack_to_gigabytes() -> Result<()> {
    let target = Target::new("archives").await?;
    let tenant = Tenant::new(&target).await?;
    let manifest = manifest(&json!({ "type": "object" })).to_string().into_bytes();
    let bomb = [("module.json", manifest.clone()), ("index.html", Vec::new()), ("a.txt", vec![0; 200 << 20])];
    let names: Vec<_> = (0..60_000).map(|number| format!("{number}.txt")).collect();
    let mut crowd: Vec<_> = names.iter().map(|name| (name.as_str(), Vec::new())).collect();
    crowd.push(("module.json", manifest));
    let archives = [zip(&bomb)?, zip(&crowd)?];
    target
        .under(async {
            for archive in &archives {
                let answer = tenant.upload(archive).await?;
                ensure!((400..500).contains(&answer.status), "{answer:?}");
            }
            Ok(())
        })
        .await
}
