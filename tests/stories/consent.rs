//! A person who allows an app what it asks for, in a browser.

use anyhow::{Context, Result};
use stories::{Browser, Stage};

/// The person.
pub const PERSON: &str = "ada@example.com";

/// Signs them in, with a link as the command line prints it.
pub async fn sign_in(stage: &Stage) -> Result<()> {
    stage.installation.run(&["user", "invite", PERSON, "--owner"]).await?;
    let link = stage.installation.run(&["user", "link", PERSON]).await?["link"].clone();
    stage.browser.open(link.as_str().context("a link")?).await?;
    stage.browser.click("document.querySelector('main button')").await?;
    let signed_in = "location.pathname.startsWith('/console/organizations/')";
    stage.browser.until("the person was signed in", signed_in).await?;
    Ok(())
}

/// Follows an app's link, allows what it asks for, and returns the address below `callback` that the browser is sent to. On
/// loopback a person is asked each time, because any program of their machine could have sent them.
pub async fn allow(browser: &Browser, link: &str, callback: &str) -> Result<String> {
    browser.open(link).await?;
    decide(browser, "allow").await?;
    let arrived = format!("location.pathname === '{callback}' && location.href");
    let address = browser.until("the app was answered", &arrived).await?;
    Ok(address.as_str().context("an address")?.to_owned())
}

/// Presses a button of the consent page, once it is there.
pub async fn decide(browser: &Browser, decision: &str) -> Result<()> {
    let button = format!("document.querySelector('button[value={decision}]')");
    browser.until("the person was asked", &button).await?;
    browser.click(&button).await
}
