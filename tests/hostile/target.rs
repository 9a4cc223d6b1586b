//! A server with a module, and strangers at addresses of the loopback network.

use crate::watch::{Figures, Watch};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use stories::{Installation, Server, module};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Mutex, MutexGuard};

/// The most resident memory that an attack may lead to, in MiB.
const MOST_MEMORY: u64 = 512;
/// What the allocator may keep beside a fifth of what was resident before, in MiB: it varies from run to run.
const ALLOCATOR_KEEPS: u64 = 24;
/// How long the server has to give memory back.
const MEMORY_BACK: Duration = Duration::from_secs(60);

/// One attack at a time, since they would answer for each other's figures.
static ALONE: Mutex<()> = Mutex::const_new(());

pub struct Target {
    pub installation: Installation,
    pub server: Server,
    pub site: String,
    pub module: String,
    /// A token of the well-behaved caller.
    pub token: String,
    name: &'static str,
    _alone: MutexGuard<'static, ()>,
}

/// Whether the longer attacks of `just hostile` run.
pub fn is_full() -> bool {
    std::env::var_os("HOSTILE_FULL").is_some()
}

impl Target {
    pub async fn new(name: &'static str) -> Result<Self> {
        Self::with(name, &[]).await
    }

    /// A server that has these settings, and otherwise those of an installation in production.
    pub async fn with(name: &'static str, settings: &[(&str, &str)]) -> Result<Self> {
        let alone = ALONE.lock().await;
        rlimit::increase_nofile_limit(u64::MAX)?;
        let installation = Installation::new()?.with("EMBED_ANONYMOUS_LIMIT", "120");
        let installation =
            settings.iter().fold(installation, |installation, (name, value)| installation.with(name, *value));
        let id = |value: &serde_json::Value| value["id"].as_str().map(str::to_owned).context("no id");
        let site = id(&installation.run(&["site", "create", "Hostile"]).await?)?;
        let folder = module::example("feedback");
        let folder = folder.to_str().context("a path in UTF-8")?;
        let module = id(&installation.run(&["module", "publish", folder, "--site", &site]).await?)?;
        let token = installation
            .run(&[
                "token",
                "create",
                "well-behaved",
                "--site",
                &site,
                "--module",
                &module,
                "--scopes",
                "read,write",
                "--rate-limit",
                "10000",
            ])
            .await?;
        let token = token["token"].as_str().context("no token")?.to_owned();
        let server = Server::start(&installation).await?;
        Ok(Self { installation, server, site, module, token, name, _alone: alone })
    }

    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.installation.port).into()
    }

    pub fn port(&self) -> u16 {
        self.installation.port
    }

    /// Runs the attack while others watch, and holds the server to its promises.
    pub async fn under<F: Future<Output = Result<()>>>(&self, attack: F) -> Result<()> {
        let watch = Watch::start(self);
        // What the first requests leave in memory is no attacker's doing.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let before = self.memory("VmRSS")?;
        attack.await.with_context(|| format!("the attack {}", self.name))?;
        let figures = watch.stop().await?;
        let peak = self.memory("VmHWM")?;
        ensure!(peak < MOST_MEMORY, "{}: {peak} MiB were resident at the peak", self.name);
        let most = before + before / 5 + ALLOCATOR_KEEPS;
        let mut after = self.memory("VmRSS")?;
        let health =
            format!("GET /healthz HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\n\r\n", self.port());
        stories::wait::until("the memory came back", MEMORY_BACK, async || {
            // The allocator gives back what is free while it is used.
            for number in 0..20 {
                exchange(stranger(number), self.address(), &health).await?;
            }
            after = self.memory("VmRSS")?;
            Ok((after <= most).then_some(()))
        })
        .await
        .with_context(|| format!("{}: {before} MiB before, {after} MiB after", self.name))?;
        let Figures { p99, slowest, answered } = figures;
        println!(
            "{:<32} /healthz p99 {p99:.1} ms, slowest {slowest:.1} ms of {answered}; {before} MiB, {peak} at the peak, {after} after",
            self.name
        );
        Ok(())
    }

    /// A figure of `/proc/PID/status` in MiB.
    fn memory(&self, name: &str) -> Result<u64> {
        let pid = self.server.id().context("the server has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find(|line| line.starts_with(name)).context("no such figure")?;
        let kib: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
        Ok(kib / 1024)
    }

    /// What a stranger without credentials asks of the module's API.
    pub fn anonymous(&self, more: &str) -> String {
        format!(
            "GET /api/v1/modules/{}/records/entries HTTP/1.1\r\nHost: localhost:{}\r\n{more}\r\n",
            self.module,
            self.port()
        )
    }

    /// A stranger's query.
    pub fn graphql(&self, query: &str) -> String {
        let body = json!({ "query": query }).to_string();
        format!(
            "POST /api/v1/modules/{}/graphql HTTP/1.1\r\nHost: localhost:{}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.module,
            self.port(),
            body.len()
        )
    }
}

/// The stranger with this number: each has an address of its own.
pub fn stranger(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, number)
}

pub async fn connect(from: Ipv4Addr, to: SocketAddr) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    Ok(socket.connect(to).await?)
}

/// The status of the answer to a request that asks for `Connection: close`, and its text; 0 where the connection is closed
/// without one.
pub async fn exchange(from: Ipv4Addr, to: SocketAddr, request: &str) -> Result<(u16, String)> {
    let mut stream = connect(from, to).await?;
    // The server may close while it is written to, and has answered all the same.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0);
    Ok((status, answer))
}
