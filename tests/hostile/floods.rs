//! Requests without credentials, as many as the machine gives.

use crate::scene::{Scene, connect, exchange, is_full, stranger};
use anyhow::{Context, Result, ensure};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

/// How long a flood lasts.
fn length() -> Duration {
    Duration::from_secs(if is_full() { 20 } else { 3 })
}

/// Sends the requests in turn, pipelined, over two connections of each stranger, and reads what comes.
async fn flood(to: SocketAddr, strangers: u8, requests: &[String]) -> Result<u64> {
    let batch: String = requests.iter().cycle().take(50.max(requests.len())).map(String::as_str).collect();
    let batch: &'static str = batch.leak();
    let end = Instant::now() + length();
    let mut connections = JoinSet::new();
    for number in 0..strangers * 2 {
        connections.spawn(async move {
            let mut bytes = 0_u64;
            let mut buffer = vec![0; 64 * 1024];
            while Instant::now() < end {
                let mut stream = connect(stranger(1 + number / 2), to).await?;
                while Instant::now() < end && stream.write_all(batch.as_bytes()).await.is_ok() {
                    match stream.read(&mut buffer).await {
                        Ok(0) | Err(_) => break,
                        Ok(read) => bytes += read as u64,
                    }
                }
            }
            anyhow::Ok(bytes)
        });
    }
    let mut bytes = 0;
    while let Some(read) = connections.join_next().await {
        bytes += read??;
    }
    Ok(bytes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_without_credentials_fill_neither_the_log_nor_the_server() -> Result<()> {
    let scene = Scene::new("calls without credentials").await?;
    let log = scene.installation.folder().join("server.log");
    scene
        .under(async {
            let before = std::fs::metadata(&log)?.len();
            flood(scene.address(), 2, &[scene.anonymous("")]).await?;
            let grown = std::fs::metadata(&log)?.len() - before;
            ensure!(grown < 2_000_000, "the log has grown by {grown} bytes");
            // Two calls come back each second.
            for _ in 0..1_000 {
                let request = scene.anonymous("Connection: close\r\n");
                let (status, text) = exchange(stranger(1), scene.address(), &request).await?;
                if status == 429 {
                    ensure!(text.to_ascii_lowercase().contains("retry-after:"), "{text}");
                    return Ok(());
                }
            }
            anyhow::bail!("a stranger is refused nothing")
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_that_are_made_up_and_modules_that_are_not_there() -> Result<()> {
    let scene = Scene::new("made-up tokens and modules").await?;
    let port = scene.port();
    let mut requests: Vec<_> = (0..25)
        .map(|number| scene.anonymous(&format!("Authorization: Bearer made-up-{number}\r\n")))
        .collect();
    requests.extend((0..25).map(|number| {
        format!(
            "GET /api/v1/modules/00000000-0000-7000-8000-0000000000{number:02}/records/x HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n"
        )
    }));
    scene.under(async { flood(scene.address(), 2, &requests).await.map(|_| ()) }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_origin_uses_up_nothing_of_the_domain() -> Result<()> {
    let scene = Scene::new("forged origins").await?;
    let (site, module) = (scene.site.as_str(), scene.module.as_str());
    scene.installation.run(&["domain", "add", "localhost:8081", "--site", site, "--module", module]).await?;
    scene
        .under(async {
            flood(scene.address(), 2, &[scene.anonymous("Origin: http://localhost:8081\r\n")]).await?;
            let proved = format!(
                "Origin: http://localhost:8081\r\nAuthorization: Bearer {}\r\nConnection: close\r\n",
                scene.token
            );
            let (status, text) =
                exchange(Ipv4Addr::LOCALHOST, scene.address(), &scene.anonymous(&proved)).await?;
            ensure!(status == 200, "{text}");
            let left = text.lines().find(|line| line.to_ascii_lowercase().starts_with("ratelimit:"));
            let left = left.context("no RateLimit header")?;
            ensure!(left.contains("\"domain\";r=999"), "{left}");
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_files_and_pages_that_are_nobodys() -> Result<()> {
    let scene = Scene::new("unknown hosts, files and pages").await?;
    let get = |path: &str, host: &str| format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let here = format!("localhost:{}", scene.port());
    let requests = [
        get("/console", "evil.test"),
        get("/embed/x", &here),
        get("/v1/embed.js", &here),
        get("/console/sign-in", &here),
        get("/api/openapi.json", &here),
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
    ];
    scene.under(async { flood(scene.address(), 2, &requests).await.map(|_| ()) }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_for_codes_does_not_lock_the_owner_out() -> Result<()> {
    let scene = Scene::new("requests for codes").await?;
    scene.installation.run(&["user", "invite", "ada@example.com", "--owner"]).await?;
    let port = scene.port();
    let ask = |email: &str| {
        let body = format!("email={}", email.replace('@', "%40"));
        format!(
            "POST /console/sign-in HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: http://localhost:{port}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    };
    scene
        .under(async {
            for number in 1..=2 {
                let mut given = 0;
                for _ in 0..30 {
                    let (status, _) =
                        exchange(stranger(number), scene.address(), &ask("ada@example.com")).await?;
                    given += usize::from(status == 303);
                }
                ensure!(given == 3, "{given} codes within a minute");
            }
            let (status, text) =
                exchange(Ipv4Addr::LOCALHOST, scene.address(), &ask("ada@example.com")).await?;
            ensure!(status == 303, "the owner was refused: {text}");
            Ok(())
        })
        .await
}
