//! `examples/apps`: what is there to be copied works. The page is in the demo, whose story presses its button.

use crate::consent::{PERSON, allow, sign_in};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::process::Stdio;
use stories::installation::list_records;
use stories::{Stage, module, story, wait};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

#[tokio::test]
async fn the_command_line_app_asks_once_and_then_lists_records() -> Result<()> {
    story(async |stage| {
        let module = stage.installation.publish(&stage.site, &module::example("feedback")).await?;
        let at = ["--site", &stage.site, "--module", &module];
        let client = ["client", "create", "Lister", "--public", "--scopes", "read"];
        let callback = ["--redirect-uri", "http://127.0.0.1/callback"];
        let client = stage.installation.run(&[&client[..], &callback, &at].concat()).await?;
        let client = client["clientId"].as_str().context("a client id")?;
        create_entry(stage, &module).await?;
        sign_in(stage).await?;

        let mut first = start(stage, client, &module)?;
        let link = link(&mut first).await?;
        allow(&stage.browser, &link, "/callback").await?;
        let said = stage.browser.value("document.body.innerText").await?;
        ensure!(said.as_str().is_some_and(|said| said.contains("You are signed in")), "{said}");
        ensure!(listed(first).await?.contains("Listed by the app"));

        for _ in 0..2 {
            ensure!(
                listed(start(stage, client, &module)?).await?.contains("Listed by the app"),
                "without asking"
            );
        }

        // What was allowed has ended, so the person is asked again.
        stage.installation.run(&["user", "invite", "bob@example.com", "--owner"]).await?;
        stage.installation.run(&["user", "remove", PERSON]).await?;
        let mut later = start(stage, client, &module)?;
        timeout(wait::LIMIT, self::link(&mut later)).await.context("it asked for nothing")??;
        Ok(())
    })
    .await
}

async fn create_entry(stage: &Stage, module: &str) -> Result<()> {
    let at = ["--site", &stage.site, "--module", module];
    let token = [&["token", "create", "Seed", "--scopes", "write"][..], &at].concat();
    let token = stage.installation.run(&token).await?["token"].as_str().context("a token")?.to_owned();
    let entries = format!("{}/api/v1/modules/{module}/records/entries", stage.installation.origin());
    let body = json!({ "rating": 5, "comment": "Listed by the app" }).to_string();
    let request = reqwest::Client::new().post(entries).bearer_auth(token);
    request.header("Content-Type", "application/json").body(body).send().await?.error_for_status()?;
    Ok(())
}

/// Starts the app, whose home is the installation's folder.
fn start(stage: &Stage, client: &str, module: &str) -> Result<Child> {
    let mut command: Command = list_records();
    command.args([&stage.installation.origin(), client, module, "entries"]);
    command.env("HOME", stage.installation.folder()).stdin(Stdio::null());
    Ok(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?)
}

/// The link that it asks its person to open.
async fn link(app: &mut Child) -> Result<String> {
    let mut lines = BufReader::new(app.stderr.take().context("its standard error")?).lines();
    let mut said = Vec::new();
    while let Some(line) = lines.next_line().await? {
        if line.trim().starts_with("http") {
            return Ok(line.trim().to_owned());
        }
        said.push(line);
    }
    anyhow::bail!("it ended without a link: {}", said.join("\n"))
}

/// What it has printed when it ends.
async fn listed(mut app: Child) -> Result<String> {
    let mut printed = String::new();
    let mut output = app.stdout.take().context("its standard output")?;
    timeout(wait::LIMIT, output.read_to_string(&mut printed)).await.context("the app did not end")??;
    ensure!(app.wait().await?.success(), "the app failed");
    Ok(printed)
}
