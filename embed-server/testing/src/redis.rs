//! A real Redis for one test.

use crate::until;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::net::TcpStream;

pub struct Redis {
    pub url: String,
    port: u16,
    process: Child,
}

impl Redis {
    /// Starts it and waits until it answers; `None` where none is installed.
    pub async fn start() -> Option<Self> {
        Self::start_at(free_port()).await
    }

    async fn start_at(port: u16) -> Option<Self> {
        let process = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        until("Redis to answer", Duration::from_secs(10), async || {
            TcpStream::connect(("127.0.0.1", port)).await.is_ok()
        })
        .await;
        Some(Self { url: format!("redis://127.0.0.1:{port}"), port, process })
    }

    /// Ends it at once.
    pub fn go_away(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again, empty, where it was.
    pub async fn come_back(&mut self) {
        *self = Self::start_at(self.port).await.unwrap();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
