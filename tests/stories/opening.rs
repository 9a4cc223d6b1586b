//! When frames come and panels open without a click.

use anyhow::Result;
use stories::story;

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

#[tokio::test]
async fn a_pointer_over_the_launcher_opens_where_the_page_wants_it() -> Result<()> {
    story(async |stage| {
        stage.embed_unready("type: 'widget', openOn: 'hover'").await?;
        let browser = &stage.browser;
        browser.until("the launcher was there", "shown(deep('button.launcher')[0])").await?;
        let launcher = browser.element("deep('button.launcher')[0]").await?;
        browser.session.action_chain().move_to_element_center(&launcher).perform().await?;
        browser.until("the panel was open", OPEN).await?;
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
