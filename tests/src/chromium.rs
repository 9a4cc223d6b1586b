//! Chromiums that stay for the next story. Each story gets a fresh browser context, which shares neither storage nor cache
//! with another, and is made in a fraction of the time that a browser takes to start.

use crate::engine::CHROMIUM_SWITCHES;
use crate::wait;
use anyhow::{Context as _, Result, bail};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::Message;

/// Chromiums that no story uses: never more than stories ran at once.
static IDLE: Mutex<Vec<Chromium>> = Mutex::new(Vec::new());

/// Runs Chromium with these switches and the profile `$0` until standard input ends, which is when the tests do, and
/// removes the profile once none of its processes writes there. A static value is never dropped, so nothing in here could
/// do that.
const UNTIL_THE_TESTS_END: &str = r#"chromium=$(command -v chromium || command -v google-chrome)
"$chromium" --user-data-dir="$0" "$@" &
read -r _
trap '' TERM
kill 0
wait
while [ -e "$0" ]; do rm -rf "$0"; done"#;

/// A running Chromium; it ends when this goes.
struct Chromium {
    /// Where it speaks the DevTools protocol, as `HOST:PORT`.
    address: String,
    /// The path of the WebSocket to the browser itself, in place of one of its pages.
    path: String,
    _process: Child,
}

impl Chromium {
    async fn start() -> Result<Self> {
        let profile = TempDir::with_prefix("embed-browser-")?.keep();
        let process = Command::new("sh")
            .args(["-c", UNTIL_THE_TESTS_END])
            .arg(&profile)
            .args(CHROMIUM_SWITCHES)
            .arg("--remote-debugging-port=0")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("Chromium cannot be started")?;
        let file = profile.join("DevToolsActivePort");
        let (port, path) = wait::until("Chromium listened", wait::LIMIT, async || {
            let lines = std::fs::read_to_string(&file).unwrap_or_default();
            Ok(lines
                .split_once('\n')
                .filter(|(_, path)| !path.is_empty())
                .map(|(port, path)| (port.to_owned(), path.to_owned())))
        })
        .await?;
        Ok(Self { address: format!("127.0.0.1:{port}"), path, _process: process })
    }

    /// Gives a command to the browser itself.
    async fn command(&self, method: &str, params: Value) -> Result<Value> {
        let url = format!("ws://{}{}", self.address, self.path);
        let (mut socket, _) = tokio_tungstenite::connect_async(url).await?;
        let command = json!({ "id": 1, "method": method, "params": params });
        socket.send(Message::text(command.to_string())).await?;
        while let Some(message) = socket.next().await {
            let answer: Value = serde_json::from_str(message?.to_text()?)?;
            if answer["id"] == 1 {
                let error = &answer["error"]["message"];
                return if error.is_null() {
                    Ok(answer["result"].clone())
                } else {
                    bail!("{method}: {error}")
                };
            }
        }
        bail!("Chromium did not answer {method}")
    }
}

/// A browser context with one tab, in a Chromium that nobody else uses meanwhile. Where it is dropped and not
/// [disposed of](Context::dispose), its Chromium goes with it.
pub struct Context {
    chromium: Chromium,
    id: Value,
    /// The handle of the tab's window.
    pub window: String,
}

impl Context {
    /// Makes one.
    pub async fn new() -> Result<Self> {
        let idle = IDLE.lock().expect("nobody panics with the list").pop();
        let chromium = match idle {
            Some(chromium) => chromium,
            None => Chromium::start().await?,
        };
        let made = chromium.command("Target.createBrowserContext", json!({})).await?;
        let id = made["browserContextId"].clone();
        let tab = json!({ "url": "about:blank", "browserContextId": id });
        let tab = chromium.command("Target.createTarget", tab).await?;
        let window = tab["targetId"].as_str().context("a tab has an id")?.to_owned();
        Ok(Self { chromium, id, window })
    }

    /// Where its browser speaks the DevTools protocol.
    pub fn address(&self) -> &str {
        &self.chromium.address
    }

    /// Closes its tabs, forgets what it has stored, and leaves its Chromium to the next story.
    pub async fn dispose(self) -> Result<()> {
        let id = json!({ "browserContextId": self.id });
        self.chromium.command("Target.disposeBrowserContext", id).await?;
        IDLE.lock().expect("nobody panics with the list").push(self.chromium);
        Ok(())
    }
}
