//! `README.md` keeps its word to whoever integrates: its walk-throughs run as they are written.

use crate::code_blocks::block;
use crate::consent::{allow, sign_in};
use anyhow::{Context, Result, ensure};
use serde_json::{Deserializer, Value, json};
use std::process::Stdio;
use stories::{Installation, Server, module, story};
use tokio::process::Command;

/// Runs the walk-through; what its commands have printed, one answer after the other.
async fn walk(script: &str) -> Result<Vec<Value>> {
    let run = Command::new("bash").args(["-euc", script]).stderr(Stdio::inherit()).output().await?;
    ensure!(run.status.success(), "the walk-through ended with {}", run.status);
    Ok(Deserializer::from_slice(&run.stdout).into_iter().collect::<Result<_, _>>()?)
}

#[tokio::test]
async fn the_walk_through_of_the_api_runs_as_it_is_written() -> Result<()> {
    let installation = Installation::new()?;
    let site = installation.create_site().await?;
    let feedback = installation.publish(&site, &module::example("feedback")).await?;
    let at = ["--site", &site, "--module", &feedback];
    let made = [&["token", "create", "Walk", "--scopes", "read,write"][..], &at].concat();
    let token = installation.run(&made).await?["token"].as_str().context("a token")?.to_owned();
    let _server = Server::start(&installation).await?;
    let script = block("README.md", "api")?
        .replace("http://localhost:8080", &installation.origin())
        .replace("MODULE_ID", &feedback)
        .replace("TOKEN", &token);

    let answers = walk(&script).await?;
    let [made, list, graphql, misfit, changed, too_late] = &answers[..] else {
        anyhow::bail!("other answers were expected: {answers:?}")
    };
    let entry = json!({ "rating": 2, "comment": "The map is upside down." });
    assert_eq!((&made["data"], &made["version"]), (&entry, &json!(1)));
    assert_eq!(list["data"], json!([made]), "those with at most three stars");
    let nodes = json!([{ "id": made["id"], "data": entry }]);
    assert_eq!(graphql["data"]["records"]["nodes"], nodes, "{graphql}");
    let fields = [&misfit["errors"][0]["field"], &misfit["errors"][1]["field"]];
    assert_eq!((&misfit["status"], fields), (&json!(422), [&json!("/comment"), &json!("/rating")]));
    let data = json!({ "rating": 4, "comment": "Now it is right." });
    assert_eq!((&changed["data"], &changed["version"]), (&data, &json!(2)));
    assert_eq!((&too_late["status"], &too_late["code"]), (&json!(412), &json!("precondition_failed")));

    let again = walk(&script).await?;
    assert_eq!(&again[0], made, "sent again, it makes no second one");
    assert_eq!(again[1]["data"], json!([made]));
    Ok(())
}

#[tokio::test]
async fn the_walk_through_of_an_app_runs_as_it_is_written() -> Result<()> {
    story(async |stage| {
        let module = stage.installation.publish(&stage.site, &module::example("feedback")).await?;
        let registered = "http://127.0.0.1/callback";
        let create = ["client", "create", "My app", "--site", &stage.site, "--module", &module, "--public"];
        let settings = ["--redirect-uri", registered, "--scopes", "read,profile"];
        let client = stage.installation.run(&[&create[..], &settings].concat()).await?;
        sign_in(stage).await?;
        // Where somebody listens, since any port is accepted.
        let callback = format!("http://127.0.0.1:{}/callback", stage.website.port);
        stage.website.put("/callback", "<!doctype html><title>The app</title>");
        let link = block("README.md", "app-link")?
            .replace("http://localhost:8080", &stage.installation.origin())
            .replace("CLIENT_ID", client["clientId"].as_str().context("a client id")?)
            .replace(registered, &callback);
        let begun = Command::new("bash").args(["-euc", &format!("{link}\necho $VERIFIER")]).output().await?;
        let begun = String::from_utf8(begun.stdout)?;
        let (address, verifier) = begun.trim().split_once('\n').context("a link and a verifier")?;
        let answer = allow(&stage.browser, address, "/callback").await?;
        let (_, code) = answer.split_once("code=").context("a code")?;

        let tokens = block("README.md", "app-tokens")?
            .replace("MODULE_ID", &module)
            .replace("code=CODE", &format!("code={}", code.split('&').next().unwrap_or_default()));
        let settings = link.lines().next().context("the settings")?;
        let answers = walk(&format!("{settings}\nVERIFIER={verifier}\n{tokens}")).await?;
        let [records, refreshed] = &answers[..] else {
            anyhow::bail!("other answers were expected: {answers:?}")
        };
        assert_eq!(records["data"], json!([]));
        assert_eq!((&refreshed["scope"], &refreshed["expires_in"]), (&json!("read"), &json!(3600)));
        Ok(())
    })
    .await
}
