//! A keyboard is enough, in each engine: to open and close what floats, to stay in it, and to try again where a card stands
//! in place of the module.

use anyhow::{Context, Result};
use serde_json::json;
use stories::{Browser, Engine, Installation, Stage, Website, story_in, wait};
use thirtyfour::Key;

/// What has the focus, by the first word of its class, its id or its name; a frame where it is somewhere in there, and
/// the page where it is nowhere.
const FOCUS: &str = "((element) => {
  while (element.shadowRoot?.activeElement) element = element.shadowRoot.activeElement
  return element.classList[0] ?? (element.id || element.localName.replace('body', 'page'))
})(document.activeElement)";

/// The module has a second control, and tells which of them has the focus.
const SECOND_CONTROL: &str = "const second = document.createElement('button')
  second.id = second.textContent = 'second'
  document.body.append(second)
  Dramac.module.handle('focus', () => document.activeElement.id || document.activeElement.localName)";

/// More of the page behind the embed.
const AFTER: &str = "const after = document.createElement('button')
  after.id = after.textContent = 'after'
  document.body.append(after)
  before.onclick = () => embed.open()
  before.focus()";

#[tokio::test]
async fn a_keyboard_is_enough_in_chromium() -> Result<()> {
    a_keyboard_is_enough(Engine::Chromium).await
}

#[tokio::test]
async fn a_keyboard_is_enough_in_firefox() -> Result<()> {
    a_keyboard_is_enough(Engine::Firefox).await
}

/// On a Mac, Tab leads to buttons only where the visitor has asked for it; WebKit's port that is driven here knows no such
/// setting.
#[tokio::test]
async fn a_keyboard_is_enough_in_webkit() -> Result<()> {
    a_keyboard_is_enough(Engine::WebKit).await
}

async fn a_keyboard_is_enough(engine: Engine) -> Result<()> {
    story_in(engine, Installation::new()?, async |stage| {
        let keyboard = Keyboard { engine, browser: &stage.browser };
        for kind in ["widget", "popup"] {
            stage.embed(&format!("type: '{kind}'")).await?;
            stage.inside(SECOND_CONTROL).await?;
            stage.browser.run(AFTER, ()).await?;
            match kind {
                "widget" => keyboard.is_enough_for_a_widget().await?,
                _ => keyboard.is_enough_for_a_popup().await?,
            }
            stage.log().await?;
        }
        keyboard.is_enough_to_try_again(stage).await
    })
    .await
}

/// The keyboard of a browser.
struct Keyboard<'a> {
    engine: Engine,
    browser: &'a Browser,
}

