//! Ten seconds with embeds on the page, in which nothing happens.

use anyhow::Result;
use serde_json::json;
use stories::{Stage, story_alone};

/// Counts, from before the loader, what is set to run by itself, what shifts, and in which long frames a script of ours had
/// a part, since `since`. How long a frame takes is the machine's business, which may be busy with other things; but embeds
/// that nothing happens to run nothing, and have a part in no frame. The browser tells of shifts and frames some time later.
const COUNTED: &str = "<script>
  window.counted = { timers: [], shifts: [], scripts: [] }
  window.since = 0
  for (const name of ['setTimeout', 'setInterval', 'requestAnimationFrame', 'requestIdleCallback', 'queueMicrotask']) {
    const real = window[name]
    window[name] = (...args) => { counted.timers.push(name); return real.apply(window, args) }
  }
  const observe = (type, take) => new PerformanceObserver((list) => list.getEntries().filter(({ startTime }) => startTime >= since).forEach(take)).observe({ type, buffered: true })
  observe('layout-shift', ({ value, sources }) => {
    // The page's button stands before the embeds, and is painted before its text has come where the browser is busy.
    const moved = sources.filter(({ node }) => node?.id !== 'before')
    if (moved.length > 0) {
      const places = moved.map(({ node, previousRect, currentRect }) => [node?.nodeName, previousRect, currentRect])
      counted.shifts.push({ value, places })
    }
  })
  observe('long-animation-frame', (frame) => {
    counted.scripts.push(...frame.scripts.map(({ sourceURL }) => sourceURL).filter((url) => url.includes('/v1/')))
  })
</script>";

/// The page's own footing: embeds that have their space, and a text below them that would shift.
const PAGE: &str = "place.style.minHeight = '400px'
  document.body.append('Below')
  Dramac('ready', () => {
    window.embeds = ['inline', 'widget', 'popup'].map((type) => Dramac.embed({ siteId, moduleId, type, height: 300, container: '#place' }))
    embeds[0].on('resize', () => { window.tall = true })
  })";

/// What was fetched since `since`: a frame is told of when it has loaded, which may be later.
pub const REQUESTS: &str = "performance.getEntriesByType('resource').filter(({ startTime }) => startTime >= since).map(({ name }) => name)";

/// Waits until nothing more is to come of three `embeds`: they are ready, their frames have loaded, and the inline one has
/// said how tall it is.
pub async fn settled(stage: &Stage) -> Result<()> {
    let browser = &stage.browser;
    browser.until("all three were ready", "window.embeds?.every(({ state }) => state === 'ready')").await?;
    let loaded = "performance.getEntriesByType('resource').filter(({ initiatorType }) => initiatorType === 'iframe').length === 3";
    browser.until("their frames had loaded", loaded).await?;
    browser.until("the inline module had said how tall it is", "window.tall").await?;
    Ok(())
}

#[tokio::test]
async fn ten_seconds_with_embeds_open_shift_nothing_set_no_timer_and_run_no_long_task() -> Result<()> {
    story_alone(async |stage| {
        let page = stage.page_with_loader(&format!("{COUNTED}{}", stage.loader("async")), PAGE);
        let browser = &stage.browser;
        browser.open(&stage.website.put("/", page)).await?;
        settled(stage).await?;
        assert_eq!(browser.value("counted.shifts").await?, json!([]), "while they came");
        browser.run("embeds[1].open()", ()).await?;
        browser.until("the panel was open", "embeds[1].state === 'open'").await?;
        browser.until_still().await?;

        let begin =
            "Object.assign(counted, { timers: [], shifts: [], scripts: [] }); window.since = performance.now()";
        browser.run(begin, ()).await?;
        let ten_seconds = "performance.now() - since > 10_000";
        browser.until("ten seconds had passed", ten_seconds).await?;
        assert_eq!(browser.value("counted").await?, json!({ "timers": [], "shifts": [], "scripts": [] }));
        assert_eq!(browser.value(REQUESTS).await?, json!([]));
        stage.log().await?;
        Ok(())
    })
    .await
}
