//! When frames come and panels open without a click.

use anyhow::Result;
use serde_json::json;
use stories::{Stage, story, story_alone};

const OPEN: &str = "embed.state === 'open' && shown(deep('iframe')[0])";

#[tokio::test]
async fn an_inline_embed_far_below_waits_until_it_comes_near() -> Result<()> {
    story(async |stage| {
        let script = "place.style.marginTop = '5000px'
            Dramac('ready', () => { window.embed = Dramac.embed({ siteId, moduleId, type: 'inline', container: '#place' }) })";
        let browser = &stage.browser;
        browser.open(&stage.website.put("/", stage.page(script))).await?;
        browser.until("its place was kept", "deep('.skeleton').length").await?;
        assert_eq!(browser.value("deep('iframe').length").await?, 0);
        assert_eq!(browser.value("place.offsetHeight").await?, 500);
        browser.run("place.scrollIntoView()", ()).await?;
        stage.ready().await
    })
    .await
}

/// Opens a page with a widget in a browser that is never idle, unless the page says so, and waits until the launcher is there.
async fn widget_on_a_busy_page(stage: &Stage) -> Result<()> {
    let busy = "<script>window.waiting = []; window.requestIdleCallback = (callback) => waiting.push(callback)</script>";
    let script =
        "Dramac('ready', () => { window.embed = Dramac.embed({ siteId, moduleId, type: 'widget' }) })";
    let page = stage.page_with_loader(&format!("{busy}{}", stage.loader("async")), script);
    stage.browser.open(&stage.website.put("/", page)).await?;
    stage.browser.until("the launcher was there", "shown(deep('button.launcher')[0])").await?;
    assert_eq!(stage.browser.value("deep('iframe').length").await?, 0, "its frame waits");
    Ok(())
}

