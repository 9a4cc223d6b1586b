//! The recipes of `docs/recipes.md` and the example of `docs/migrate-from-iframe.md` do what they say.

use crate::code_blocks::{self, block, blocks};
use anyhow::Result;
use serde_json::json;
use stories::{Browser, Stage, story};
use thirtyfour::Key;

const RECIPES: &str = "docs/recipes.md";
const OPEN: &str = "deep('iframe').some(shown)";

/// Runs a recipe on a page with the loader, then the checks.
async fn cooked(name: &str, checks: impl AsyncFnOnce(&Stage, &Browser) -> Result<()>) -> Result<()> {
    story(async |stage| {
        let snippet = format!("{}{}", block(RECIPES, "loader")?, block(RECIPES, name)?);
        let module = code_blocks::feedback(stage).await?;
        code_blocks::open(stage, &module, &snippet).await?;
        checks(stage, &stage.browser).await?;
        code_blocks::is_quiet(stage).await
    })
    .await
}

/// Waits until a condition holds inside the first frame that is shown.
async fn inside(browser: &Browser, what: &str, condition: &str) -> Result<()> {
    browser.until("a module was shown", OPEN).await?;
    browser.enter("deep('iframe').find(shown)").await?;
    browser.until(what, condition).await?;
    browser.leave().await
}

#[tokio::test]
async fn prefilled_values_stand_in_the_form() -> Result<()> {
    cooked("prefill", async |_, browser| {
        let filled =
            "document.forms[0].rating.value === '4' && document.forms[0].email.value === 'ada@example.com'";
        inside(browser, "the form was filled", filled).await
    })
    .await
}

