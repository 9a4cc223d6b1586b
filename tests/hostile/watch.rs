//! Those who are not the attacker: whoever watches the server, and a caller who behaves well.

use crate::target::{Target, exchange};
use anyhow::{Result, ensure};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// How long `/healthz` may take in the worst case.
const HEALTH: Duration = Duration::from_secs(5);
/// How long an answer to the well-behaved caller may take.
const ANSWER: Duration = Duration::from_secs(30);

pub struct Watch {
    stop: Arc<AtomicBool>,
    health: JoinHandle<Result<Vec<f64>>>,
    caller: JoinHandle<Result<()>>,
}

/// How long `/healthz` took, in milliseconds.
pub struct Figures {
    pub p99: f64,
    pub slowest: f64,
    pub answered: usize,
}

impl Watch {
    pub fn start(target: &Target) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let (port, address) = (target.port(), target.address());
        let health = format!("GET /healthz HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
        let records = format!("/api/v1/modules/{}/records/entries", target.module);
        let head = |method: &str| {
            format!(
                "{method} {records} HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n",
                target.token
            )
        };
        let body = r#"{"rating":5,"comment":"Well."}"#;
        let create = format!(
            "{}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            head("POST"),
            body.len()
        );
        let list = format!("{}\r\n", head("GET"));
        Self {
            health: tokio::spawn(watch_health(address, health, stop.clone())),
            caller: tokio::spawn(call(address, [(create, 201), (list, 200)], stop.clone())),
            stop,
        }
    }

    pub async fn stop(self) -> Result<Figures> {
        self.stop.store(true, Ordering::Relaxed);
        let mut took = self.health.await??;
        self.caller.await??;
        took.sort_by(f64::total_cmp);
        let slowest = took.last().copied().unwrap_or_default();
        Ok(Figures { p99: took[took.len() * 99 / 100], slowest, answered: took.len() })
    }
}

async fn watch_health(address: SocketAddr, request: String, stop: Arc<AtomicBool>) -> Result<Vec<f64>> {
    let mut took = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let start = Instant::now();
        let answer = tokio::time::timeout(HEALTH, exchange(Ipv4Addr::LOCALHOST, address, &request)).await;
        let Ok(answer) = answer else { anyhow::bail!("/healthz did not answer within {HEALTH:?}") };
        let (status, text) = answer?;
        ensure!(status == 200, "/healthz answered {text:?}");
        took.push(start.elapsed().as_secs_f64() * 1000.0);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(took)
}

/// Makes calls in turn, none of which may be refused.
async fn call(address: SocketAddr, calls: [(String, u16); 2], stop: Arc<AtomicBool>) -> Result<()> {
    for (request, expected) in calls.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let answer = tokio::time::timeout(ANSWER, exchange(Ipv4Addr::LOCALHOST, address, request)).await;
        let Ok(answer) = answer else { anyhow::bail!("a call was not answered within {ANSWER:?}") };
        let (status, text) = answer?;
        ensure!(status == *expected, "the well-behaved caller was answered {text:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}
