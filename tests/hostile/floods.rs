//! Requests without credentials, as many as the machine gives.

use crate::target::{Target, connect, exchange, is_full, stranger};
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
    let target = Target::new("calls without credentials").await?;
    let log = target.installation.folder().join("server.log");
    target
        .under(async {
            let before = std::fs::metadata(&log)?.len();
            flood(target.address(), 2, &[target.anonymous("")]).await?;
            let grown = std::fs::metadata(&log)?.len() - before;
            ensure!(grown < 2_000_000, "the log has grown by {grown} bytes");
            // Two calls come back each second.
            for _ in 0..1_000 {
                let request = target.anonymous("Connection: close\r\n");
                let (status, text) = exchange(stranger(1), target.address(), &request).await?;
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
    let target = Target::new("made-up tokens and modules").await?;
    let port = target.port();
    let mut requests: Vec<_> = (0..25)
        .map(|number| target.anonymous(&format!("Authorization: Bearer made-up-{number}\r\n")))
        .collect();
    requests.extend((0..25).map(|number| {
        format!(
            "GET /api/v1/modules/00000000-0000-7000-8000-0000000000{number:02}/records/x HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n"
        )
    }));
    target.under(async { flood(target.address(), 2, &requests).await.map(|_| ()) }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_origin_uses_up_nothing_of_the_domain() -> Result<()> {
    let target = Target::new("forged origins").await?;
    let (site, module) = (target.site.as_str(), target.module.as_str());
    target.installation.run(&["domain", "add", "localhost:8081", "--site", site, "--module", module]).await?;
    target
        .under(async {
            flood(target.address(), 2, &[target.anonymous("Origin: http://localhost:8081\r\n")]).await?;
            let proved = format!(
                "Origin: http://localhost:8081\r\nAuthorization: Bearer {}\r\nConnection: close\r\n",
                target.token
            );
            let (status, text) =
                exchange(Ipv4Addr::LOCALHOST, target.address(), &target.anonymous(&proved)).await?;
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
    let target = Target::new("unknown hosts, files and pages").await?;
    let get = |path: &str, host: &str| format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let here = format!("localhost:{}", target.port());
    let requests = [
        get("/console", "evil.test"),
        get("/embed/x", &here),
        get("/v1/embed.js", &here),
        get("/console/sign-in", &here),
        get("/api/openapi.json", &here),
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
    ];
    target.under(async { flood(target.address(), 2, &requests).await.map(|_| ()) }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_for_codes_does_not_lock_the_owner_out() -> Result<()> {
    let target = Target::new("requests for codes").await?;
    target.installation.run(&["user", "invite", "ada@example.com", "--owner"]).await?;
    let port = target.port();
    let ask = |email: &str| {
        let body = format!("email={}", email.replace('@', "%40"));
        format!(
            "POST /console/sign-in HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: http://localhost:{port}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    };
    target
        .under(async {
            for number in 1..=2 {
                let mut given = 0;
                for _ in 0..30 {
                    let (status, _) =
                        exchange(stranger(number), target.address(), &ask("ada@example.com")).await?;
                    given += usize::from(status == 303);
                }
                ensure!(given == 3, "{given} codes within a minute");
            }
            let (status, text) =
                exchange(Ipv4Addr::LOCALHOST, target.address(), &ask("ada@example.com")).await?;
            ensure!(status == 303, "the owner was refused: {text}");
            Ok(())
        })
        .await
}
