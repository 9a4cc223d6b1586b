//! Signing in with GitHub, which npm's `emulate` stands in for: it keeps its side of OAuth, but for PKCE, which it does not
//! check.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::process::Stdio;
use stories::{Installation, Stage, port, repository, story_on, wait};
use tempfile::NamedTempFile;
use tokio::process::{Child, Command};

/// Who has an account there. Ada is invited here, Eve is not.
const ACCOUNTS: [(&str, &str); 2] = [("ada", "ada@example.com"), ("eve", "eve@example.com")];

struct GitHub {
    port: u16,
    _accounts: NamedTempFile,
    _process: Child,
}

impl GitHub {
    async fn start() -> Result<Self> {
        let modules = cdn::npm::install(&repository("tests/github"), &repository("target/npm"))?;
        let (port, accounts) = (port::free()?, tempfile::Builder::new().suffix(".json").tempfile()?);
        let users = ACCOUNTS.map(|(login, email)| json!({ "login": login, "name": login, "email": email }));
        std::fs::write(accounts.path(), json!({ "github": { "users": users } }).to_string())?;
        let process = Command::new("node")
            .arg(modules.join("emulate/dist/index.js"))
            .args(["start", "--service", "github", "--port", &port.to_string(), "--seed"])
            .arg(accounts.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("emulate cannot be started")?;
        wait::until("emulate listened", wait::LIMIT, async || Ok(port::taken(port).then_some(()))).await?;
        Ok(Self { port, _accounts: accounts, _process: process })
    }

    fn origin(&self) -> String {
        format!("http://localhost:{}", self.port)
    }
}

/// Goes to the console, and through GitHub as this person.
async fn sign_in(stage: &Stage, login: &str) -> Result<()> {
    stage.browser.open(&format!("{}/console/account", stage.installation.origin())).await?;
    stage.browser.click("document.querySelector('a[href^=\"/console/sign-in/github\"]')").await?;
    stage.browser.until("GitHub asked who it is", "document.querySelector('.user-btn')").await?;
    stage
        .browser
        .click(&format!(
            "document.querySelector('input[name=login][value={login}]').form.querySelector('button')"
        ))
        .await?;
    stage.browser.until("the console was back", "location.pathname.startsWith('/console')").await?;
    Ok(())
}

#[tokio::test]
async fn whoever_is_invited_comes_in_with_github_and_nobody_else() -> Result<()> {
    let github = GitHub::start().await?;
    let installation = Installation::new()?
        .with("EMBED_GITHUB_CLIENT_ID", "embed")
        .with("EMBED_GITHUB_CLIENT_SECRET", "secret")
        .with("EMBED_GITHUB_URL", github.origin())
        .with("EMBED_GITHUB_API_URL", github.origin());
    story_on(installation, async |stage| {
        stage.installation.run(&["user", "invite", "ada@example.com", "--owner"]).await?;
        let text = "document.querySelector('main').innerText";
        let reads = async |words: &str| {
            let said = format!("document.querySelector('main')?.innerText.includes({})", json!(words));
            stage.browser.until(&format!("the page said “{words}”"), &said).await
        };

        sign_in(stage, "eve").await?;
        reads("None of the addresses that GitHub has verified for you is invited here.").await?;

        sign_in(stage, "ada").await?;
        stage.browser.until("the account was shown", "location.pathname === '/console/account'").await?;
        reads("You are signed in as ada@example.com").await?;
        reads("with GitHub").await?;

        // Somebody else's answer is nobody's, whether this browser has begun or not.
        let callback = format!("{}/console/sign-in/github/callback", stage.installation.origin());
        for wrong in ["?code=1&state=2", "?error=access_denied", ""] {
            stage.browser.open(&format!("{callback}{wrong}")).await?;
            let said = stage.browser.value(text).await?.to_string();
            ensure!(said.contains("This browser did not start signing in with GitHub"), "{wrong}: {said}");
        }
        stage.browser.session.delete_all_cookies().await?;
        stage.browser.open(&format!("{}/console/sign-in", stage.installation.origin())).await?;
        let begun = stage
            .browser
            .value("document.querySelector('a[href^=\"/console/sign-in/github\"]').href")
            .await?;
        stage.browser.open(begun.as_str().context("an address")?).await?;
        for (wrong, words) in [
            ("?code=1&state=2", "belongs to another attempt"),
            ("?error=access_denied&error_description=No", "This browser did not start"),
        ] {
            stage.browser.open(&format!("{callback}{wrong}")).await?;
            let said = stage.browser.value(text).await?.to_string();
            ensure!(said.contains(words), "{wrong}: {said}");
        }
        Ok(())
    })
    .await
}
