//! An inline embed is as tall as its content.

use anyhow::Result;
use std::time::Duration;
use stories::{Stage, story};

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
async fn content_that_grows_with_its_frame_comes_to_an_end() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline'").await?;
        stage.browser.run("embed.on('resize', () => { window.last = performance.now() })", ()).await?;
        stage.inside("document.querySelector('main').style.height = 'calc(100vh + 20px)'").await?;
        stage.browser.until("it began to grow", "window.last").await?;
        let still = "performance.now() - last > 3000";
        stage
            .browser
            .until_within(Duration::from_secs(30), "it had not grown for three seconds", still)
            .await?;
        let height = stage.browser.value("deep('iframe')[0].getBoundingClientRect().height").await?;
        assert!(height.as_f64() < Some(20_000.0), "it stopped at {height} px");
        Ok(())
    })
    .await
}
