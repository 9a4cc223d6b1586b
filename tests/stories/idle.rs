//! Ten seconds with embeds on the page, in which nothing happens.

use anyhow::Result;
use serde_json::json;
use std::time::Duration;
use stories::story;

/// Counts, from before the loader, what is set to run by itself, what shifts, and in which long frames a script of ours had
/// a part. How long a frame takes is the machine's business, which may be busy with other things; but embeds that nothing
/// happens to run nothing, and have a part in no frame.
const COUNTED: &str = "<script>
  window.counted = { timers: [], shift: 0, scripts: [] }
  for (const name of ['setTimeout', 'setInterval', 'requestAnimationFrame', 'requestIdleCallback', 'queueMicrotask']) {
    const real = window[name]
    window[name] = (...args) => { counted.timers.push(name); return real.apply(window, args) }
  }
  const observe = (type, take) => new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true })
  observe('layout-shift', ({ value }) => { counted.shift += value })
  observe('long-animation-frame', (frame) => {
    counted.scripts.push(...frame.scripts.map(({ sourceURL }) => sourceURL).filter((url) => url.includes('/v1/')))
  })
</script>";

/// The page's own footing: embeds that have their space, and a text below them that would shift.
const PAGE: &str = "place.style.minHeight = '400px'
  document.body.append('Below')
  Dramac('ready', () => {
    window.embeds = ['inline', 'widget', 'popup'].map((type) => Dramac.embed({ siteId, moduleId, type, height: 300, container: '#place' }))
  })";

#[tokio::test]
async fn ten_seconds_with_embeds_open_shift_nothing_set_no_timer_and_run_no_long_task() -> Result<()> {
    story(async |stage| {
        let page = stage.page_with_loader(&format!("{COUNTED}{}", stage.loader("async")), PAGE);
        let browser = &stage.browser;
        browser.open(&stage.website.put("/", page)).await?;
        browser.until("all three were ready", "window.embeds?.every(({ state }) => state === 'ready')").await?;
        assert_eq!(browser.value("counted.shift").await?, 0, "while they came");
        browser.run("embeds[1].open()", ()).await?;
        let still = "embeds[1].state === 'open' && deep('.panel').every((panel) => panel.getAnimations().length === 0)";
        browser.until("the panel was open and stood still", still).await?;

        let begin = "Object.assign(counted, { timers: [], shift: 0, scripts: [] })
            performance.clearResourceTimings(); window.since = performance.now()";
        browser.run(begin, ()).await?;
        let ten_seconds = "performance.now() - since > 10_000";
        browser.until_within(Duration::from_secs(30), "ten seconds had passed", ten_seconds).await?;
        assert_eq!(browser.value("counted").await?, json!({ "timers": [], "shift": 0, "scripts": [] }));
        assert_eq!(browser.value("performance.getEntriesByType('resource').length").await?, 0);
        stage.log().await?;
        Ok(())
    })
    .await
}
