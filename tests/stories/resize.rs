//! An inline embed is as tall as its content.

use crate::failures::shows_a_card;
use anyhow::{Context, Result};
use serde_json::json;
use stories::{SDK_LATE, Stage, module, story};

/// Waits until the frame is as tall as its content, which is at least `content` pixels.
async fn fits(stage: &Stage, content: u32) -> Result<()> {
    let height = stage.inside("return document.documentElement.getBoundingClientRect().height").await?;
    assert!(height.as_f64() >= Some(f64::from(content)), "the content is {height} px");
    stage
        .browser
        .until(
            &format!("the frame was {height} px tall"),
            &format!("Math.abs(deep('iframe')[0].getBoundingClientRect().height - {height}) <= 1"),
        )
        .await?;
    Ok(())
}

#[tokio::test]
async fn the_frame_grows_and_shrinks_with_what_is_in_it() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline'").await?;
        stage.browser.run("embed.on('resize', ({ height }) => log.push(height > 690))", ()).await?;
        fits(stage, 300).await?;
        stage.inside("document.querySelector('main').style.height = '700px'").await?;
        fits(stage, 700).await?;
        stage.inside("document.querySelector('main').style.height = '120px'").await?;
        fits(stage, 120).await?;
        assert_eq!(stage.log().await?.as_array().map(|heard| heard.contains(&true.into())), Some(true));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_change_of_options_leaves_the_place_as_tall_as_the_content() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline'").await?;
        stage.inside("document.querySelector('main').style.height = '120px'").await?;
        fits(stage, 120).await?;
        stage.browser.run("embed.update({ theme: 'dark', height: 400 })", ()).await?;
        assert_eq!(stage.browser.value("place.offsetHeight - deep('iframe')[0].offsetHeight").await?, 0);
        Ok(())
    })
    .await
}

/// The server's verdict comes when the page calls `refuse`.
const REFUSED_LATE: &str = "<script>
  const real = fetch
  window.fetch = (url, options) => !String(url).endsWith('/api/embed/verify') ? real(url, options) : new Promise((resolve) => {
    window.refuse = () => resolve(Response.json({ code: 'origin_not_allowed', detail: 'Refused.' }, { status: 403 }))
  })
</script>";

