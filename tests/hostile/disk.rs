//! A disk that is nearly full.

use anyhow::{Result, ensure};
use std::process::Command;
use stories::installation::embed_server;
use stories::{Installation, Server, server};

/// `/readyz` says that there is no room, and `/healthz` that the process lives. The disk is a small file system of its own,
/// which takes a mount namespace.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_not_ready() -> Result<()> {
    let may = Command::new("unshare").args(["--mount", "true"]).status().is_ok_and(|status| status.success());
    if !may {
        println!("skipped: no namespaces");
        return Ok(());
    }
    let installation = Installation::new()?;
    let small = installation.folder().join("small");
    std::fs::create_dir(&small)?;
    let program = embed_server();
    let program = program.as_std().get_program().to_string_lossy().into_owned();
    let script = format!("mount -t tmpfs -o size=64m tmpfs {0} && exec {program} serve", small.display());
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script]);
    let installation = installation.with("EMBED_STORAGE_URL", format!("file://{}/files", small.display()));
    for (name, value) in installation.command(["serve"]).as_std().get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    let _server = Server::start_process(&installation, command.into(), "/healthz").await?;
    let answer = server::get(installation.port, "localhost", "/readyz").await?;
    ensure!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    ensure!(answer.contains("The disk of the modules' files is nearly full"), "{answer}");
    Ok(())
}
