//! How a widget looks: what the page says counts, then what the module's manifest says, then our own.

use anyhow::Result;
use serde_json::{Value, json};
use stories::{Stage, module, story};

/// Name (and what is read out beside it), icon, ground and badge of the launcher.
const LAUNCHER: &str = "(() => {
  const button = deep('button.launcher')[0], badge = deep('.badge')[0]
  const named = [button.ariaLabel, button.getAttribute('aria-description')].filter(Boolean).join(', ')
  return [named, button.querySelector('path').getAttribute('d'), getComputedStyle(button).backgroundColor, shown(badge) ? badge.textContent : null]
})()";

async fn launcher_of(stage: &Stage, options: &str) -> Result<Value> {
    stage.embed(&format!("type: 'widget', {options}")).await?;
    stage.browser.value(LAUNCHER).await
}

#[tokio::test]
async fn a_launcher_is_as_the_page_says_or_else_the_manifest_or_else_ours() -> Result<()> {
    story(async |stage| {
        let ours = launcher_of(stage, "").await?;
        let chat = "M3 3h18a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H9l-5 5v-5H3a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1z";
        assert_eq!(ours, json!(["Bridge", chat, "rgb(0, 102, 255)", null]));

        let feedback = stage.publish(&module::example("feedback")).await?;
        let star = "M12 17.3 18.2 21l-1.6-7L22 9.2l-7.2-.6L12 2 9.2 8.6 2 9.2 7.4 14l-1.6 7z";
        let of_manifest = launcher_of(stage, &format!("moduleId: '{feedback}'")).await?;
        assert_eq!(of_manifest, json!(["Give feedback", star, "rgb(0, 89, 224)", null]));

        let page = "launcher: { label: 'Talk to us', icon: 'M0 0h24v24z', color: '#123456', badge: 7 }";
        let of_page = launcher_of(stage, &format!("moduleId: '{feedback}', {page}")).await?;
        assert_eq!(of_page, json!(["Talk to us, 7 unread", "M0 0h24v24z", "rgb(18, 52, 86)", "7"]));

        let in_part =
            launcher_of(stage, &format!("moduleId: '{feedback}', launcher: {{ badge: 100 }}")).await?;
        assert_eq!(in_part, json!(["Give feedback, 99+ unread", star, "rgb(0, 89, 224)", "99+"]));
        stage.log().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_launcher_changes_and_hides_while_the_frame_stays() -> Result<()> {
    story(async |stage| {
        let browser = &stage.browser;
        launcher_of(stage, "launcher: { badge: 2, color: 'teal' }").await?;
        browser.run("window.frame = deep('iframe')[0]; embed.update({ launcher: { badge: 0 } })", ()).await?;
        let launcher = browser.value(LAUNCHER).await?;
        assert_eq!((&launcher[2], &launcher[3]), (&json!("rgb(0, 102, 255)"), &json!(null)));

        browser.run("embed.update({ launcher: { hidden: true } })", ()).await?;
        assert_eq!(browser.value("shown(deep('button.launcher')[0])").await?, false);
        browser.run("embed.open()", ()).await?;
        browser.until("the page opened the panel", "shown(deep('iframe')[0])").await?;
        assert_eq!(browser.value("frame === deep('iframe')[0]").await?, true);
        stage.log().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn launcher_and_panel_stand_where_the_page_wants_them_above_what_it_names() -> Result<()> {
    story(async |stage| {
        let browser = &stage.browser;
        let layers = "deep('.launcher, .panel').map((e) => getComputedStyle(e).zIndex)";
        stage.embed("type: 'widget'").await?;
        assert_eq!(browser.value(layers).await?, json!(["999999", "999999"]));
        let corner = "(() => {
          const { left, top, right, bottom } = deep('.launcher')[0].getBoundingClientRect()
          return [left, top, innerWidth - right, innerHeight - bottom].map((gap) => gap === 20)
        })()";
        for (position, gaps) in [
            ("bottom-right", [false, false, true, true]),
            ("bottom-left", [true, false, false, true]),
            ("top-right", [false, true, true, false]),
            ("top-left", [true, true, false, false]),
        ] {
            browser.run("embed.update({ position: arguments[0] })", [json!(position)]).await?;
            assert_eq!(browser.value(corner).await?, json!(gaps), "{position}");
        }

        browser.run("embed.update({ zIndex: 7 })", ()).await?;
        assert_eq!(browser.value(layers).await?, json!(["7", "7"]));
        let above = "const banner = document.createElement('div')
            banner.style = 'position:fixed;inset:0;z-index:8'
            document.body.append(banner)
            return document.elementFromPoint(40, 40) === banner";
        assert_eq!(browser.run(above, ()).await?, true, "a banner of the page above it");
        browser.run("embed.update({ zIndex: 9 })", ()).await?;
        assert_eq!(browser.value("document.elementFromPoint(40, 40).tagName").await?, "DRAMAC-FRAME");
        Ok(())
    })
    .await
}
