//! Apps on the client libraries that others use get access to a module's data with a person's consent, and lose it: each on
//! both databases, as another kind of client.

mod library;
mod on_oauth2;
mod program;

use crate::consent::{PERSON, allow, sign_in};
use crate::postgres::on_postgres;
use anyhow::{Context, Result, ensure};
use library::{App, Authentication, Library, Registration};
use serde_json::{Value, json};
use stories::{Installation, Stage, module, story_on, wait};

#[tokio::test]
async fn oauth4webapi_gets_access_and_loses_it_on_sqlite() -> Result<()> {
    whole_flow(Installation::new()?, Library::OAuth4WebApi, Authentication::Basic).await
}

#[tokio::test]
async fn oauth4webapi_gets_access_and_loses_it_on_postgres() -> Result<()> {
    let flow =
        async |installation| whole_flow(installation, Library::OAuth4WebApi, Authentication::None).await;
    on_postgres(Installation::new()?, flow).await
}

#[tokio::test]
async fn authlib_gets_access_and_loses_it_on_sqlite() -> Result<()> {
    whole_flow(Installation::new()?, Library::Authlib, Authentication::Post).await
}

#[tokio::test]
async fn authlib_gets_access_and_loses_it_on_postgres() -> Result<()> {
    let flow = async |installation| whole_flow(installation, Library::Authlib, Authentication::Basic).await;
    on_postgres(Installation::new()?, flow).await
}

#[tokio::test]
async fn the_oauth2_crate_gets_access_and_loses_it_on_sqlite() -> Result<()> {
    whole_flow(Installation::new()?, Library::OAuth2, Authentication::None).await
}

#[tokio::test]
async fn the_oauth2_crate_gets_access_and_loses_it_on_postgres() -> Result<()> {
    let flow = async |installation| whole_flow(installation, Library::OAuth2, Authentication::Post).await;
    on_postgres(Installation::new()?, flow).await
}

async fn whole_flow(
    installation: Installation,
    library: Library,
    authentication: Authentication,
) -> Result<()> {
    story_on(installation, async |stage| {
        let module = stage.installation.publish(&stage.site, &module::example("feedback")).await?;
        let registration = register(stage, &module, authentication).await?;
        let entries = format!("{}/records/entries", registration.resource);
        create_entry(stage, &module, &entries).await?;
        sign_in(stage).await?;

        let mut app = App::start(library, registration).await?;
        let found = app.succeeds("discover", json!({})).await?;
        ensure!(found["issuer"] == stage.installation.origin(), "{found}");
        gets_access(stage, &mut app, &entries).await?;
        loses_it_by_replaying_a_refresh_token(stage, &mut app, &entries, authentication).await?;
        loses_it_by_revoking(stage, &mut app, &entries, authentication).await
    })
    .await
}

