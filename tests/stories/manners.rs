//! An embed takes from its page what it needs, and no more.

use crate::idle::{REQUESTS, settled};
use anyhow::{Context, Result};
use serde_json::json;
use stories::{Stage, Website, module, story, story_alone, wait};

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
    story_alone(async |stage| {
        let script = "Dramac('ready', () => {
              window.embeds = ['inline', 'widget', 'popup'].map((type) => Dramac.embed({ siteId, moduleId, type, container: '#place' }))
              embeds[0].on('resize', () => { window.tall = true })
            })";
        let page = stage.page_with_loader(&format!("{COUNTED}{}", stage.loader("async")), script);
        let browser = &stage.browser;
        browser.open(&stage.website.put("/", page)).await?;
        settled(stage).await?;
        assert_ne!(browser.value("calls").await?, json!([]), "what runs is counted");
        browser.run("calls.length = 0; window.since = performance.now()", ()).await?;
        let three_seconds = "performance.now() - since > 3000";
        browser.until("three seconds had passed", three_seconds).await?;
        assert_eq!(browser.value("calls").await?, json!([]));
        assert_eq!(browser.value(REQUESTS).await?, json!([]));
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

/// Opens a page that keeps in `drops` when each `drop` of its module came, by the clock that the SDK counts by.
async fn listens(stage: &Stage, head: &str) -> Result<()> {
    let script = "Dramac('ready', () => {
          window.embed = Dramac.embed({ siteId, moduleId, type: 'inline', container: '#place' })
          window.drops = []
          embed.on('drop', () => { drops.push(event.timeStamp) })
          embed.on('late', () => log.push('late'))
        })";
    let page = stage.page_with_loader(&format!("{head}{}", stage.loader("async")), script);
    stage.browser.open(&stage.website.put("/", page)).await?;
    stage.ready().await
}

/// The module says this; how many drops the page has heard by then.
async fn drops(stage: &Stage, call: &str) -> Result<u64> {
    stage.inside(call).await?;
    // An answer comes after everything that was posted before it, and is no part of the flood.
    assert_eq!(stage.browser.run("return embed.request('echo', 'dry')", ()).await?, "dry");
    stage.browser.value("drops.length").await?.as_u64().context("drops are counted")
}

#[tokio::test]
async fn a_module_that_floods_its_page_is_cut_off_until_the_second_is_over() -> Result<()> {
    for (call, limit) in [
        ("for (let n = 0; n < 12_000; n++) Dramac.module.emit('drop')", 10_000),
        ("for (let n = 0; n < 52_000; n++) Dramac.module.request('drop').catch(() => {})", 50_000),
    ] {
        story(async |stage| {
            let browser = &stage.browser;
            listens(stage, STILL).await?;
            // The module says how tall it is among the first.
            let heard = drops(stage, call).await?;
            assert!((limit - 100..=limit).contains(&heard), "{heard} were heard of {call}");
            let console = browser.console().await?.join("\n");
            assert_eq!(console.matches("[Dramac] The module sends too much").count(), 1, "{console}");

            // The SDK counts in tenths of a second, and begins with whole ones.
            browser.run("clock += 1100", ()).await?;
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
async fn a_flood_across_the_end_of_a_second_is_cut_off_like_any_other() -> Result<()> {
    story(async |stage| {
        let flood = "for (let n = 0; n < 9_000; n++) Dramac.module.emit('drop')";
        listens(stage, STILL).await?;
        for (later, expected) in [(950, 9_000), (100, 10_000), (800, 10_000), (200, 19_000)] {
            stage.browser.run("clock += arguments[0]", [json!(later)]).await?;
            let heard = drops(stage, flood).await?;
            assert!((expected - 100..=expected).contains(&heard), "{heard} were heard {later} ms later");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn as_time_goes_by_a_flood_is_heard_in_part_each_second_and_its_module_afterwards() -> Result<()> {
    story(async |stage| {
        let browser = &stage.browser;
        listens(stage, "").await?;
        let heard = drops(stage, "for (let n = 0; n < 40_000; n++) Dramac.module.emit('drop')").await?;
        assert!(heard >= 9_900, "{heard} were heard");
        let seconds = "drops.slice(10_000).map((time, n) => time - drops[n])";
        let shortest = browser.value(&format!("Math.min(1e9, ...{seconds})")).await?;
        assert!(shortest.as_f64() >= Some(1000.0), "10 001 were heard in {shortest} ms");
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
