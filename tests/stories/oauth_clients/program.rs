//! The apps in other languages: programs below `tests/oauth` that read and write JSON lines.

use super::library::Registration;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::process::Stdio;
use stories::{installation, repository, wait};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// A running program; it is killed when this goes.
pub struct Program {
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl Program {
    pub async fn javascript(registration: &Registration) -> Result<Self> {
        let packages = cdn::npm::install(&repository("tests/oauth"), &repository("target/npm"))?;
        let library = packages.join("oauth4webapi/build/index.js").canonicalize()?;
        let mut command = Command::new("node");
        command.arg(repository("tests/oauth/client.mjs")).arg(format!("file://{}", library.display()));
        Self::start(command, registration).await
    }

    pub async fn python(registration: &Registration) -> Result<Self> {
        let python = installation::target().join("python/bin/python3");
        ensure!(python.is_file(), "{} is not there: `tests/run` installs it", python.display());
        let mut command = Command::new(python);
        command.arg(repository("tests/oauth/client.py")).env("PYTHONDONTWRITEBYTECODE", "1");
        Self::start(command, registration).await
    }

    async fn start(mut command: Command, registration: &Registration) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().with_context(|| format!("{command:?} does not start"))?;
        let input = process.stdin.take().context("its standard input")?;
        let output = BufReader::new(process.stdout.take().context("its standard output")?).lines();
        let mut program = Self { input, output, _process: process };
        program.write(&serde_json::to_value(registration)?).await?;
        Ok(program)
    }

    pub async fn call(&mut self, call: &str, mut given: Value) -> Result<Value> {
        given["call"] = call.into();
        self.write(&given).await?;
        let line = timeout(wait::LIMIT, self.output.next_line());
        let line = line.await.with_context(|| format!("waited in vain until {call} was answered"))??;
        let line = line.with_context(|| format!("the program ended at {call}"))?;
        serde_json::from_str(&line).with_context(|| line.clone())
    }

    async fn write(&mut self, value: &Value) -> Result<()> {
        Ok(self.input.write_all(format!("{value}\n").as_bytes()).await?)
    }
}