/// An answer of another server, and one to another request, are refused before anything is asked of the token endpoint.
async fn gets_access(stage: &Stage, app: &mut App, entries: &str) -> Result<()> {
    let callback = consent(stage, app).await?;
    let iss = format!("iss={}", stage.installation.origin().replace(':', "%3A").replace('/', "%2F"));
    ensure!(callback.contains(&iss), "{callback} has no {iss}");
    for wrong in [
        callback.replace(&iss, "iss=https%3A%2F%2Fother.example"),
        callback.replace(&format!("&{iss}"), ""),
        callback.replace("state=", "state=other"),
    ] {
        ensure!(wrong != callback);
        app.is_refused("redeem", json!({ "callback": wrong }), None).await?;
    }
    let tokens = app.succeeds("redeem", json!({ "callback": callback })).await?;
    let is_bearer = tokens["token_type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
    ensure!(is_bearer && tokens["expires_in"] == 3600 && tokens["scope"] == "read", "{tokens}");
    let read = app.succeeds("read", json!({ "url": entries, "accessToken": tokens["access_token"] })).await?;
    ensure!(read["data"][0]["data"]["comment"] == "Seen by the app", "{read}");
    Ok(())
}

async fn loses_it_by_replaying_a_refresh_token(
    stage: &Stage,
    app: &mut App,
    entries: &str,
    authentication: Authentication,
) -> Result<()> {
    let first = access(stage, app).await?;
    let second = refresh(app, &first).await?;
    ensure!(second["refresh_token"] != first["refresh_token"], "{second}");
    let again = refresh(app, &first).await?;
    for token in ["access_token", "refresh_token"] {
        ensure!(again[token] == second[token], "an answer that was lost is repeated");
    }
    let question = json!({ "token": second["access_token"] });
    if authentication == Authentication::None {
        app.is_refused("introspect", question, Some("invalid_client")).await?;
    } else {
        let known = app.succeeds("introspect", question).await?;
        ensure!(known["active"] == true && known["username"] == PERSON, "{known}");
    }
    let third = refresh(app, &second).await?;
    app.succeeds("read", json!({ "url": entries, "accessToken": third["access_token"] })).await?;

    // Its child was used, so the first token is a stolen one.
    let is_dead = async |app: &mut App, tokens: &Value| {
        let token = json!({ "refreshToken": tokens["refresh_token"] });
        app.is_refused("refresh", token, Some("invalid_grant")).await
    };
    is_dead(app, &first).await?;
    is_dead(app, &third).await?;
    is_soon_refused(app, entries, &third).await
}

async fn loses_it_by_revoking(
    stage: &Stage,
    app: &mut App,
    entries: &str,
    authentication: Authentication,
) -> Result<()> {
    for token in ["refresh_token", "access_token"] {
        let tokens = access(stage, app).await?;
        app.succeeds("read", json!({ "url": entries, "accessToken": tokens["access_token"] })).await?;
        app.succeeds("revoke", json!({ "token": tokens[token] })).await?;
        is_soon_refused(app, entries, &tokens).await?;
        let refresh = json!({ "refreshToken": tokens["refresh_token"] });
        app.is_refused("refresh", refresh, Some("invalid_grant")).await?;
        if authentication != Authentication::None {
            for token in ["refresh_token", "access_token"] {
                let known = app.succeeds("introspect", json!({ "token": tokens[token] })).await?;
                ensure!(known["active"] == false, "{known}");
            }
        }
        app.succeeds("revoke", json!({ "token": tokens[token] })).await.context("revoked once more")?;
    }
    Ok(())
}

/// Where the app is answered; the registered one has no port.
const CALLBACK: &str = "/callback";

async fn register(stage: &Stage, module: &str, authentication: Authentication) -> Result<Registration> {
    let redirect_uri = format!("http://127.0.0.1:{}{CALLBACK}", stage.website.port);
    stage.website.put(CALLBACK, "<!doctype html><title>The app</title>");
    let registered = format!("http://127.0.0.1{CALLBACK}");
    let mut create = vec!["client", "create", "Reader", "--site", &stage.site, "--module", module];
    create.extend(["--redirect-uri", &registered, "--scopes", "read,profile"]);
    if authentication == Authentication::None {
        create.push("--public");
    }
    let client = stage.installation.run(&create).await?;
    let issuer = stage.installation.origin();
    Ok(Registration {
        resource: format!("{issuer}/api/v1/modules/{module}"),
        issuer,
        client_id: client["clientId"].as_str().context("a client id")?.to_owned(),
        secret: client["secret"].as_str().map(str::to_owned),
        authentication,
        redirect_uri,
    })
}

/// Creates a record with an API token.
async fn create_entry(stage: &Stage, module: &str, entries: &str) -> Result<()> {
    let at = ["--site", &stage.site, "--module", module];
    let token = [&["token", "create", "Seed", "--scopes", "write"][..], &at].concat();
    let token = stage.installation.run(&token).await?["token"].as_str().context("a token")?.to_owned();
    let body = json!({ "rating": 5, "comment": "Seen by the app" }).to_string();
    let request = reqwest::Client::new().post(entries).bearer_auth(token);
    request.header("Content-Type", "application/json").body(body).send().await?.error_for_status()?;
    Ok(())
}

/// Sends a person away with the app's link, and returns the address that they come back with.
async fn consent(stage: &Stage, app: &mut App) -> Result<String> {
    let link = app.succeeds("begin", json!({ "scope": "read" })).await?["url"].clone();
    allow(&stage.browser, link.as_str().context("an address")?, CALLBACK).await
}

/// The tokens of a further authorization.
async fn access(stage: &Stage, app: &mut App) -> Result<Value> {
    let callback = consent(stage, app).await?;
    app.succeeds("redeem", json!({ "callback": callback })).await
}

async fn refresh(app: &mut App, tokens: &Value) -> Result<Value> {
    app.succeeds("refresh", json!({ "refreshToken": tokens["refresh_token"] })).await
}

async fn is_soon_refused(app: &mut App, entries: &str, tokens: &Value) -> Result<()> {
    let read = json!({ "url": entries, "accessToken": tokens["access_token"] });
    wait::until("the access token was refused", wait::LIMIT, async || {
        Ok(app.call("read", read.clone()).await?.get("refused").map(drop))
    })
    .await
}