#[tokio::test]
async fn the_frame_of_a_closed_widget_comes_when_the_page_is_idle() -> Result<()> {
    story(async |stage| {
        widget_on_a_busy_page(stage).await?;
        stage.browser.run("waiting.forEach((callback) => callback())", ()).await?;
        assert_eq!(stage.browser.value("deep('iframe').length").await?, 1);
        stage.ready().await?;
        assert_eq!(stage.browser.value("shown(deep('.panel')[0])").await?, false);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_frame_of_a_closed_widget_comes_when_the_pointer_or_the_focus_does() -> Result<()> {
    story(async |stage| {
        let browser = &stage.browser;
        widget_on_a_busy_page(stage).await?;
        let launcher = browser.element("deep('button.launcher')[0]").await?;
        browser.session.action_chain().move_to_element_center(&launcher).perform().await?;
        browser.until("the pointer had brought the frame", "deep('iframe').length").await?;
        stage.ready().await?;
        assert_eq!(browser.value("shown(deep('.panel')[0])").await?, false);

        widget_on_a_busy_page(stage).await?;
        browser.run("deep('button.launcher')[0].focus()", ()).await?;
        browser.until("the focus had brought the frame", "deep('iframe').length").await?;
        stage.ready().await
    })
    .await
}

#[tokio::test]
async fn where_the_browser_does_not_tell_of_idleness_the_frame_comes_after_a_while() -> Result<()> {
    story(async |stage| {
        let without = "<script>delete window.requestIdleCallback</script>";
        let script =
            "Dramac('ready', () => { window.embed = Dramac.embed({ siteId, moduleId, type: 'widget' }) })";
        let page = stage.page_with_loader(&format!("{without}{}", stage.loader("async")), script);
        stage.browser.open(&stage.website.put("/", page)).await?;
        stage.ready().await
    })
    .await
}

#[tokio::test]
async fn a_pointer_over_the_launcher_opens_where_the_page_wants_it() -> Result<()> {
    story(async |stage| {
        stage.embed_unready("type: 'widget', openOn: 'hover'").await?;
        let browser = &stage.browser;
        browser.until("the launcher was there", "shown(deep('button.launcher')[0])").await?;
        let launcher = browser.element("deep('button.launcher')[0]").await?;
        browser.session.action_chain().move_to_element_center(&launcher).perform().await?;
        browser.until("the panel was open", OPEN).await?;
        launcher.click().await?;
        assert_eq!(browser.value("embed.state").await?, "open", "who clicks now wants it open");
        launcher.click().await?;
        assert_eq!(browser.value("embed.state").await?, "ready", "and who clicks again does not");
        // A finger comes over what it presses.
        let touch = "deep('button.launcher')[0].dispatchEvent(new PointerEvent('pointerenter', { pointerType: 'touch' })); deep('button.launcher')[0].click(); return embed.state";
        assert_eq!(browser.run(touch, ()).await?, "open");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_pointer_that_leaves_upwards_opens_where_the_page_wants_it() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'popup', openOn: 'exit-intent'").await?;
        let leave = "const leave = (clientY, relatedTarget) => before.dispatchEvent(new MouseEvent('mouseout', { clientY, relatedTarget, bubbles: true }))
            leave(300, null); leave(-1, place)
            const early = embed.state
            leave(-1, null)
            return early";
        assert_eq!(stage.browser.run(leave, ()).await?, "ready");
        stage.browser.until("the dialog was open", OPEN).await?;
        let again = "embed.close(); before.dispatchEvent(new MouseEvent('mouseout', { clientY: -1, bubbles: true })); return embed.state";
        assert_eq!(stage.browser.run(again, ()).await?, "ready", "who has closed it is asked no more");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_page_that_comes_back_from_the_cache_goes_on_where_it_was() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline'").await?;
        let browser = &stage.browser;
        browser
            .run("addEventListener('pageshow', ({ persisted }) => { window.persisted = persisted })", ())
            .await?;
        browser
            .run("location.href = arguments[0]", [stage.website.put("/next", "<title>Next</title>").into()])
            .await?;
        browser.until("the next page was there", "document.title === 'Next'").await?;
        browser.session.back().await?;
        browser.until("the page had come back from the cache", "window.persisted").await?;
        assert_eq!(browser.run("return embed.request('echo', 'still')", ()).await?, "still");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_back_button_leaves_the_page_whatever_its_embeds_did() -> Result<()> {
    story_alone(async |stage| {
        let browser = &stage.browser;
        browser.open(&stage.website.put("/first", "<title>First</title>")).await?;
        stage.embed("type: 'popup'").await?;
        let entries = browser.value("history.length").await?;
        browser.run("embed.open(); embed.close(); embed.destroy()", ()).await?;
        let inline = "window.embed = Dramac.embed({ siteId, moduleId, type: 'inline', container: '#place' }); return embed.ready";
        browser.run(inline, ()).await?;
        assert_eq!(browser.value("history.length").await?, entries);
        browser.session.back().await?;
        browser.until("the first page was there", "document.title === 'First'").await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_back_button_inside_a_module_begins_a_new_conversation() -> Result<()> {
    story_alone(async |stage| {
        stage.embed("type: 'inline', onReady: () => log.push(embed.state)").await?;
        let browser = &stage.browser;
        stage.inside("location.search += '&page=2'").await?;
        browser.until("the second page was ready", "log.length === 2").await?;
        assert_eq!(browser.run("return embed.request('echo', 'two')", ()).await?, "two");
        browser.session.back().await?;
        browser.until("the first page was ready again", "log.length === 3").await?;
        assert_eq!(browser.run("return embed.request('echo', 'one')", ()).await?, "one");
        assert_eq!(stage.inside("return location.search.includes('page=2')").await?, false);
        stage.log().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_link_that_opens_a_dialog_still_opens_another_tab_for_who_wants_that() -> Result<()> {
    story_alone(async |stage| {
        stage.embed("type: 'popup', openOn: '#before'").await?;
        let click = "const click = (init) => before.dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true, ...init }))
            const kept = ['ctrlKey', 'metaKey', 'shiftKey'].map((key) => click({ [key]: true }) && embed.state)
            const stop = (event) => event.preventDefault()
            before.addEventListener('click', stop); click(); before.removeEventListener('click', stop)
            return [...kept, embed.state, click(), embed.state]";
        let expected = json!(["ready", "ready", "ready", "ready", false, "open"]);
        assert_eq!(stage.browser.run(click, ()).await?, expected);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_inline_embed_that_is_not_displayed_waits_until_it_is() -> Result<()> {
    story(async |stage| {
        let browser = &stage.browser;
        let hidden = "place.hidden = true; place.innerHTML = `<div data-dramac-embed=\"${moduleId}\" data-site-id=\"${siteId}\"></div>`
            Dramac('ready', () => { window.sdk = true })";
        browser.open(&stage.website.put("/", stage.page(hidden))).await?;
        browser.until("the SDK was there", "window.sdk && deep('.skeleton').length").await?;
        assert_eq!(browser.value("deep('iframe').length").await?, 0);
        browser.run("place.hidden = false", ()).await?;
        browser.until("the frame had come", "shown(deep('iframe')[0])").await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_floats_above_a_page_stays_where_the_page_replaces_its_body() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'widget'").await?;
        let browser = &stage.browser;
        let replace = "const body = document.createElement('body'); body.innerHTML = '<h1>Next</h1>'; document.body = body";
        browser.run(replace, ()).await?;
        browser.until("the launcher was there again", "shown(deep('button.launcher')[0])").await?;
        browser.run("embed.open()", ()).await?;
        browser.until("it was open", OPEN).await?;
        browser.run(replace, ()).await?;
        browser.until("it was open on the next page too", OPEN).await?;
        stage.log().await?;
        Ok(())
    })
    .await
}
