//! One installation of the embed server: a folder, its settings, and the command line that works on it.

use crate::{port, repository};
use anyhow::{Context, Result, bail, ensure};
use embed_testing::duration;
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::process::Command;

/// A key for tests, 32 bytes as base64.
const SECRET: &str = "dGVzdHMgdGVzdHMgdGVzdHMgdGVzdHMgdGVzdHMhISE=";

/// A fresh SQLite installation in a temporary folder that goes with it.
pub struct Installation {
    folder: TempDir,
    /// The port on which its server listens.
    pub port: u16,
    /// The port in its public URL: its own, or that of a line in between.
    public_port: u16,
    settings: Vec<(String, String)>,
}

impl Installation {
    /// An installation whose public URL is where its server listens.
    pub fn new() -> Result<Self> {
        let port = port::free()?;
        Self::behind(port, port)
    }

    /// An installation that listens on `port` and is reached through `public_port`.
    pub fn behind(port: u16, public_port: u16) -> Result<Self> {
        duration::record();
        let folder = tempfile::Builder::new().prefix("embed-story-").tempdir()?;
        Ok(Self { folder, port, public_port, settings: Vec::new() })
    }

    /// An installation that serves the optimised bundle, which has the SDK in JavaScript too.
    pub fn optimised() -> Result<Self> {
        let bundle = repository("cdn/dist").canonicalize().unwrap_or_default();
        let manifest = std::fs::read_to_string(bundle.join("v1/manifest.json")).unwrap_or_default();
        ensure!(
            manifest.contains("sdk.fallback.js"),
            "cdn/dist has no translated SDK: run `cargo run -p cdn -- build --optimize` first"
        );
        Ok(Self::new()?.with("EMBED_BUNDLE_DIR", bundle.display().to_string()))
    }

    /// The same with one more setting.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// The folder that holds its database and files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The server's public origin, `http://localhost:PORT`.
    pub fn origin(&self) -> String {
        format!("http://localhost:{}", self.public_port)
    }

    /// The origin of a module.
    pub fn module_origin(&self, module: &str) -> String {
        format!("http://{module}.localhost:{}", self.public_port)
    }

    /// `embed-server` with these arguments, in this installation's folder and with its settings alone.
    pub fn command(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = embed_server();
        command
            .args(args)
            .current_dir(self.folder())
            .env("DATABASE_URL", format!("sqlite://{}", self.folder().join("embed.db").display()))
            .env("EMBED_ANONYMOUS_LIMIT", "1000000")
            .env("EMBED_DEV", "1")
            .env("EMBED_LISTEN", format!("127.0.0.1:{}", self.port))
            .env("EMBED_MODULE_HOST", format!("*.localhost:{}", self.public_port))
            .env("EMBED_PUBLIC_URL", self.origin())
            .env("EMBED_SECRET_KEY", SECRET)
            .env("EMBED_STORAGE_URL", format!("file://{}", self.folder().join("files").display()))
            .envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command that must succeed, with `--json`, and returns what it printed.
    pub async fn run(&self, args: &[&str]) -> Result<Value> {
        let output = self.command(args).arg("--json").output().await?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`embed-server {}` failed: {stderr}", args.join(" "));
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("`embed-server {} --json` printed no JSON", args.join(" ")))
    }

    /// Runs a command that must fail, and returns what it wrote to standard error.
    pub async fn refuses(&self, args: &[&str]) -> Result<String> {
        let output = self.command(args).output().await?;
        if output.status.success() {
            bail!("`embed-server {}` succeeded, but must not", args.join(" "));
        }
        Ok(String::from_utf8(output.stderr)?.trim().to_owned())
    }
}

/// `embed-server` without arguments and without settings: nothing of the caller's environment but `PATH` and `HOME`.
pub fn embed_server() -> Command {
    program("embed-server")
}

/// `cdn`, likewise.
pub fn cdn() -> Command {
    program("cdn")
}

/// The example app for the command line, likewise.
pub fn list_records() -> Command {
    program("list-records")
}

fn program(name: &str) -> Command {
    let mut command = Command::new(binary(name));
    command.env_clear().kill_on_drop(true);
    for name in ["HOME", "PATH"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// The folder that cargo builds into.
pub fn target() -> PathBuf {
    let mut folder = profile();
    folder.pop();
    folder
}

/// The folder of the profile with which this very test was built.
fn profile() -> PathBuf {
    let own = std::env::current_exe().expect("a test knows its own file");
    own.ancestors().nth(2).expect("a test lies in target/PROFILE/deps").to_owned()
}

/// The binary that cargo put beside this very test, so that both are of one profile.
fn binary(name: &str) -> PathBuf {
    let profile = profile();
    let binary = profile.join(name);
    let flag = if profile.ends_with("release") { " --release" } else { "" };
    assert!(binary.is_file(), "{} is not there: run `cargo build --workspace{flag}` first", binary.display());
    binary
}
