//! A load generator that costs little beside the server under test: prepared requests over kept connections, on one
//! thread, answers read only as far as HTTP demands.

use anyhow::{Context, Result, ensure};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// What a run of load showed.
pub struct Load {
    /// Answered requests per second.
    pub per_second: f64,
    /// The time within which 99 of 100 requests were answered, in milliseconds.
    pub p99: f64,
}

/// Posts `bodies`, in turn, over so many `connections` at once for about `length`. Every answer must be a 200.
pub fn post(
    port: u16,
    path: &str,
    bodies: &[(String, String)],
    connections: usize,
    length: Duration,
) -> Result<Load> {
    run(
        port,
        bodies.iter().map(|(origin, body)| request(port, path, origin, body)).collect(),
        connections,
        length,
    )
}

/// Gets `paths`, in turn, with a bearer token, likewise.
pub fn get(port: u16, paths: &[String], token: &str, connections: usize, length: Duration) -> Result<Load> {
    let request = |path: &String| {
        format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer {token}\r\n\r\n")
            .into_bytes()
    };
    run(port, paths.iter().map(request).collect(), connections, length)
}

fn run(port: u16, requests: Vec<Vec<u8>>, connections: usize, length: Duration) -> Result<Load> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let requests: &'static [Vec<u8>] = requests.leak();
    let start = Instant::now();
    let mut latencies = runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for first in 0..connections {
            let turn = requests.iter().cycle().skip(first * 7919 % requests.len());
            tasks.spawn(connection(port, turn, start + length));
        }
        let mut latencies = Vec::new();
        while let Some(task) = tasks.join_next().await {
            latencies.extend(task??);
        }
        anyhow::Ok(latencies)
    })?;
    let elapsed = start.elapsed().as_secs_f64();
    latencies.sort_by(f64::total_cmp);
    ensure!(!latencies.is_empty(), "no request was answered in {elapsed} s");
    Ok(Load { per_second: latencies.len() as f64 / elapsed, p99: latencies[latencies.len() * 99 / 100] })
}

fn request(port: u16, path: &str, origin: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: {origin}\r\nContent-Type: text/plain;charset=UTF-8\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Sends one request after the other until `end`; returns how long each took, in milliseconds.
async fn connection(
    port: u16,
    turn: impl Iterator<Item = &'static Vec<u8>>,
    end: Instant,
) -> Result<Vec<f64>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let mut latencies = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    for request in turn {
        let sent = Instant::now();
        if sent > end {
            break;
        }
        stream.write_all(request).await?;
        let mut length = 0;
        loop {
            let read = stream.read(&mut buffer[length..]).await?;
            ensure!(read > 0, "the server closed a connection");
            length += read;
            if whole(&buffer[..length])? {
                break;
            }
        }
        let head = &buffer[..length];
        ensure!(head.starts_with(b"HTTP/1.1 200"), "not a 200: {}", String::from_utf8_lossy(head));
        latencies.push(sent.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(latencies)
}

/// Has an answer, head and body, come in full?
fn whole(answer: &[u8]) -> Result<bool> {
    let Some(head) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(false) };
    let text = std::str::from_utf8(&answer[..head])?.to_ascii_lowercase();
    let length = text.split("\r\n").find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.context("an answer without Content-Length")?.parse()?;
    Ok(answer.len() >= head + 4 + length)
}
