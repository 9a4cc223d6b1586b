//! What the product is for, from the first frame to `destroy()`, told once and run in each engine. The other stories go
//! into detail, in Chromium alone.

use anyhow::Result;
use serde_json::json;
use stories::{Engine, Installation, Page, Stage, Website, story_in};

const PANEL: &str = "shown(deep('dialog')[0]?.querySelector('iframe'))";

#[tokio::test]
async fn the_main_job_is_done_in_chromium() -> Result<()> {
    the_main_job(Engine::Chromium).await
}

#[tokio::test]
async fn the_main_job_is_done_in_firefox() -> Result<()> {
    the_main_job(Engine::Firefox).await
}

#[tokio::test]
async fn the_main_job_is_done_in_webkit() -> Result<()> {
    the_main_job(Engine::WebKit).await
}

async fn the_main_job(engine: Engine) -> Result<()> {
    story_in(engine, Installation::optimised()?, async |stage| {
        an_element_of_the_page_is_embedded(stage, None).await?;
        came_as(stage, "sdk.wasm").await?;
        page_and_module_talk(stage).await?;
        the_theme_changes_while_the_module_lives(stage).await?;
        the_frame_is_as_tall_as_its_content(stage).await?;
        stage.browser.screenshot(&format!("engine-{engine:?}-inline")).await?;
        destroy_leaves_nothing(stage).await?;

        a_launcher_opens_and_closes_a_widget(stage).await?;
        stage.browser.screenshot(&format!("engine-{engine:?}-widget")).await?;
        destroy_leaves_nothing(stage).await?;
        the_page_opens_a_popup_and_its_button_closes_it(stage).await?;
        stage.browser.screenshot(&format!("engine-{engine:?}-popup")).await?;
        destroy_leaves_nothing(stage).await?;

        a_stranger_gets_a_card_until_it_is_allowed(stage, engine).await?;

        let server = stage.installation.origin();
        let policy = format!(
            "default-src 'none'; script-src 'unsafe-inline' {server}; connect-src {server}; frame-src http://*.localhost:{}",
            stage.installation.port
        );
        an_element_of_the_page_is_embedded(stage, Some(policy)).await?;
        came_as(stage, "sdk.fallback.js").await?;
        page_and_module_talk(stage).await?;
        destroy_leaves_nothing(stage).await
    })
    .await
}

async fn an_element_of_the_page_is_embedded(stage: &Stage, csp: Option<String>) -> Result<()> {
    let element = format!(
        "<main id=\"place\" data-dramac-embed=\"{}\" data-site-id=\"{}\" data-namespace=\"form\"",
        stage.module, stage.site
    );
    let script = "Dramac('ready', () => { window.embed = Dramac.get('form') })";
    let html = stage.page(script).replace("<main id=\"place\"", &element);
    stage.browser.open(&stage.website.put_page("/", Page { html, csp })).await?;
    stage.ready().await?;
    stage.browser.until("the module was to be seen", "shown(deep('iframe')[0])").await?;
    assert_eq!(stage.inside("return document.querySelector('h1').textContent").await?, "Bridge");
    Ok(())
}

/// Of the two forms of the SDK the page has loaded this one, and not the other.
async fn came_as(stage: &Stage, file: &str) -> Result<()> {
    let forms = "performance.getEntriesByType('resource').map(({ name }) => name.split('/').pop())
        .filter((name) => ['sdk.wasm', 'sdk.fallback.js'].includes(name))";
    assert_eq!(stage.browser.value(forms).await?, json!([file]));
    Ok(())
}

/// `send` and `request` in both directions, and an event.
async fn page_and_module_talk(stage: &Stage) -> Result<()> {
    let browser = &stage.browser;
    let payload = json!({ "at": [1, 2.5, "ä€😀"], "none": null });
    let answer = browser.run("return embed.request('echo', arguments[0])", [payload.clone()]).await?;
    assert_eq!(answer, payload);
    let failure = "return embed.request('fail').catch(({ code, message }) => [code, message])";
    assert_eq!(browser.run(failure, ()).await?, json!(["unlucky", "The module has no luck."]));

    stage.inside("Dramac.module.on('greet', ({ name }) => { document.title = `Hello, ${name}` })").await?;
    browser.run("embed.send('greet', { name: 'Ada' })", ()).await?;
    browser.enter("deep('iframe')[0]").await?;
    browser.until("the module had heard the page", "document.title === 'Hello, Ada'").await?;
    browser.leave().await?;

    browser
        .run("embed.on('double', (n) => 2 * n); embed.on('game:score', ({ points }) => log.push(points))", ())
        .await?;
    assert_eq!(stage.inside("return Dramac.module.request('double', 21)").await?, 42);
    stage.inside("Dramac.module.emit('game:score', { points: 7 })").await?;
    browser.until("the page had heard the module", "log.length").await?;
    assert_eq!(stage.log().await?, json!([7]));
    Ok(())
}