impl Keyboard<'_> {
    async fn is_enough_for_a_widget(&self) -> Result<()> {
        self.press(Key::Tab).await?;
        self.reaches("launcher").await?;
        self.opens(Key::Enter).await?;
        self.goes_round().await?;
        self.browser.screenshot(&format!("keyboard-{:?}", self.engine)).await?;
        self.closes(Key::Escape, "launcher").await?;

        self.opens(' ').await?;
        self.tabs_to("input").await?;
        self.closes(Key::Escape, "launcher").await?;

        self.opens(Key::Enter).await?;
        self.tabs_to("close").await?;
        self.closes(Key::Enter, "launcher").await?;
        // Nothing holds the focus any more, though the panel is still fading out.
        self.press(Key::Tab).await?;
        self.reaches("after").await
    }

    async fn is_enough_for_a_popup(&self) -> Result<()> {
        self.opens(Key::Enter).await?;
        let modal = "[deep('dialog')[0].ariaModal, deep('dialog')[0].matches(':modal')]";
        assert_eq!(self.browser.value(modal).await?, json!(["true", true]));
        self.goes_round().await?;
        self.closes(Key::Escape, "before").await?;

        self.opens(Key::Enter).await?;
        self.tabs_to("input").await?;
        self.closes(Key::Escape, "before").await?;

        self.opens(Key::Enter).await?;
        self.tabs_to("close").await?;
        self.closes(Key::Enter, "before").await
    }

    /// A stranger's card; its domain is allowed; Retry.
    async fn is_enough_to_try_again(&self, stage: &Stage) -> Result<()> {
        let stranger = Website::start().await?;
        let script =
            "Dramac('embed', { siteId, moduleId, type: 'inline', container: '#place' }); before.focus()";
        self.browser.open(&stranger.put("/", stage.page(script))).await?;
        self.browser.until("the card was shown", "deep('.retry').some(shown)").await?;
        self.press(Key::Tab).await?;
        self.reaches("retry").await?;
        stage.admit(&stranger, &stage.module).await?;
        self.press(Key::Enter).await?;
        self.browser.until("Retry had brought the module", "shown(deep('iframe')[0])").await?;
        // The button is gone; the focus is where it led.
        self.browser.until("the focus was in the module", &format!("{FOCUS} === 'iframe'")).await?;
        Ok(())
    }

    /// Opens with a key on what has the focus, which moves into the module.
    async fn opens(&self, key: impl Into<char>) -> Result<()> {
        self.press(key).await?;
        self.browser.until("the key had opened it", "embed.state === 'open'").await?;
        self.reaches("body").await
    }

    /// Closes with a key, and the focus is where it was before.
    async fn closes(&self, key: impl Into<char>, opener: &str) -> Result<()> {
        self.press(key).await?;
        self.browser.until("the key had closed it", "embed.state === 'ready'").await?;
        self.reaches(opener).await
    }

    /// Tab and Shift+Tab lead through the module and the button that closes, and nowhere else.
    async fn goes_round(&self) -> Result<()> {
        for stop in ["input", "second", "close", "input"] {
            self.press(Key::Tab).await?;
            self.reaches(stop).await?;
        }
        for stop in ["close", "second", "input", "close"] {
            self.press_with_shift(Key::Tab).await?;
            self.reaches(stop).await?;
        }
        Ok(())
    }

    /// From wherever the focus is in the panel.
    async fn tabs_to(&self, stop: &str) -> Result<()> {
        for _ in 0..3 {
            let before = self.focus().await?;
            if before == stop {
                return Ok(());
            }
            self.press(Key::Tab).await?;
            wait::until("Tab had moved the focus", wait::LIMIT, async || {
                Ok((self.focus().await? != before).then_some(()))
            })
            .await?;
        }
        self.reaches(stop).await
    }

    async fn reaches(&self, stop: &str) -> Result<()> {
        let mut seen = String::new();
        let outcome = wait::until("the focus had moved", wait::LIMIT, async || {
            seen = self.focus().await?;
            Ok((seen == stop).then_some(()))
        });
        outcome.await.with_context(|| format!("the focus is at {seen} and not at {stop}"))
    }

    /// What has the focus, on the page or in its module.
    async fn focus(&self) -> Result<String> {
        let focus = self.browser.value(FOCUS).await?;
        let focus = match focus == "iframe" {
            true => self.browser.run("return embed.request('focus')", ()).await?,
            false => focus,
        };
        Ok(serde_json::from_value(focus)?)
    }

    async fn press(&self, key: impl Into<char>) -> Result<()> {
        let key = key.into();
        self.type_into_focus(async || {
            Ok(self.browser.session.action_chain().send_keys(key).perform().await?)
        })
        .await
    }

    async fn press_with_shift(&self, key: impl Into<char>) -> Result<()> {
        let (shift, key) = (Key::Shift, key.into());
        self.type_into_focus(async || {
            let keys = self
                .browser
                .session
                .action_chain()
                .key_down(shift.clone())
                .send_keys(key)
                .key_up(shift.clone());
            Ok(keys.perform().await?)
        })
        .await
    }

    /// A keyboard types where the focus is, and so do the engines' drivers, but for Firefox's: that types into the document
    /// that WebDriver is in.
    async fn type_into_focus(&self, act: impl AsyncFn() -> Result<()>) -> Result<()> {
        if self.engine != Engine::Firefox || self.browser.value(FOCUS).await? != "iframe" {
            return act().await;
        }
        self.browser.enter("deep('iframe')[0]").await?;
        let typed = act().await;
        self.browser.leave().await?;
        typed
    }
}
