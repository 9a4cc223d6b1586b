//! Whatever a page does, in whatever order its scripts come: nothing is lost, and nothing happens twice.

use anyhow::Result;
use serde_json::json;
use stories::story;

#[tokio::test]
async fn what_was_queued_before_the_script_came_runs_in_order_and_once() -> Result<()> {
    story(async |stage| {
        let script = "Dramac('ready', () => log.push('first'))
            Dramac('embed', { siteId, moduleId, type: 'inline', container: '#place', onReady: () => log.push('module') })
            Dramac('ready', () => log.push('second'))";
        stage.browser.open(&stage.website.put("/", stage.page(script))).await?;
        stage.browser.until("the module was ready", "log.includes('module')").await?;
        assert_eq!(stage.log().await?, json!(["first", "second", "module"]));
        assert_eq!(stage.browser.value("deep('iframe').length").await?, 1);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_handle_works_before_the_sdk_has_come() -> Result<()> {
    story(async |stage| {
        // The loader is there, since its script blocks; the SDK, which it only now fetches, cannot be.
        let script = "const handle = window.embed = Dramac.embed({ siteId, moduleId, type: 'inline', container: '#place' })
            log.push(handle.state)
            handle.once('ready', () => log.push('ready'))
            for (let n = 1; n < 4; n++) handle.send('note', n)
            handle.request('echo', 'early').then((answer) => log.push(answer))";
        stage.browser.open(&stage.website.put("/", stage.page_with_loader(&stage.loader(""), script))).await?;
        stage.browser.until("the request was answered", "log.includes('early')").await?;
        assert_eq!(stage.log().await?, json!(["loading", "ready", "early"]));
        assert_eq!(stage.inside("return heard").await?, json!([1, 2, 3]));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_embed_that_is_destroyed_before_the_sdk_has_come_never_appears() -> Result<()> {
    story(async |stage| {
        let script = "Dramac.embed({ siteId, moduleId, type: 'inline', container: '#place' }).destroy()
            Dramac('ready', () => log.push('ready'))";
        stage
            .browser
            .open(&stage.website.put("/", stage.page_with_loader(&stage.loader(""), script)))
            .await?;
        stage.browser.until("the SDK was there", "log.includes('ready')").await?;
        assert_eq!(stage.browser.value("place.innerHTML + deep('iframe').length").await?, "0");
        stage.log().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_second_copy_of_the_script_does_nothing() -> Result<()> {
    story(async |stage| {
        let twice = format!("{}{}", stage.loader(""), stage.loader("async"));
        let place = format!(
            "</script><div data-dramac-embed=\"{}\" data-site-id=\"{}\"></div><script>",
            stage.module, stage.site
        );
        let script =
            format!("const first = Dramac{place}addEventListener('load', () => log.push(first === Dramac))");
        stage.browser.open(&stage.website.put("/", stage.page_with_loader(&twice, &script))).await?;
        stage.browser.until("a module was shown", "shown(deep('iframe')[0])").await?;
        assert_eq!(stage.log().await?, json!([true]));
        assert_eq!(stage.browser.value("deep('iframe').length").await?, 1);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_element_is_embedded_when_it_comes_and_destroyed_when_it_goes() -> Result<()> {
    story(async |stage| {
        let script = "Dramac('ready', () => log.push('ready'))";
        stage.browser.open(&stage.website.put("/", stage.page(script))).await?;
        stage.browser.until("the SDK was there", "log.includes('ready')").await?;
        let come = "const element = document.createElement('div'); element.id = 'late'
            Object.assign(element.dataset, { dramacEmbed: moduleId, siteId, type: arguments[0] }); place.append(element)";
        for kind in ["inline", "widget"] {
            stage.browser.run(come, [json!(kind)]).await?;
            stage.browser.until("the element was embedded", "deep('iframe, button').some((e) => e.id !== 'before')").await?;
            stage.browser.run("document.getElementById('late').remove()", ()).await?;
            let gone = "!deep('iframe, button').some((e) => e.id !== 'before')";
            stage.browser.until("nothing of it was left", gone).await?;
        }
        stage.log().await?;
        Ok(())
    })
    .await
}