async fn the_theme_changes_while_the_module_lives(stage: &Stage) -> Result<()> {
    stage.inside("window.mark = 'the same document'").await?;
    stage.browser.run("embed.update({ theme: 'dark' })", ()).await?;
    stage.browser.enter("deep('iframe')[0]").await?;
    let dark = "document.documentElement.dataset.theme === 'dark' && window.mark";
    let mark = stage.browser.until("the module was dark", dark).await?;
    stage.browser.leave().await?;
    assert_eq!(mark, "the same document");
    Ok(())
}

async fn the_frame_is_as_tall_as_its_content(stage: &Stage) -> Result<()> {
    for height in [700, 120] {
        let content = format!(
            "document.querySelector('main').style.height = '{height}px'; return document.documentElement.offsetHeight"
        );
        let content = stage.inside(&content).await?;
        let fits = format!("Math.abs(deep('iframe')[0].getBoundingClientRect().height - {content}) <= 1");
        stage.browser.until(&format!("the frame was {content} px tall"), &fits).await?;
    }
    Ok(())
}

async fn a_launcher_opens_and_closes_a_widget(stage: &Stage) -> Result<()> {
    let browser = &stage.browser;
    stage.embed("type: 'widget'").await?;
    assert_eq!(browser.value(PANEL).await?, false);
    browser.click("deep('button.launcher')[0]").await?;
    browser.until("the launcher had opened the panel", PANEL).await?;
    browser.click("deep('button.launcher')[0]").await?;
    browser.until("the launcher had closed the panel", &format!("!{PANEL}")).await?;
    browser.click("deep('button.launcher')[0]").await?;
    browser.until("the launcher had opened the panel again", PANEL).await?;
    Ok(())
}

async fn the_page_opens_a_popup_and_its_button_closes_it(stage: &Stage) -> Result<()> {
    let browser = &stage.browser;
    stage.embed("type: 'popup'").await?;
    assert_eq!(browser.value(PANEL).await?, false);
    browser.run("embed.open()", ()).await?;
    browser.until("the page had opened the dialog", PANEL).await?;
    browser.click("deep('button.close')[0]").await?;
    browser.until("the button had closed the dialog", &format!("!{PANEL}")).await?;
    browser.run("embed.open()", ()).await?;
    browser.until("the page had opened the dialog again", PANEL).await?;
    Ok(())
}

async fn a_stranger_gets_a_card_until_it_is_allowed(stage: &Stage, engine: Engine) -> Result<()> {
    let stranger = Website::start().await?;
    let script = "Dramac('embed', { siteId, moduleId, type: 'inline', container: '#place', onError: ({ code }) => log.push(code) })";
    let browser = &stage.browser;
    browser.open(&stranger.put("/", stage.page(script))).await?;
    browser.until("a card was shown", "shown(deep('[role=alert]')[0])").await?;
    let card = "[...deep('[role=alert]')[0].children].map(({ textContent }) => textContent)";
    assert_eq!(
        browser.value(card).await?,
        json!(["This content could not be loaded.", "origin_not_allowed", "Retry"])
    );
    assert_eq!(stage.log().await?, json!(["origin_not_allowed"]));
    assert_eq!(browser.value("deep('iframe').some(shown)").await?, false);
    browser.screenshot(&format!("engine-{engine:?}-card")).await?;

    stage.admit(&stranger, &stage.module).await?;
    browser.click("deep('[role=alert] button')[0]").await?;
    browser.until("Retry had brought the module", "shown(deep('iframe')[0])").await?;
    Ok(())
}

/// The page is what it was before.
async fn destroy_leaves_nothing(stage: &Stage) -> Result<()> {
    let browser = &stage.browser;
    browser.run("embed.destroy()", ()).await?;
    let body = "[...document.body.children].map(({ localName, childElementCount }) => [localName, childElementCount])";
    assert_eq!(browser.value(body).await?, json!([["button", 0], ["main", 0], ["script", 0]]));
    assert_eq!(browser.value("embed.state").await?, "destroyed");
    stage.log().await?;
    Ok(())
}
