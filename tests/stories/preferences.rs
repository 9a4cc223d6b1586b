//! The chrome follows what visitors have told their system, and the size of their screen.

use anyhow::Result;
use serde_json::json;
use stories::{Browser, Stage, story, story_alone};
use thirtyfour::Key;

/// Makes the browser tell pages of a preference.
async fn prefer(browser: &Browser, name: &str, value: &str) -> Result<()> {
    let media = json!({ "features": [{ "name": name, "value": value }] });
    browser.devtools("Emulation.setEmulatedMedia", media).await?;
    Ok(())
}

#[tokio::test]
async fn who_wants_no_motion_gets_none() -> Result<()> {
    story(async |stage| {
        stage.embed_unready("type: 'widget'").await?;
        let browser = &stage.browser;
        browser.until("the panel was there", "deep('.panel').length").await?;
        let moving =
            "deep('.panel, .launcher').map((e) => getComputedStyle(e).transitionProperty !== 'none')";
        assert_eq!(browser.value(moving).await?, json!([true, true]));
        prefer(browser, "prefers-reduced-motion", "reduce").await?;
        assert_eq!(browser.value(moving).await?, json!([false, false]));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn forced_colours_leave_a_border_around_everything_that_has_a_ground() -> Result<()> {
    story(async |stage| {
        prefer(&stage.browser, "forced-colors", "active").await?;
        stage.embed_unready("type: 'widget'").await?;
        stage.browser.until("the panel was there", "deep('.panel').length").await?;
        let borders = "deep('.panel, .launcher').map((e) => getComputedStyle(e).borderTopWidth)";
        assert_eq!(stage.browser.value(borders).await?, json!(["2px", "2px"]));
        Ok(())
    })
    .await
}

/// Makes the browser's window as wide as this, in CSS pixels.
async fn widen(browser: &Browser, width: u32) -> Result<()> {
    let size = json!({ "width": width, "height": 700, "deviceScaleFactor": 1, "mobile": false });
    browser.devtools("Emulation.setDeviceMetricsOverride", size).await?;
    browser.until(&format!("the window was {width} px wide"), &format!("innerWidth === {width}")).await?;
    Ok(())
}

#[tokio::test]
async fn on_a_narrow_screen_a_panel_fills_it_and_has_a_button_to_close() -> Result<()> {
    story(async |stage| {
        let browser = &stage.browser;
        widen(browser, 400).await?;
        stage.embed("type: 'widget'").await?;
        browser.run("embed.open()", ()).await?;
        let fills = "(({ x, y, width, height }) => x === 0 && y === 0 && width === 400 && height === 700)(deep('.panel')[0].getBoundingClientRect())";
        browser.until("the panel filled the screen", fills).await?;
        browser.screenshot("narrow").await?;
        browser.click("deep('.panel .close')[0]").await?;
        browser.until("the panel was closed", "embed.state === 'ready'").await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_panel_is_modal_exactly_while_it_fills_the_screen() -> Result<()> {
    story_alone(async |stage| {
        let browser = &stage.browser;
        widen(browser, 400).await?;
        stage.embed("type: 'widget'").await?;
        let modal = "[deep('dialog')[0].matches(':modal'), deep('dialog')[0].ariaModal, document.activeElement.tagName]";
        browser.run("before.focus(); embed.open()", ()).await?;
        assert_eq!(browser.value(modal).await?, json!([true, "true", "DRAMAC-FRAME"]), "on a narrow screen");
        browser.run("window.frame = deep('iframe')[0]; embed.on('close', () => log.push('close'))", ()).await?;

        // Somebody turns the phone, and turns it back.
        widen(browser, 900).await?;
        browser.until("the panel stood beside the page", "!deep('dialog')[0].matches(':modal')").await?;
        assert_eq!(browser.value(modal).await?, json!([false, "false", "DRAMAC-FRAME"]), "on a wide screen");
        widen(browser, 400).await?;
        browser.until("the panel filled the screen", "deep('dialog')[0].matches(':modal')").await?;
        assert_eq!(browser.run("return embed.request('echo', 'still')", ()).await?, "still");
        assert_eq!(browser.value("[embed.state, frame === deep('iframe')[0]]").await?, json!(["open", true]));
        assert_eq!(stage.log().await?, json!([]), "turning closes nothing");

        browser.run("embed.close()", ()).await?;
        assert_eq!(browser.value("document.activeElement.id").await?, "before", "the focus has come back");
        widen(browser, 900).await?;
        browser.run("embed.open()", ()).await?;
        assert_eq!(browser.value(modal).await?, json!([false, "false", "DRAMAC-FRAME"]), "opened on a wide screen");
        Ok(())
    })
    .await
}

/// A phone with a notch above, an edge below, and a camera at its right.
async fn on_a_phone(stage: &Stage) -> Result<()> {
    widen(&stage.browser, 400).await?;
    let notch = json!({ "insets": { "top": 47, "right": 21, "bottom": 34, "left": 0 } });
    stage.browser.devtools("Emulation.setSafeAreaInsetsOverride", notch).await?;
    Ok(())
}

#[tokio::test]
async fn on_a_phone_with_a_notch_the_button_to_close_and_the_card_keep_clear_of_it() -> Result<()> {
    story(async |stage| {
        on_a_phone(stage).await?;
        let nobody = "moduleId: '0190c3a4-7b1e-7000-8000-000000000001'";
        for (language, side) in [("en", "innerWidth - right >= 21 + 8"), ("ar", "left >= 21 + 8")] {
            let options = format!("type: 'widget', openOn: 'load', locale: '{language}', {nobody}");
            stage.embed_unready(&options).await?;
            stage.browser.until("the card was shown", "shown(deep('.card')[0])").await?;
            let card = "(({ top, right, bottom, left }) => [top, innerWidth - right, innerHeight - bottom, left])(deep('.card')[0].getBoundingClientRect())";
            let clear = format!("{card}.join() === '47,21,34,0'");
            stage.browser.until("the card was between notch and edge", &clear).await?;
            let button = format!("(({{ top, right, left }}) => top >= 47 + 8 && {side})(deep('.close')[0].getBoundingClientRect())");
            assert_eq!(stage.browser.value(&button).await?, true, "{language}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn on_a_phone_with_a_notch_the_frame_keeps_clear_of_it() -> Result<()> {
    story(async |stage| {
        let browser = &stage.browser;
        on_a_phone(stage).await?;
        for kind in ["widget", "popup"] {
            stage.embed(&format!("type: '{kind}'")).await?;
            browser.run("embed.open()", ()).await?;
            let fills = "(({ top, bottom }) => top === 47 && bottom === innerHeight - 34)(deep('iframe')[0].getBoundingClientRect())";
            browser.until("the frame was between notch and edge", fills).await?;
            let covers = "(({ top, bottom }) => top === 0 && bottom === innerHeight)(deep('.panel')[0].getBoundingClientRect())";
            assert_eq!(browser.value(covers).await?, true, "the panel has the whole screen");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn frame_dialog_and_launcher_have_the_modules_name() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'widget'").await?;
        let names =
            "[deep('iframe')[0].title, deep('dialog')[0].ariaLabel, deep('button.launcher')[0].ariaLabel]";
        assert_eq!(stage.browser.value(names).await?, json!(["Bridge", "Bridge", "Bridge"]));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn until_the_server_has_answered_the_launchers_label_or_a_word_in_the_pages_language_is_the_name()
-> Result<()> {
    story(async |stage| {
        let unanswered = "<script>
            const real = fetch
            window.fetch = (url, options) => String(url).endsWith('/api/embed/verify') ? new Promise(() => {}) : real(url, options)
          </script>";
        let script = "Dramac('ready', () => {
              for (const options of [{ type: 'popup' }, { type: 'popup', locale: 'de-AT' }, { type: 'widget', launcher: { label: 'Talk to us' } }]) {
                Dramac.embed({ siteId, moduleId, openOn: 'load', ...options })
              }
            })";
        let page = stage.page_with_loader(&format!("{unanswered}{}", stage.loader("async")), script);
        stage.browser.open(&stage.website.put("/", page)).await?;
        stage.browser.until("all were open", "deep('dialog iframe').length === 3").await?;
        let names = "deep('dialog').map((dialog) => [dialog.ariaLabel, dialog.querySelector('iframe').title])";
        let own = ["Embedded content", "Eingebetteter Inhalt", "Talk to us"];
        assert_eq!(stage.browser.value(names).await?, json!(own.map(|name| [name, name])));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn whatever_button_has_the_keyboards_focus_is_outlined() -> Result<()> {
    story_alone(async |stage| {
        let browser = &stage.browser;
        let outlined = "(() => {
          const button = document.activeElement.shadowRoot?.activeElement
          const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(button ?? document.body)
          return [button?.className.split(' ')[0], outlineStyle, outlineWidth, outlineColor].join(' ')
        })()";
        let nobody = "moduleId: '0190c3a4-7b1e-7000-8000-000000000001'";
        stage.embed_unready(&format!("type: 'widget', {nobody}")).await?;
        browser.until("the card was there", "deep('.card').length").await?;
        browser.run("before.focus()", ()).await?;
        browser.press(Key::Tab).await?;
        assert_eq!(browser.value(outlined).await?, "launcher solid 3px rgb(0, 102, 255)");
        browser.press(Key::Enter).await?;
        browser.until("the panel was open", "deep('dialog')[0].open").await?;
        for button in ["close", "retry"] {
            let focused = format!("{outlined} === '{button} solid 3px rgb(0, 102, 255)'");
            // The dialog gives the focus to its first control by itself.
            if browser.value(&focused).await? != true {
                browser.press(Key::Tab).await?;
            }
            browser.until(&format!("{button} was outlined"), &focused).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_theme_auto_follows_the_system_while_the_frame_stays() -> Result<()> {
    story(async |stage| {
        let browser = &stage.browser;
        prefer(browser, "prefers-color-scheme", "light").await?;
        stage.embed("type: 'widget', theme: 'auto', openOn: 'load'").await?;
        stage.inside("window.mark = 'the same frame'").await?;
        for (scheme, ground) in [("dark", "rgb(18, 18, 18)"), ("light", "rgb(255, 255, 255)")] {
            prefer(browser, "prefers-color-scheme", scheme).await?;
            let of_panel = format!("getComputedStyle(deep('.panel')[0]).backgroundColor === '{ground}'");
            browser.until(&format!("the panel was {scheme}"), &of_panel).await?;
            browser.enter("deep('iframe')[0]").await?;
            let of_module = format!("document.documentElement.dataset.theme === '{scheme}' && window.mark");
            browser.until(&format!("the module was {scheme}"), &of_module).await?;
            browser.leave().await?;
        }
        stage.log().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn our_own_words_are_in_the_pages_language_and_say_so() -> Result<()> {
    story(async |stage| {
        for (page, words, lang) in [
            ("DE-at", "Erneut versuchen", "de"),
            ("ar", "إعادة المحاولة", "ar"),
            ("fi", "Retry", "en"),
            ("jam", "Retry", "en"),
        ] {
            let script = format!(
                "document.documentElement.lang = '{page}'
                Dramac('embed', {{ siteId, moduleId: siteId, type: 'inline', container: '#place' }})"
            );
            stage.browser.open(&stage.website.put("/", stage.page(&script))).await?;
            stage.browser.until("the card was shown", "deep('.retry').some(shown)").await?;
            let said = "[deep('.retry')[0].innerText, deep('.retry')[0].getRootNode().host.lang]";
            assert_eq!(stage.browser.value(said).await?, json!([words, lang]), "{page}");
        }
        Ok(())
    })
    .await
}
