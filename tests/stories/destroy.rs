//! `destroy()` leaves nothing behind.

use anyhow::Result;
use serde_json::{Value, json};
use stories::{Browser, story_alone, wait};

/// Counts timers that were set and have neither run nor been cleared.
const COUNTED_TIMERS: &str = "
const pending = new Set()
for (const name of ['setTimeout', 'setInterval', 'requestAnimationFrame', 'requestIdleCallback']) {
  const set = window[name]
  window[name] = (run, ...rest) => {
    const id = set((...args) => { if (name !== 'setInterval') pending.delete(id); return run(...args) }, ...rest)
    pending.add(id)
    return id
  }
}
for (const name of ['clearTimeout', 'clearInterval', 'cancelAnimationFrame', 'cancelIdleCallback']) {
  const clear = window[name]
  window[name] = (id) => { pending.delete(id); clear(id) }
}
window.timers = () => pending.size
";

#[tokio::test]
async fn an_inline_embed_leaves_no_node_listener_timer_or_style() -> Result<()> {
    leaves_nothing("inline").await
}

#[tokio::test]
async fn a_widget_leaves_no_node_listener_timer_or_style() -> Result<()> {
    leaves_nothing("widget").await
}

#[tokio::test]
async fn a_popup_leaves_no_node_listener_timer_or_style() -> Result<()> {
    leaves_nothing("popup").await
}

#[tokio::test]
async fn an_element_leaves_no_node_listener_timer_or_style() -> Result<()> {
    leaves_nothing("element").await
}

#[tokio::test]
async fn a_data_attribute_leaves_no_node_listener_timer_or_style() -> Result<()> {
    leaves_nothing("attribute").await
}

async fn leaves_nothing(kind: &str) -> Result<()> {
    story_alone(async |stage| {
        let page = stage.page_with_loader(
            &format!("<script>{COUNTED_TIMERS}</script>{}", stage.loader("async")),
            "Dramac('ready', () => { window.sdk = true })",
        );
        let browser = &stage.browser;
        browser.open(&stage.website.put("/", page)).await?;
        browser.until("the SDK was there", "window.sdk").await?;
        // The first embed of a page may leave what all later ones share, such as a style sheet in memory.
        live_and_die(browser, kind).await?;
        let before = traces(browser).await?;
        for _ in 0..3 {
            live_and_die(browser, kind).await?;
        }
        let after = traces(browser).await?;
        assert_eq!(before, after, "before and after three lives");
        assert_eq!(after["timers"], 0);
        assert_eq!(after["html"], "<button id=\"before\">Before</button><main id=\"place\"></main>");
        stage.log().await?;
        Ok(())
    })
    .await
}

/// Embeds, opens, talks, closes, and destroys while a request is in flight. An element goes by leaving the page.
async fn live_and_die(browser: &Browser, kind: &str) -> Result<()> {
    let script = "const kind = arguments[0]
        const element = { element: 'dramac-embed', attribute: 'div' }[kind] && document.createElement({ element: 'dramac-embed', attribute: 'div' }[kind])
        if (kind == 'element') Object.assign(element, { module: moduleId, site: siteId, type: 'widget' })
        if (kind == 'attribute') Object.assign(element.dataset, { dramacEmbed: moduleId, siteId, namespace: 'it' })
        if (element) place.append(element)
        const found = () => kind == 'element' ? element.handle : kind == 'attribute' ? Dramac.get('it') : Dramac.embed({ siteId, moduleId, type: kind, container: '#place' })
        // An element is embedded once the page has done what it was about.
        return Promise.resolve().then(() => window.embed = found()).then((embed) => {
          embed.on('score', () => {}); embed.open()
          return embed.ready.then(() => embed.request('echo', 1)).then(() => {
            embed.close(); embed.open()
            const cut = embed.request('never').catch((error) => error.code)
            element ? element.remove() : embed.destroy()
            return cut
          })
        })";
    assert_eq!(browser.run(script, [json!(kind)]).await?, "disconnected");
    browser.until("all timers had run", "timers() === 0").await?;
    browser.run("delete window.embed", ()).await?;
    Ok(())
}

/// Everything that an embed could have left, in numbers, once collecting garbage changes them no more.
async fn traces(browser: &Browser) -> Result<Value> {
    let mut before = Value::Null;
    wait::until("all garbage was collected", wait::LIMIT, async || {
        browser.devtools("HeapProfiler.collectGarbage", json!({})).await?;
        let now = count(browser).await?;
        let is_settled = now == before;
        before = now;
        Ok(is_settled.then(|| before.clone()))
    })
    .await
}

async fn count(browser: &Browser) -> Result<Value> {
    browser.devtools("Performance.enable", json!({})).await?;
    let metrics = browser.devtools("Performance.getMetrics", json!({})).await?;
    let metric = |name: &str| {
        metrics["metrics"].as_array()?.iter().find(|metric| metric["name"] == name)?["value"].as_f64()
    };
    Ok(json!({
        "html": browser.value("document.body.innerHTML.replace(/<script>[^]*?<\\/script>/g, '').trim()").await?,
        "head": browser.value("document.head.childElementCount").await?,
        "sheets": browser.value("document.adoptedStyleSheets.length").await?,
        "focus": browser.value("document.activeElement.tagName").await?,
        "scroll": browser.value("document.documentElement.style.cssText + document.body.style.cssText").await?,
        "timers": browser.value("timers()").await?,
        "frames": metric("Frames"),
        "listeners": metric("JSEventListeners"),
    }))
}