#[tokio::test]
async fn a_link_opens_the_dialog_and_leads_nowhere() -> Result<()> {
    cooked("link", async |_, browser| {
        let before = browser.value("location.href").await?;
        browser.until("the SDK was there", "customElements.get('dramac-embed')").await?;
        browser.click("document.querySelector('a.feedback')").await?;
        inside(browser, "the form was there", "document.forms[0]").await?;
        assert_eq!(browser.value("location.href").await?, before);
        browser.press(Key::Escape).await?;
        browser.until("Esc had closed the dialog", &format!("!{OPEN}")).await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_script_finds_the_embed_by_its_namespace() -> Result<()> {
    cooked("namespace", async |_, browser| {
        browser.click("document.querySelector('#ask')").await?;
        inside(browser, "the form was there", "document.forms[0]").await?;
        assert_eq!(browser.value("Dramac.get('nobody') ?? null").await?, json!(null));
        Ok(())
    })
    .await
}

/// Fills the form inside the frame that is shown, and sends it.
async fn submit(browser: &Browser) -> Result<()> {
    inside(browser, "the form was alive", "Dramac.module.context").await?;
    browser.enter("deep('iframe').find(shown)").await?;
    let fill = "const form = document.forms[0]; form.rating.value = '5'; form.comment.value = 'Good'; form.requestSubmit()";
    browser.run(fill, ()).await?;
    browser.leave().await
}

#[tokio::test]
async fn a_submitted_form_is_counted() -> Result<()> {
    cooked("conversions", async |_, browser| {
        submit(browser).await?;
        browser.until("the conversion was counted", "dataLayer.length").await?;
        assert_eq!(
            browser.value("dataLayer").await?,
            json!([{ "event": "feedback_submitted", "rating": 5 }])
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_switch_of_the_page_changes_the_theme_while_the_form_stays() -> Result<()> {
    cooked("theme", async |_, browser| {
        browser.until("the module was ready", "document.querySelector('#form').state === 'ready'").await?;
        browser.enter("deep('iframe')[0]").await?;
        browser.run("document.forms[0].comment.value = 'Half a sentence'", ()).await?;
        browser.leave().await?;
        browser.click("document.querySelector('#dark')").await?;
        let dark = "document.documentElement.dataset.theme === 'dark' && document.forms[0].comment.value === 'Half a sentence'";
        inside(browser, "the module was dark, and what was typed still there", dark).await
    })
    .await
}

#[tokio::test]
async fn a_launcher_of_the_page_opens_and_closes_and_knows_it() -> Result<()> {
    cooked("launcher", async |_, browser| {
        let (button, click) = ("document.querySelector('#chat')", "deep('button.launcher').length");
        browser.until("the SDK was there", click).await?;
        assert_eq!(browser.value("deep('button.launcher').some(shown)").await?, false);
        browser.click(button).await?;
        browser.until("the panel was open", &format!("{button}.ariaExpanded === 'true' && {OPEN}")).await?;
        browser.click(button).await?;
        browser
            .until("the panel was closed", &format!("{button}.ariaExpanded === 'false' && !{OPEN}"))
            .await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn several_embeds_know_nothing_of_each_other() -> Result<()> {
    cooked("several", async |_, browser| {
        let all = "[...document.querySelectorAll('dramac-embed')].every(({ state }) => state === 'ready')";
        browser.until("all three were ready", all).await?;
        let summaries =
            "return Promise.all(['first', 'second'].map((name) => Dramac.get(name).request('summary')))
            .then((summaries) => summaries.map(({ rating }) => rating))";
        assert_eq!(browser.run(summaries, ()).await?, json!([null, 2]));
        browser.run("document.querySelector('[namespace=first]').remove()", ()).await?;
        browser.until("one was gone", "deep('iframe').length === 2").await?;
        assert_eq!(
            browser.run("return Dramac.get('second').request('summary').then((s) => s.rating)", ()).await?,
            2
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_embed_lives_as_long_as_its_route() -> Result<()> {
    cooked("spa", async |_, browser| {
        for _ in 0..2 {
            inside(browser, "the form was there", "document.forms[0]").await?;
            browser.click("document.querySelector('#route')").await?;
            browser.until("the embed was gone with its route", "!deep('iframe').length").await?;
            browser.click("document.querySelector('#route')").await?;
        }
        inside(browser, "the form was there again", "document.forms[0]").await
    })
    .await
}

#[tokio::test]
async fn an_embed_below_the_fold_loads_at_once_where_it_shall() -> Result<()> {
    cooked("early", async |_, browser| {
        browser.until("the frame was there", "deep('iframe').length").await?;
        assert_eq!(browser.value("scrollY").await?, 0);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn another_language_changes_words_and_direction_on_both_sides() -> Result<()> {
    cooked("locale", async |_, browser| {
        inside(
            browser,
            "the module knew language and direction",
            "document.dir === 'rtl' && document.documentElement.lang === 'ar'",
        )
        .await?;
        let close =
            "deep('button.close').map((button) => [button.ariaLabel, getComputedStyle(button).direction])[0]";
        assert_eq!(browser.value(close).await?, json!(["إغلاق", "rtl"]));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn nothing_shifts_where_the_space_is_reserved() -> Result<()> {
    cooked("reserve", async |_, browser| {
        inside(browser, "the module was there", "Dramac.module.context").await?;
        browser.enter("deep('iframe')[0]").await?;
        let content = browser.value("document.documentElement.getBoundingClientRect().height").await?;
        browser.leave().await?;
        let fits = format!("Math.abs(deep('iframe')[0].getBoundingClientRect().height - {content}) <= 1");
        browser.until("the frame was as tall as its content", &fits).await?;
        let shifts = "return new Promise((resolve) => {
          const seen = []
          new PerformanceObserver((list) => seen.push(...list.getEntries().map(({ value }) => value))).observe({ type: 'layout-shift', buffered: true })
          requestAnimationFrame(() => requestAnimationFrame(() => resolve(seen)))
        })";
        assert_eq!(browser.run(shifts, ()).await?, json!([]));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_replaces_a_bare_iframe_works() -> Result<()> {
    story(async |stage| {
        let module = code_blocks::feedback(stage).await?;
        code_blocks::open(stage, &module, &block("docs/migrate-from-iframe.md", "after")?).await?;
        let filled = "document.forms[0].rating.value === '4'";
        inside(&stage.browser, "the form was filled", filled).await?;
        submit(&stage.browser).await?;
        code_blocks::is_quiet(stage).await
    })
    .await
}

#[test]
fn every_recipe_has_its_story() -> Result<()> {
    let stories = include_str!("recipes.rs");
    for recipe in blocks(RECIPES)?.iter().filter(|block| block.language == "html") {
        assert!(stories.contains(&format!("\"{}\"", recipe.name)), "the recipe {} has no story", recipe.name);
    }
    Ok(())
}
