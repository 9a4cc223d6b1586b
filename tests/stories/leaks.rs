//! A page that embeds, opens and destroys all day long needs no more in the evening than it did in the morning.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use stories::{Browser, story_alone, wait};

/// Before the loader: gets hold of the SDK's memory, and counts timers that were set and have neither run nor been cleared.
const GAUGES: &str = "<script>
  const instantiate = WebAssembly.instantiateStreaming
  WebAssembly.instantiateStreaming = async (...args) => {
    const made = await instantiate.apply(WebAssembly, args)
    window.memory = Object.values(made.instance.exports).find((item) => item instanceof WebAssembly.Memory)
    return made
  }
  const timers = new Set(), set = setTimeout, clear = clearTimeout
  window.setTimeout = (run, ...rest) => {
    const id = set((...args) => { timers.delete(id); run(...args) }, ...rest)
    timers.add(id)
    return id
  }
  window.clearTimeout = (id) => { timers.delete(id); clear(id) }
</script>";

/// So many lives, of each kind in turn: embedded, opened, asked, closed, updated, and destroyed with a request in flight.
const LIVES: &str = "return (async () => {
  for (let n = 0; n < arguments[0]; n++) {
    const embed = Dramac.embed({ siteId, moduleId, type: ['inline', 'widget', 'popup'][n % 3], container: '#place', params: { n },
      openOn: ['load', 'exit-intent', '#before'][n % 3], onMessage: () => {} })
    embed.on('score', () => {})
    embed.open()
    await embed.ready
    await embed.request('echo', 'x'.repeat(1000))
    embed.update({ theme: 'dark', launcher: { badge: n } })
    embed.close()
    embed.open()
    const stop = new AbortController()
    const cut = embed.request('never', null, { signal: stop.signal }).catch(({ code }) => code)
    embed.destroy()
    if (await cut !== 'disconnected') throw Error('the request was not cut off')
  }
})()";

async fn live(browser: &Browser, lives: usize) -> Result<()> {
    for _ in 0..lives / 20 {
        browser.run(LIVES, [json!(20)]).await?;
    }
    Ok(())
}

/// What the page has, once everything is collected that can be.
struct Holdings {
    /// Documents, nodes, listeners, timers, and bytes of WebAssembly's memory.
    counts: Value,
    /// Bytes of JavaScript's heap in use.
    heap: i64,
}

impl Holdings {
    async fn of(browser: &Browser) -> Result<Self> {
        // What one collection finalises, the next one frees.
        for _ in 0..3 {
            browser.devtools("HeapProfiler.collectGarbage", json!({})).await?;
        }
        let mut counts = browser.devtools("Memory.getDOMCounters", json!({})).await?;
        counts["timers"] = browser.value("timers.size").await?;
        counts["memory"] = browser.value("memory.buffer.byteLength").await?;
        let usage = browser.devtools("Runtime.getHeapUsage", json!({})).await?;
        let heap = usage["usedSize"].as_f64().context("the heap has a size")? as i64;
        Ok(Self { counts, heap })
    }
}

#[tokio::test]
async fn two_hundred_lives_leave_no_document_node_listener_timer_or_memory() -> Result<()> {
    story_alone(async |stage| {
        let page = stage.page_with_loader(
            &format!("{GAUGES}{}", stage.loader("async")),
            "Dramac('ready', () => { window.sdk = true })",
        );
        let browser = &stage.browser;
        browser.open(&stage.website.put("/", page)).await?;
        browser.until("the SDK was there", "window.sdk && memory").await?;
        // What all embeds share is made by the first, and the browser's own caches fill.
        live(browser, 40).await?;
        let before = Holdings::of(browser).await?;
        live(browser, 200).await?;
        let after = Holdings::of(browser).await?;
        assert_eq!(before.counts, after.counts, "before and after 200 lives");
        // The browser's own bookkeeping takes some hundred bytes for each frame; a handle that stays takes over a thousand.
        let grown = after.heap - before.heap;
        ensure!(grown < 200 * 500, "200 lives left {grown} bytes on JavaScript's heap");
        stage.log().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_was_embedded_before_the_sdk_came_is_forgotten_like_everything_else() -> Result<()> {
    story_alone(async |stage| {
        let script = "window.early = new WeakRef(Dramac.embed({ siteId, moduleId, type: 'inline', container: '#place' }))";
        let page = stage.page_with_loader(&stage.loader(""), script);
        let browser = &stage.browser;
        browser.open(&stage.website.put("/", page)).await?;
        browser.until("the module was ready", "early.deref().state === 'ready'").await?;
        browser.run("early.deref().destroy()", ()).await?;
        wait::until("the handle was collected", wait::LIMIT, async || {
            browser.devtools("HeapProfiler.collectGarbage", json!({})).await?;
            Ok((browser.value("early.deref() === undefined").await? == true).then_some(()))
        })
        .await
    })
    .await
}
