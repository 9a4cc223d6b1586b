//! Widgets and popups open and close, and a keyboard is enough for it.

use anyhow::Result;
use serde_json::{Value, json};
use stories::{Stage, story, story_alone};
use thirtyfour::Key;

const OPEN: &str = "shown(deep('iframe')[0])";
const CLOSED: &str = "!shown(deep('iframe')[0])";

#[tokio::test]
async fn a_popup_opens_as_a_modal_dialog_and_gives_the_focus_back() -> Result<()> {
    story_alone(async |stage| {
        opens_and_closes(stage, "popup").await?;
        let browser = &stage.browser;
        browser.run("embed.open()", ()).await?;
        browser.until("the popup was open", OPEN).await?;
        let dialog = browser
            .value("deep('dialog, [role=dialog]').filter(shown).map((d) => [d.matches('dialog:modal') || d.ariaModal === 'true', Boolean(d.ariaLabel || d.getAttribute('aria-labelledby'))])")
            .await?;
        assert_eq!(dialog, json!([[true, true]]));
        browser.screenshot("popup").await
    })
    .await
}

#[tokio::test]
async fn a_widget_opens_from_its_launcher_and_gives_the_focus_back() -> Result<()> {
    story_alone(async |stage| {
        opens_and_closes(stage, "widget").await?;
        let browser = &stage.browser;
        browser
            .run("embed.on('open', () => log.push('open')); embed.on('close', () => log.push('close'))", ())
            .await?;
        browser.click("deep('button').filter((b) => b.id !== 'before').find(shown)").await?;
        browser.until("a click on the launcher had opened the panel", OPEN).await?;
        browser.until("the page had heard of it", "log.includes('open')").await?;
        browser.screenshot("widget").await?;
        browser.press(Key::Escape).await?;
        browser.until("Esc had closed the panel", CLOSED).await?;
        browser.until("the page had heard of it", "log.includes('close')").await?;
        let focus = browser.value("document.activeElement.shadowRoot?.activeElement?.tagName").await?;
        assert_eq!(focus, "BUTTON", "the launcher has the focus again");
        Ok(())
    })
    .await
}

/// By its methods, by Esc on the page, by Esc inside the frame, and by the module.
async fn opens_and_closes(stage: &Stage, kind: &str) -> Result<()> {
    stage.embed_unready(&format!("type: '{kind}'")).await?;
    let browser = &stage.browser;
    browser.until("the embed stood", "embed.state").await?;
    assert_eq!(browser.value(CLOSED).await?, true);

    browser.run("before.focus(); embed.open()", ()).await?;
    browser.until("open() had opened it", OPEN).await?;
    stage.ready().await?;
    browser.until("the focus had moved in", "document.activeElement.id !== 'before'").await?;
    browser.press(Key::Escape).await?;
    browser.until("Esc had closed it", CLOSED).await?;
    browser
        .until("the focus had come back from Esc on the page", "document.activeElement.id === 'before'")
        .await?;

    browser.run("embed.toggle()", ()).await?;
    browser.until("toggle() had opened it", OPEN).await?;
    browser.run("embed.toggle()", ()).await?;
    browser.until("toggle() had closed it", CLOSED).await?;

    browser.run("before.focus(); embed.open()", ()).await?;
    browser.until("open() had opened it", OPEN).await?;
    browser.enter("deep('iframe')[0]").await?;
    browser.click("document.querySelector('input')").await?;
    browser.press(Key::Escape).await?;
    browser.leave().await?;
    browser.until("Esc inside the frame had closed it", CLOSED).await?;
    browser
        .until("the focus had come back from Esc inside the frame", "document.activeElement.id === 'before'")
        .await?;

    stage.inside("Dramac.module.open()").await?;
    browser.until("the module had opened it", OPEN).await?;
    stage.inside("Dramac.module.close()").await?;
    browser.until("the module had closed it", CLOSED).await?;
    stage.log().await?;
    Ok(())
}

#[tokio::test]
async fn a_click_beside_a_popup_closes_it_and_one_beside_a_widget_does_not() -> Result<()> {
    story(async |stage| {
        let browser = &stage.browser;
        for (kind, state) in [("popup", "ready"), ("widget", "open")] {
            stage.embed(&format!("type: '{kind}', openOn: 'load'")).await?;
            browser.run("addEventListener('click', () => { window.clicked = true }, true)", ()).await?;
            browser.until("it was open", "embed.state === 'open'").await?;
            let middle = browser.element("deep('dialog')[0]").await?;
            browser.session.action_chain().move_to_element_center(&middle).click().perform().await?;
            assert_eq!(browser.value("embed.state").await?, "open", "after a click on the {kind}");
            browser.session.action_chain().move_to(5, 5).click().perform().await?;
            browser.until("the page was clicked on", "window.clicked").await?;
            assert_eq!(browser.value("embed.state").await?, state, "after a click beside the {kind}");
        }
        stage.log().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_badge_of_the_module_shows_on_the_launcher() -> Result<()> {
    story(async |stage| {
        stage.embed_unready("type: 'widget'").await?;
        let browser = &stage.browser;
        browser.run("embed.open()", ()).await?;
        stage.ready().await?;
        browser.run("embed.close()", ()).await?;
        stage.inside("Dramac.module.badge(3)").await?;
        let three = "deep('*').some((e) => !e.childElementCount && e.textContent.trim() === '3' && shown(e))";
        browser.until("the launcher showed a 3", three).await?;
        stage.inside("Dramac.module.badge(0)").await?;
        browser.until("the badge was gone", &format!("!{three}")).await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_inline_embed_neither_opens_nor_closes() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline'").await?;
        stage.browser.run("embed.close(); embed.toggle()", ()).await?;
        stage.inside("Dramac.module.close()").await?;
        assert_eq!(stage.browser.run("return embed.request('echo', 1)", ()).await?, 1);
        assert_eq!(stage.browser.value(OPEN).await?, true);
        stage.log().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn esc_closes_what_is_on_top_and_nothing_below() -> Result<()> {
    story_alone(async |stage| {
        stage.embed("type: 'widget'").await?;
        let browser = &stage.browser;
        let open = "window.own = Object.assign(document.createElement('dialog'), { innerHTML: '<button>Own</button>' })
            document.body.append(own); own.showModal()
            embed.open()
            window.popup = Dramac.embed({ siteId, moduleId, type: 'popup' }); popup.open()
            window.states = () => [popup.state, embed.state, own.open]
            return popup.ready.then(states)";
        assert_eq!(browser.run(open, ()).await?, json!(["open", "open", true]));
        for expected in [json!(["ready", "open", true]), json!(["ready", "ready", true]), json!(["ready", "ready", false])] {
            // A key that is pressed on the page, not in a frame.
            browser.run("document.activeElement.blur()", ()).await?;
            browser.press(Key::Escape).await?;
            browser.until("one of them had closed", &format!("String(states()) === '{}'", list(&expected))).await?;
        }
        stage.log().await?;
        Ok(())
    })
    .await
}

/// A list as JavaScript's `String` writes it.
fn list(values: &Value) -> String {
    let values = values.as_array().into_iter().flatten();
    values
        .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        .collect::<Vec<_>>()
        .join(",")
}
