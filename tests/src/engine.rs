//! The three engines that browsers are made of, each with the program through which WebDriver reaches it.

use crate::{installation, port, wait};
use anyhow::{Context, Result};
use embed_testing::duration;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// No sandbox because root has none, and nothing that talks to the network by itself. Hosts of the zone `test` are this machine,
/// with certificates that nobody has signed.
pub(crate) const CHROMIUM_SWITCHES: [&str; 11] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1200,900",
    "--host-resolver-rules=MAP *.test 127.0.0.1",
    "--ignore-certificate-errors",
];

const FIREFOX_SWITCHES: [&str; 4] = ["-headless", "--width=1200", "--height=900", "-profile"];

/// What Firefox has compiled of itself, and for which version. With an empty profile that is half of its start.
const COMPILED: &str = "startupCache";
const COMPILED_FOR: &str = "compatibility.ini";

/// What a page runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Chrome, Edge, Opera and others; here Chromium. The only one that tells what was written to the console and knows the
    /// DevTools protocol.
    Chromium,
    /// Firefox; here its extended support release.
    Firefox,
    /// Safari and all browsers of iOS; here GTK's port in its example browser.
    WebKit,
}

/// A WebDriver server with an empty profile for its browser. It is killed when this goes; a browser that it started is
/// not.
pub struct Driver {
    /// Where it listens.
    pub url: String,
    /// What a new session asks for.
    pub wishes: Value,
    process: Child,
    _display: Option<Child>,
    profile: TempDir,
}

impl Driver {
    /// Starts Chromium's WebDriver server for a browser that runs already; `address` is where it speaks the DevTools protocol.
    pub(crate) async fn of_running_chromium(address: &str) -> Result<Self> {
        let mut driver = Self::start(Engine::Chromium).await?;
        driver.wishes["goog:chromeOptions"] = json!({ "debuggerAddress": address });
        Ok(driver)
    }

    /// Starts the engine's WebDriver server and waits until it listens.
    pub async fn start(engine: Engine) -> Result<Self> {
        duration::record();
        let profile = tempfile::Builder::new().prefix("embed-browser-").tempdir()?;
        let port = port::free()?;
        let mut display = None;
        let (mut command, wishes) = match engine {
            Engine::Chromium => (Command::new("chromedriver"), chromium(profile.path())),
            Engine::Firefox => (Command::new(geckodriver()), firefox(profile.path())?),
            Engine::WebKit => {
                let (screen, name) = screen().await?;
                display = Some(screen);
                let mut command = Command::new("WebKitWebDriver");
                // Whatever GTK keeps in a home folder goes with the profile.
                command.env("DISPLAY", name).env("HOME", profile.path()).env("GDK_BACKEND", "x11");
                (command, webkit()?)
            }
        };
        let name = command.as_std().get_program().to_string_lossy().into_owned();
        let process = command
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{name} cannot be started: `tests/run` installs what is missing"))?;
        wait::until(&format!("{name} listened"), wait::LIMIT, async || Ok(port::taken(port).then_some(())))
            .await?;
        let url = format!("http://127.0.0.1:{port}");
        Ok(Self { url, wishes, process, _display: display, profile })
    }

    /// Ends the server; its sessions have to be ended before.
    pub async fn stop(mut self) -> Result<()> {
        self.process.kill().await?;
        keep_compiled(self.profile.path())
    }
}

fn chromium(profile: &Path) -> Value {
    let profile = format!("--user-data-dir={}", profile.display());
    let switches: Vec<_> = CHROMIUM_SWITCHES.into_iter().chain([profile.as_str()]).collect();
    json!({
        "browserName": "chrome",
        "goog:chromeOptions": { "args": switches },
        "goog:loggingPrefs": { "browser": "ALL" },
    })
}

/// `geckodriver` switches background networking off in the profile.
fn firefox(profile: &Path) -> Result<Value> {
    let kept = kept_compiled();
    if kept.is_dir() {
        copy_compiled(&kept, profile)?;
    }
    let path = profile.to_str().context("the profile's path is UTF-8")?;
    let switches: Vec<_> = FIREFOX_SWITCHES.into_iter().chain([path]).collect();
    Ok(json!({ "browserName": "firefox", "moz:firefoxOptions": { "args": switches } }))
}

fn kept_compiled() -> PathBuf {
    installation::target().join("firefox")
}

/// Keeps what Firefox has compiled for the next one, unless that is there.
fn keep_compiled(profile: &Path) -> Result<()> {
    let (kept, version) = (kept_compiled(), |folder: &Path| std::fs::read(folder.join(COMPILED_FOR)).ok());
    if !profile.join(COMPILED).is_dir() || version(profile) == version(&kept) {
        return Ok(());
    }
    // Another process may do the same.
    let new = tempfile::tempdir_in(installation::target())?;
    copy_compiled(profile, new.path())?;
    let _ = std::fs::remove_dir_all(&kept);
    let _ = std::fs::rename(new.path(), &kept);
    Ok(())
}

fn copy_compiled(from: &Path, to: &Path) -> Result<()> {
    std::fs::copy(from.join(COMPILED_FOR), to.join(COMPILED_FOR))?;
    std::fs::create_dir(to.join(COMPILED))?;
    for file in std::fs::read_dir(from.join(COMPILED))? {
        let file = file?;
        std::fs::copy(file.path(), to.join(COMPILED).join(file.file_name()))?;
    }
    Ok(())
}

fn webkit() -> Result<Value> {
    let browser = mini_browser().context("WebKit's MiniBrowser is not installed: `tests/run` does it")?;
    Ok(json!({ "webkitgtk:browserOptions": { "binary": browser, "args": ["--automation"] } }))
}

/// Debian has no package of it: `tests/run` builds it into the target folder.
fn geckodriver() -> PathBuf {
    let built = installation::target().join("geckodriver/bin/geckodriver");
    if built.is_file() { built } else { "geckodriver".into() }
}

/// It lies with the engine's other programs, in a folder of the machine's architecture and the library's version.
fn mini_browser() -> Option<PathBuf> {
    let folders =
        |parent: PathBuf| std::fs::read_dir(parent).into_iter().flatten().flatten().map(|entry| entry.path());
    let libraries = folders("/usr/lib".into()).filter(|folder| folder.is_dir()).flat_map(folders);
    libraries.map(|library| library.join("MiniBrowser")).find(|browser| browser.is_file())
}

/// A screen that nobody sees, for an engine that cannot do without one, and its name.
async fn screen() -> Result<(Child, String)> {
    let mut screen = Command::new("Xvfb")
        .args(["-displayfd", "1", "-screen", "0", "1200x900x24", "-nolisten", "tcp"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("Xvfb cannot be started: `tests/run` installs what is missing")?;
    let told = screen.stdout.take().context("Xvfb has a standard output")?;
    let number = BufReader::new(told).lines().next_line().await?.context("Xvfb found no free display")?;
    Ok((screen, format!(":{number}")))
}