#[tokio::test]
async fn a_card_in_place_of_a_module_that_was_small_is_as_tall_as_the_page_had_reserved() -> Result<()> {
    story(async |stage| {
        let script = "Dramac('ready', () => {
              window.embed = Dramac.embed({ siteId, moduleId, type: 'inline', container: '#place', height: 350 })
            })";
        let page = stage.page_with_loader(&format!("{REFUSED_LATE}{}", stage.loader("async")), script);
        let browser = &stage.browser;
        browser.open(&stage.website.put("/", page)).await?;
        browser.until("the module was shown", "shown(deep('iframe')[0])").await?;
        stage.inside("document.querySelector('main').style.height = '120px'").await?;
        fits(stage, 120).await?;
        browser.run("refuse()", ()).await?;
        shows_a_card(stage, "origin_not_allowed").await?;
        assert_eq!(browser.value("place.offsetHeight").await?, 350);
        assert_eq!(browser.value("deep('.card')[0].offsetHeight").await?, 350);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_frame_is_as_wide_as_the_page_says_before_the_sdk_has_come_afterwards_and_after_a_change()
-> Result<()> {
    story(async |stage| {
        let script = "window.embed = Dramac.embed({ siteId, moduleId, type: 'inline', container: '#place', width: '50%' })";
        let page = stage.page_with_loader(&format!("{SDK_LATE}{}", stage.loader("")), script);
        let browser = &stage.browser;
        browser.open(&stage.website.put("/", page)).await?;
        browser.until("the module was shown", "shown(deep('iframe')[0])").await?;
        let share = "Math.round(100 * deep('iframe')[0].offsetWidth / place.offsetWidth)";
        assert_eq!(browser.value(share).await?, 50, "before the SDK has come");
        browser.run("come()", ()).await?;
        stage.ready().await?;
        assert_eq!(browser.value(share).await?, 50, "once the SDK has come");
        browser.run("embed.update({ width: 320 })", ()).await?;
        assert_eq!(browser.value("deep('iframe')[0].offsetWidth").await?, 320);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn content_that_grows_with_its_frame_comes_to_an_end() -> Result<()> {
    let by_style = "document.querySelector('main').style = 'display:flow-root;height:calc(100vh + 20px)'";
    let by_script =
        "const grow = () => { document.querySelector('main').style = `display:flow-root;height:${innerHeight + 20}px` }
        addEventListener('resize', () => setTimeout(grow, 20)); grow()";
    for runaway in [by_style, by_script] {
        story(async |stage| {
            stage.embed("type: 'inline'").await?;
            stage.browser.run("embed.on('resize', () => { window.last = performance.now() })", ()).await?;
            stage.inside(runaway).await?;
            let stopped = standstill(stage).await?;
            assert!(stopped < 800.0, "it stopped at {stopped} px");

            // What else the module shows is followed all the same.
            stage.inside("document.body.append(Object.assign(document.createElement('p'), { style: 'height:400px;margin:0' }))").await?;
            stage.browser.until("it grew again", &format!("deep('iframe')[0].offsetHeight >= {stopped} + 400")).await?;
            let again = standstill(stage).await?;
            // That, and two steps as tall as all that overflows.
            assert!(again < stopped + 3.0 * 450.0, "it grew from {stopped} px to {again} px");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn content_that_grows_line_by_line_is_followed_to_its_end() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline'").await?;
        for pause in [0, 30, 120] {
            let lines = "const main = document.querySelector('main')
                main.replaceChildren(); main.style.height = 'auto'
                const line = (left) => {
                  main.append(Object.assign(document.createElement('div'), { style: 'height:20px' }))
                  left > 1 ? setTimeout(line, arguments[0], left - 1) : (window.lines = arguments[0])
                }
                line(40)";
            stage.browser.enter("deep('iframe')[0]").await?;
            stage.browser.run(lines, [pause.into()]).await?;
            stage.browser.until("the last line was there", &format!("window.lines === {pause}")).await?;
            stage.browser.leave().await?;
            fits(stage, 800).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn content_that_is_half_as_tall_as_its_frame_and_some_more_gets_all_it_needs() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline'").await?;
        stage
            .inside("document.querySelector('main').style = 'display:flow-root;height:calc(50vh + 400px)'")
            .await?;
        stage
            .browser
            .until(
                "the frame was as tall as it had to be",
                "Math.abs(deep('iframe')[0].offsetHeight - 800) <= 3",
            )
            .await?;
        fits(stage, 797).await
    })
    .await
}

/// Waits until the frame has not grown for longer than a pause takes, and returns its height.
async fn standstill(stage: &Stage) -> Result<f64> {
    stage.browser.until("it began to grow", "window.last").await?;
    let still = "performance.now() - last > 2000";
    stage.browser.until("it had not grown for two seconds", still).await?;
    let height = stage.browser.value("deep('iframe')[0].getBoundingClientRect().height").await?;
    height.as_f64().context("a height is a number")
}

#[tokio::test]
async fn a_module_that_says_nothing_of_its_height_has_the_one_that_the_page_gives() -> Result<()> {
    story(async |stage| {
        let blank = stage.publish(&module::blank()).await?;
        stage.embed_unready(&format!("type: 'inline', moduleId: '{blank}', height: 300")).await?;
        stage.browser.until("the frame was shown", "shown(deep('iframe')[0])").await?;
        assert_eq!(stage.browser.value("deep('iframe')[0].offsetHeight").await?, 300);
        stage.browser.run("embed.update({ height: '10em' })", ()).await?;
        assert_eq!(
            stage.browser.value("[deep('iframe')[0].offsetHeight, place.offsetHeight]").await?,
            json!([160, 160])
        );
        Ok(())
    })
    .await
}

/// Documents that are as tall as their frame, or as parts of it, and how tall the frame becomes.
const TIED: &[(&str, &str, u32)] = &[
    (
        "html and body of 100%",
        "<style>html,body{height:100%;margin:0}</style><div style='height:986px'>Long</div>",
        986,
    ),
    (
        "html of 100% and what scrolls in it",
        "<style>html{height:100%}body{margin:0;min-height:100%}</style><div style='height:700px'>Long</div>",
        700,
    ),
    (
        "a hero of 100vh",
        "<style>body{margin:0}.hero{height:100vh}</style><div class=hero>Hero</div><div style='height:300px'>Rest</div>",
        800,
    ),
    (
        "a hero of 100dvh less a bar",
        "<style>body{margin:0}.hero{min-height:calc(100dvh - 60px)}</style><div class=hero>Hero</div><div style='height:300px'>Rest</div>",
        740,
    ),
    (
        "a hero in a media query",
        "<style>body{margin:0}@media (min-width:1px){.hero{height:50svh}}</style><div class=hero>Hero</div><div style='height:700px'>Rest</div>",
        950,
    ),
    (
        "no more than the frame",
        "<style>html,body{height:100%;margin:0}</style><p style='margin:0'>Short</p>",
        500,
    ),
];

#[tokio::test]
async fn a_module_that_is_as_tall_as_its_frame_is_shown_whole_and_does_not_grow() -> Result<()> {
    story(async |stage| {
        for (number, (name, page, height)) in TIED.iter().enumerate() {
            let folder = tempfile::tempdir()?;
            let manifest = json!({ "name": format!("Tied {number}"), "version": "1.0.0" }).to_string();
            std::fs::write(folder.path().join("module.json"), manifest)?;
            let html = format!(
                "<!doctype html><html lang=en><title>Tied</title><script src=/v1/module.js></script>{page}"
            );
            std::fs::write(folder.path().join("index.html"), html)?;
            let tied = stage.publish(folder.path()).await?;
            stage.embed(&format!("type: 'inline', moduleId: '{tied}'")).await?;
            let whole = format!("deep('iframe')[0].offsetHeight === {height}");
            stage.browser.until(&whole, &whole).await.with_context(|| format!("row “{name}”"))?;
            // Whatever would still grow has had its chance.
            stage.browser.run("return new Promise((resolve) => setTimeout(resolve, 800))", ()).await?;
            let now = stage.browser.value("deep('iframe')[0].offsetHeight").await?;
            assert_eq!(now, *height, "row “{name}”");
            let scrolls = stage.inside("return document.documentElement.scrollHeight > innerHeight").await?;
            assert_eq!(scrolls, false, "row “{name}”");
        }
        Ok(())
    })
    .await
}
