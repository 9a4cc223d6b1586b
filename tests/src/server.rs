//! A running `embed-server serve`.

use crate::installation::Installation;
use crate::wait;
use anyhow::{Context, Result, bail};
use std::process::Stdio;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// A started server; it is killed when this goes.
pub struct Server {
    process: Child,
}

impl Server {
    /// Starts the installation's server and waits until it is ready. Its log goes to `server.log` in its folder.
    pub async fn start(installation: &Installation) -> Result<Self> {
        Self::start_process(installation, installation.command(["serve"]), "/readyz").await
    }

    /// Starts a server by this command, and waits until it answers at a path.
    pub async fn start_process(
        installation: &Installation,
        mut command: Command,
        path: &str,
    ) -> Result<Self> {
        let log = std::fs::File::create(installation.folder().join("server.log"))?;
        let mut process = command
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("`embed-server serve` cannot be started")?;
        wait::until("the server was ready", wait::LIMIT, async || {
            if let Some(status) = process.try_wait()? {
                let log = std::fs::read_to_string(installation.folder().join("server.log"))?;
                bail!("the server ended with {status}: {log}");
            }
            let answer = get(installation.port, "localhost", path).await;
            Ok(answer.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")).then_some(()))
        })
        .await?;
        Ok(Self { process })
    }

    /// The id of its process, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }
}

/// Sends a process that this test started a signal by its name, e.g. `INT`.
pub async fn signal(process: &Child, name: &str) -> Result<()> {
    let id = process.id().context("the process has ended already")?;
    let status = Command::new("sh").args(["-c", "kill -$0 $1", name, &id.to_string()]).status().await?;
    if !status.success() {
        bail!("`kill -{name}` failed");
    }
    Ok(())
}

/// The raw answer, head and body, of a `GET` that asks for `host`: names below `localhost` resolve in browsers only.
pub async fn get(port: u16, host: &str, path: &str) -> Result<String> {
    exchange(port, &format!("GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n")).await
}

/// The raw answer of a `POST` from a page of `origin`.
pub async fn post(port: u16, path: &str, origin: &str, body: &str) -> Result<String> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: {origin}\r\nConnection: close\r\nContent-Length: {length}"
    );
    exchange(port, &format!("{head}\r\n\r\n{body}")).await
}

/// The raw answer to a raw request that asks for `Connection: close`.
pub async fn exchange(port: u16, request: &str) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
