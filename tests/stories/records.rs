//! A module keeps data, and scripts of pages reach it: what the token lets them do, and what CORS lets them read.

use anyhow::{Result, ensure};
use serde_json::json;
use stories::{Stage, Website, story, wait};

/// Stores a note from inside the frame; the answer's status.
const STORE: &str = "const response = await Dramac.module.api('records/notes', {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ text: 'Hello' }),
}); return response.status";

/// An hour of the domain's pages, and what one address may use of it.
const LIMITS: &str = r#""domain";q=1000;w=3600, "domain-share";q=100;w=3600"#;

#[tokio::test]
async fn a_module_keeps_what_visitors_give_it() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline'").await?;
        let stored = stage.inside(STORE).await?;
        assert_eq!(stored, 201);
        let read = "const response = await Dramac.module.api('records/notes?sort=-createdAt')
            return [response.status, response.headers.get('RateLimit-Policy'), (await response.json()).data.map(({ data }) => data)]";
        let read = stage.inside(read).await?;
        assert_eq!(read, json!([200, LIMITS, [{ "text": "Hello" }]]));
        let refused = "const response = await Dramac.module.api('records/notes', { method: 'POST', body: '{}', headers: { 'Content-Type': 'application/json' } })
            return [response.status, (await response.json()).errors]";
        let refused = stage.inside(refused).await?;
        assert_eq!(refused[0], 422);
        ensure!(refused[1].to_string().contains("text"), "the field is named: {refused}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_module_gets_a_new_token_when_the_old_one_ends() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline'").await?;
        let before = stage.inside("return Dramac.module.context.token").await?;
        stage.inside("Dramac.module.context.token = 'junk'").await?;
        assert_eq!(stage.inside(STORE).await?, 201, "a refused token is renewed, and the call made again");
        let after = stage.inside("return Dramac.module.context.token").await?;
        ensure!(after != before && after != "junk", "the token is a new one");
        stage.browser.run("embed.on('message', (message) => log.push(message.type)); embed.on('renew', () => log.push('asked'))", ()).await?;
        stage.inside("Dramac.module.context.token = 'junk'").await?;
        assert_eq!(stage.inside(STORE).await?, 201);
        assert_eq!(stage.log().await?, json!([]), "that is no matter of the page's");

        let domains = stage.installation.run(&["domain", "list", "--site", &stage.site, "--module", &stage.module]).await?;
        stage.installation.run(&["domain", "remove", domains["data"][0]["id"].as_str().unwrap_or_default()]).await?;
        wait::until("the page to be refused", wait::LIMIT, async || {
            let asked = "return Dramac.module.api('records/notes').then(({ status }) => status, ({ code }) => code)";
            Ok((stage.inside(asked).await? == "origin_not_allowed").then_some(()))
        })
        .await
    })
    .await
}

/// What a page reads of the notes with a token: the answer, or that its browser keeps it from the page.
async fn read(stage: &Stage, website: &Website, token: &str) -> Result<serde_json::Value> {
    stage.browser.open(&website.put("/reader", "<!doctype html><title>Reader</title>")).await?;
    let url = format!("{}/api/v1/modules/{}/records/notes", stage.installation.origin(), stage.module);
    let script = "const [url, token] = arguments
        const ask = (init) => fetch(url, init).then(async (response) => [response.status, (await response.json()).code ?? 'data', response.headers.get('RateLimit') !== null], () => 'kept from the page')
        return Promise.all([ask({ headers: { Authorization: 'Bearer ' + token } }), ask({}), ask({ method: 'DELETE', headers: { 'X-API-Key': token } })])";
    stage.browser.run(script, [json!(url), json!(token)]).await
}

#[tokio::test]
async fn a_browser_lets_a_page_read_only_what_its_domain_may() -> Result<()> {
    story(async |stage| {
        let at = ["--site", &stage.site, "--module", &stage.module];
        let create = [&["token", "create", "Page", "--scopes", "read"][..], &at].concat();
        let token = stage.installation.run(&create).await?["token"].as_str().unwrap_or_default().to_owned();
        let (embeds_only, stranger) = (Website::start().await?, Website::start().await?);
        stage.admit(&embeds_only, &stage.module).await?;
        let list = stage.installation.run(&[&["domain", "list"][..], &at].concat()).await?;
        let added = list["data"].as_array().and_then(|list| list.last()).map(|domain| domain["id"].clone());
        stage
            .installation
            .run(&["domain", "set", added.unwrap_or_default().as_str().unwrap_or_default(), "--no-api"])
            .await?;

        let allowed =
            json!([[200, "data", true], [401, "unauthenticated", true], [405, "method_not_allowed", true]]);
        assert_eq!(read(stage, &stage.website, &token).await?, allowed);
        let kept = json!(["kept from the page", "kept from the page", "kept from the page"]);
        wait::until("the server to know that the page may not", wait::LIMIT, async || {
            Ok((read(stage, &embeds_only, &token).await? == kept).then_some(()))
        })
        .await?;
        assert_eq!(read(stage, &stranger, &token).await?, kept);
        Ok(())
    })
    .await
}
