//! An embed takes from its page what it needs, and no more.

use anyhow::{Context, Result};
use serde_json::json;
use std::time::Duration;
use stories::{Stage, Website, module, story, wait};

/// Counts what runs by itself: timers, frames of animation, requests.
const COUNTED: &str = "<script>
  window.calls = []
  for (const name of ['setTimeout', 'setInterval', 'requestAnimationFrame', 'requestIdleCallback', 'fetch']) {
    const real = window[name]
    window[name] = (...args) => { calls.push(name); return real.apply(window, args) }
  }
</script>";

#[tokio::test]
async fn embeds_that_nothing_happens_to_set_no_timer_and_send_no_request() -> Result<()> {
    story(async |stage| {
        let script = "Dramac('ready', () => {
              window.embeds = ['inline', 'widget', 'popup'].map((type) => Dramac.embed({ siteId, moduleId, type, container: '#place' }))
            })";
        let page = stage.page_with_loader(&format!("{COUNTED}{}", stage.loader("async")), script);
        let browser = &stage.browser;
        browser.open(&stage.website.put("/", page)).await?;
        browser.until("all three were ready", "window.embeds?.every(({ state }) => state === 'ready')").await?;
        assert_ne!(browser.value("calls").await?, json!([]), "what runs is counted");
        browser.run("calls.length = 0; window.since = performance.now(); performance.clearResourceTimings()", ()).await?;
        let three_seconds = "performance.now() - since > 3000";
        browser.until_within(Duration::from_secs(10), "three seconds had passed", three_seconds).await?;
        assert_eq!(browser.value("calls").await?, json!([]));
        assert_eq!(browser.value("performance.getEntriesByType('resource').length").await?, 0);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_module_cannot_lead_its_page_away() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline'").await?;
        let away =
            "try { top.location.href = 'about:blank'; return 'went' } catch (error) { return error.name }";
        assert_eq!(stage.inside(away).await?, "SecurityError");
        assert_eq!(stage.browser.run("return embed.request('echo', 'here')", ()).await?, "here");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_is_prefilled_is_in_no_url() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline', params: { email: 'ada@example.com' }").await?;
        assert_eq!(stage.inside("return Dramac.module.context.params.email").await?, "ada@example.com");
        let urls = "performance.getEntries().map(({ name }) => name).concat(deep('iframe')[0].src).filter((url) => url.includes('ada'))";
        assert_eq!(stage.browser.value(urls).await?, json!([]));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_update_that_cannot_be_is_refused_and_changes_nothing() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline'").await?;
        let update =
            "return [{ moduleId: siteId }, { type: 'popup' }, { theme: 'blue' }, { colour: 'red' }, null]
            .map((change) => { try { return embed.update(change) } catch (error) { return error.code } })";
        assert_eq!(stage.browser.run(update, ()).await?, json!(vec!["invalid_option"; 5]));
        assert_eq!(stage.browser.run("return embed.request('echo', 1)", ()).await?, 1);
        assert_eq!(stage.inside("return document.documentElement.dataset.theme").await?, "light");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_the_page_sends_never_reaches_another_origin() -> Result<()> {
    story(async |stage| {
        let hello = stage.installation.publish(&stage.site, &module::example("hello")).await?;
        stage.installation.allow(&stage.site, &hello, stage.website.port, &[]).await?;
        stage.embed(&format!("type: 'inline', moduleId: '{hello}'")).await?;
        let listener = "<title>Elsewhere</title><script>window.heard = []; addEventListener('message', ({ data }) => heard.push(data))</script>";
        let elsewhere = Website::start().await?;
        stage.inside(&format!("location.href = '{}'", elsewhere.put("/", listener))).await?;
        stage.browser.enter("deep('iframe')[0]").await?;
        stage.browser.until("the frame was elsewhere", "document.title === 'Elsewhere'").await?;
        stage.browser.leave().await?;
        let send = "embed.send('greet', { name: 'Ada' }); embed.update({ theme: 'dark', params: { plan: 'pro' } })
            deep('iframe')[0].contentWindow.postMessage('last', '*')";
        stage.browser.run(send, ()).await?;
        stage.browser.enter("deep('iframe')[0]").await?;
        stage.browser.until("the last message came", "heard.includes('last')").await?;
        assert_eq!(stage.browser.value("heard").await?, json!(["last"]));
        stage.browser.leave().await
    })
    .await
}

/// Time stands still, so that how fast the machine is makes no difference.
const STILL: &str = "<script>
  window.clock = 1000
  Object.defineProperty(Event.prototype, 'timeStamp', { get: () => clock })
</script>";

/// On a page where time stands still a module says `call` in this loop, whose page hears `drop`.
async fn floods(stage: &Stage, head: &str, call: &str) -> Result<u64> {
    let script = "Dramac('ready', () => {
          window.embed = Dramac.embed({ siteId, moduleId, type: 'inline', container: '#place' })
          window.drops = []
          embed.on('drop', () => { drops.push(performance.now()) })
          embed.on('late', () => log.push('late'))
        })";
    let page = stage.page_with_loader(&format!("{head}{}", stage.loader("async")), script);
    let browser = &stage.browser;
    browser.open(&stage.website.put("/", page)).await?;
    stage.ready().await?;
    stage.inside(call).await?;
    // An answer comes after everything that was posted before it, and is no part of the flood.
    assert_eq!(browser.run("return embed.request('echo', 'dry')", ()).await?, "dry");
    browser.value("drops.length").await?.as_u64().context("drops are counted")
}

#[tokio::test]
async fn a_module_that_floods_its_page_is_cut_off_until_the_second_is_over() -> Result<()> {
    for (call, heard, sentence) in [
        (
            "for (let n = 0; n < 12_000; n++) Dramac.module.emit('drop')",
            9_999,
            "[Dramac] The module sends too much",
        ),
        (
            "for (let n = 0; n < 52_000; n++) Dramac.module.request('drop').catch(() => {})",
            49_999,
            "[Dramac] The module sends too much",
        ),
    ] {
        story(async |stage| {
            let browser = &stage.browser;
            // The module says how tall it is among the first.
            let count = floods(stage, STILL, call).await?;
            assert!((heard - 100..=heard).contains(&count), "{count} were heard");
            let console = browser.console().await?.join("\n");
            assert!(console.contains(sentence), "{console}");

            browser.run("clock += 1001", ()).await?;
            stage.inside("Dramac.module.emit('late')").await?;
            browser.until("the module was heard again", "log.length").await?;
            assert_eq!(stage.log().await?, json!(["late"]));
            Ok(())
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn as_time_goes_by_a_flood_is_heard_in_part_each_second_and_its_module_afterwards() -> Result<()> {
    story(async |stage| {
        let browser = &stage.browser;
        let flood = "for (let n = 0; n < 40_000; n++) Dramac.module.emit('drop')";
        let heard = floods(stage, "", flood).await?;
        let seconds = browser.value("Math.floor((drops.at(-1) - drops[0]) / 1000) + 1").await?;
        let most = seconds.as_u64().context("seconds are counted")? * 10_000;
        assert!((9_900..=most).contains(&heard), "{heard} were heard in {seconds} s");
        wait::until("the module was heard again", wait::LIMIT, async || {
            stage.inside("Dramac.module.emit('late')").await?;
            Ok((browser.value("log.length > 0").await? == true).then_some(()))
        })
        .await?;
        stage.log().await?;
        Ok(())
    })
    .await
}
