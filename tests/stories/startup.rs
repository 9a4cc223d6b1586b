//! Whatever a page does, in whatever order its scripts come: nothing is lost, and nothing happens twice.

use anyhow::Result;
use serde_json::json;
use stories::{SDK_LATE, Stage, story};

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

/// Opens a page whose script makes `embed` before the SDK has come, and lets the SDK come once the page shows what `before`
/// says.
async fn early(stage: &Stage, script: &str, before: &str) -> Result<()> {
    let page = stage.page_with_loader(&format!("{SDK_LATE}{}", stage.loader("")), script);
    stage.browser.open(&stage.website.put("/", page)).await?;
    stage.browser.until("the page was as far as it comes without the SDK", before).await?;
    stage.browser.run("come()", ()).await?;
    Ok(())
}

#[tokio::test]
async fn who_listened_before_the_sdk_came_hears_all_that_happened_meanwhile() -> Result<()> {
    story(async |stage| {
        let script = "const embed = window.embed = Dramac.embed({ siteId, moduleId, type: 'inline', container: '#place',
              onReady: () => embed.send('note', 'from onReady') })
            embed.on('ready', () => log.push('ready'))
            embed.send('note', 'early')";
        // The verdict has come, and the module has shaken hands.
        early(stage, script, "shown(deep('iframe')[0])").await?;
        stage.ready().await?;
        assert_eq!(stage.log().await?, json!(["ready"]));
        assert_eq!(stage.browser.run("return embed.request('echo', 1)", ()).await?, 1);
        assert_eq!(stage.inside("return heard").await?, json!(["early", "from onReady"]));

        let script = "const embed = Dramac.embed({ siteId, moduleId: siteId, type: 'inline', container: '#place' })
            embed.on('error', ({ code }) => log.push(code))";
        early(stage, script, "window.come").await?;
        stage.browser.until("the page had heard of the error", "log.length").await?;
        assert_eq!(stage.log().await?, json!(["module_not_found"]));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn whoever_gets_a_handle_hears_what_becomes_of_it_at_once() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline'").await?;
        let script = "const second = Dramac.embed({ siteId, moduleId, type: 'inline', container: '#place' })
            second.on('error', ({ code }) => log.push(code))
            return second.ready.catch(() => {})";
        stage.browser.run(script, ()).await?;
        assert_eq!(stage.log().await?, json!(["container_taken"]));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_was_opened_before_the_sdk_came_is_open_then() -> Result<()> {
    story(async |stage| {
        let browser = &stage.browser;
        for (calls, state) in [
            ("embed.open()", "open"),
            ("embed.toggle()", "open"),
            ("embed.open(); embed.close()", "ready"),
            ("embed.toggle(); embed.toggle()", "ready"),
        ] {
            let script =
                format!("window.embed = Dramac.embed({{ siteId, moduleId, type: 'popup' }}); {calls}");
            early(stage, &script, "window.come").await?;
            browser.until("the module was ready or open", &format!("embed.state === '{state}'")).await?;
        }
        stage.log().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn once_the_sdk_is_there_the_loader_listens_to_nothing() -> Result<()> {
    story(async |stage| {
        let count = "<script>window.listening = []
            const { addEventListener: add, removeEventListener: remove } = EventTarget.prototype
            window.addEventListener = (type, run, ...rest) => { listening.push(type); add.call(window, type, run, ...rest) }
            window.removeEventListener = (type, run, ...rest) => { listening.splice(listening.indexOf(type), 1); remove.call(window, type, run, ...rest) }
            </script>";
        let page = stage.page_with_loader(
            &format!("{count}{}", stage.loader("")),
            "log.push(...listening); Dramac('ready', () => { window.sdk = true })",
        );
        stage.browser.open(&stage.website.put("/", page)).await?;
        stage.browser.until("the SDK was there", "window.sdk").await?;
        let before = stage.log().await?;
        assert!(before.as_array().is_some_and(|types| types.contains(&json!("message"))), "{before}");
        assert_eq!(stage.browser.value("listening").await?, json!(["DOMContentLoaded"]));
        Ok(())
    })
    .await
}
