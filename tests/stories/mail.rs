//! A mail server, `aiosmtpd`, that keeps the emails it gets.

use anyhow::{Context, Result};
use std::process::Stdio;
use stories::installation::target;
use stories::{port, wait};
use tempfile::NamedTempFile;
use tokio::process::{Child, Command};

/// A running mail server; it is killed when this goes.
pub struct MailServer {
    port: u16,
    emails: NamedTempFile,
    _process: Child,
}

impl MailServer {
    /// Starts it and waits until it listens.
    pub async fn start() -> Result<Self> {
        let (port, emails) = (port::free()?, NamedTempFile::new()?);
        let process = Command::new(target().join("python/bin/aiosmtpd"))
            .args(["--nosetuid", "--listen", &format!("127.0.0.1:{port}")])
            .args(["--class", "aiosmtpd.handlers.Debugging", "stdout"])
            .env("PYTHONUNBUFFERED", "1")
            .stdin(Stdio::null())
            .stdout(emails.reopen()?)
            .kill_on_drop(true)
            .spawn()
            .context("aiosmtpd cannot be started: `tests/run` installs it")?;
        wait::until("the mail server listened", wait::LIMIT, async || Ok(port::taken(port).then_some(())))
            .await?;
        Ok(Self { port, emails, _process: process })
    }

    /// What `SMTP_URL` is set to.
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// The code in the newest email that has one.
    pub async fn code(&self) -> Result<String> {
        wait::until("an email with a code came", wait::LIMIT, async || {
            let emails = std::fs::read_to_string(self.emails.path())?;
            let code = emails.rsplit("Your code is ").next().filter(|_| emails.contains("Your code is "));
            Ok(code.and_then(|rest| rest.get(..6)).map(str::to_owned))
        })
        .await
    }
}
