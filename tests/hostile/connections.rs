//! Connections that are held, heads that are long or never end.

use crate::target::{Target, connect, is_full, stranger};
use anyhow::{Result, ensure};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forty_addresses_hold_every_connection() -> Result<()> {
    let (limit, each) = if is_full() { ("10000", 250) } else { ("1000", 30) };
    let target = Target::with("held connections", &[("EMBED_CONNECTION_LIMIT", limit)]).await?;
    target
        .under(async {
            let mut held = Vec::new();
            for number in 1..=40 {
                for _ in 0..each {
                    held.push(connect(stranger(number), target.address()).await?);
                }
            }
            // Places are taken and lost while others come and go.
            tokio::time::sleep(Duration::from_secs(if is_full() { 20 } else { 3 })).await;
            ensure!(held.len() == 40 * each);
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_opens_more_connections_than_it_may() -> Result<()> {
    let target = Target::new("connections of one address").await?;
    target
        .under(async {
            let mut held = Vec::new();
            for _ in 0..1_200 {
                held.push(connect(stranger(1), target.address()).await?);
            }
            let is_closed = |stream: &tokio::net::TcpStream| match stream.try_read(&mut [0]) {
                Ok(read) => read == 0,
                Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
            };
            stories::wait::until("what is too much was closed", stories::wait::LIMIT, async || {
                let closed = held.iter().filter(|stream| is_closed(stream)).count();
                Ok((closed >= 1_200 - 256).then_some(()))
            })
            .await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_of_400_kilobytes_are_refused_early() -> Result<()> {
    let target = Target::new("long heads").await?;
    target
        .under(async {
            let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX-Fill: {}", "x".repeat(400 * 1024));
            let head: &'static str = head.leak();
            let mut sent = JoinSet::new();
            for number in 0..500_u16 {
                let address = target.address();
                sent.spawn(async move {
                    let mut stream = connect(stranger(1 + (number % 4) as u8), address).await?;
                    // It may be closed while it is written to.
                    let _ = stream.write_all(head.as_bytes()).await;
                    let mut answer = Vec::new();
                    let _ = stream.read_to_end(&mut answer).await;
                    Ok(String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 431 ") || answer.is_empty())
                });
            }
            while let Some(refused) = sent.join_next().await {
                let refused: Result<bool> = refused?;
                ensure!(refused?, "a head of 400 KB was taken");
            }
            Ok(())
        })
        .await
}
