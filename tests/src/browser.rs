//! A browser, driven over WebDriver.

use crate::chromium::Context;
use crate::engine::{Driver, Engine};
use crate::{output, wait};
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::time::Duration;
use thirtyfour::Capabilities;
use thirtyfour::prelude::*;

/// What every script may use: `deep(selector)` lists elements, those in open shadow roots too; `shown(element)` says
/// whether a person would see it; `moving()` lists what moves and will come to an end.
const PRELUDE: &str = "
const deep = (selector, root = document) => [...root.querySelectorAll('*')].flatMap((element) => [
  ...(element.matches(selector) ? [element] : []), ...(element.shadowRoot ? deep(selector, element.shadowRoot) : []),
]);
const shown = (element) => Boolean(element) && element.getBoundingClientRect().height > 0
  && element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
const moving = () => deep('*').flatMap((element) => element.getAnimations())
  .filter(({ playState, effect }) => playState === 'running' && effect.getComputedTiming().endTime < Infinity);
";

/// A browser without history and with one tab. It must be [closed](Browser::close), else its processes stay.
pub struct Browser {
    /// The WebDriver session.
    pub session: WebDriver,
    driver: Driver,
    /// Where the browser itself is shared with other stories, one after the other.
    context: Option<Context>,
}

impl Browser {
    /// A fresh context of a Chromium that runs already, or else is started.
    pub async fn in_context() -> Result<Self> {
        let context = Context::new().await?;
        let driver = Driver::of_running_chromium(context.address()).await?;
        let session = Self::session(&driver).await?;
        session.switch_to_window(WindowHandle::from(context.window.as_str())).await?;
        Ok(Self { session, driver, context: Some(context) })
    }

    /// Starts Chromium.
    pub async fn start() -> Result<Self> {
        Self::start_in(Engine::Chromium).await
    }

    /// Starts the engine's WebDriver server and, through it, a browser with an empty profile.
    pub async fn start_in(engine: Engine) -> Result<Self> {
        let driver = Driver::start(engine).await?;
        let session = Self::session(&driver).await.with_context(|| format!("{engine:?} does not start"))?;
        Ok(Self { session, driver, context: None })
    }

    async fn session(driver: &Driver) -> Result<WebDriver> {
        // Built with the whole workspace, the WebDriver client can TLS, and wants to know with which cryptography before
        // it says a word, though it never leaves this machine. A second start finds it set already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut wishes = Capabilities::new();
        for (name, wish) in driver.wishes.as_object().into_iter().flatten() {
            wishes.set(name, wish)?;
        }
        Ok(WebDriver::new(&driver.url, wishes).await?)
    }

    /// Ends the session, its driver, and the browser or the context that was its own.
    pub async fn close(self) -> Result<()> {
        let quit = self.session.quit().await;
        self.driver.stop().await?;
        quit?;
        match self.context {
            Some(context) => context.dispose().await,
            None => Ok(()),
        }
    }

    /// Goes to a page and returns when it has loaded.
    pub async fn open(&self, url: &str) -> Result<()> {
        self.session.goto(url).await.with_context(|| format!("{url} does not open"))
    }

    /// Runs the body of a function in the current frame and returns its result; a promise is awaited. What stands in
    /// `args` is `arguments` there.
    pub async fn run(&self, script: &str, args: impl Into<Args>) -> Result<Value> {
        let args = args.into().0;
        let result = self
            .session
            .execute(format!("{PRELUDE}{script}"), args)
            .await
            .with_context(|| script.to_owned())?;
        Ok(result.json().clone())
    }

    /// The value of an expression in the current frame.
    pub async fn value(&self, expression: &str) -> Result<Value> {
        self.run(&format!("return ({expression})"), ()).await
    }

    /// Waits until an expression is truthy, and returns its value.
    pub async fn until(&self, what: &str, expression: &str) -> Result<Value> {
        self.until_within(wait::LIMIT, what, expression).await
    }

    /// Like [`Browser::until`], with a limit of its own.
    pub async fn until_within(&self, limit: Duration, what: &str, expression: &str) -> Result<Value> {
        wait::until(what, limit, async || {
            let value = self.value(expression).await?;
            let falsy =
                matches!(&value, Value::Null | Value::Bool(false)) || value == json!(0) || value == json!("");
            Ok((!falsy).then_some(value))
        })
        .await
    }

    /// The element that an expression gives; shadow roots are no obstacle.
    pub async fn element(&self, expression: &str) -> Result<WebElement> {
        let found = self.session.execute(format!("{PRELUDE}return ({expression})"), Vec::new()).await?;
        found.element().with_context(|| format!("{expression} is no element"))
    }

    /// Waits until nothing moves in the current frame, so that colours, sizes and places are what they will be. What moves
    /// for ever, as a placeholder does, is not waited for.
    pub async fn until_still(&self) -> Result<()> {
        self.until("nothing moved any more", "moving().length === 0").await?;
        Ok(())
    }

    /// Clicks, as a person would, on the element that an expression gives: not before it stands where it will stay.
    pub async fn click(&self, expression: &str) -> Result<()> {
        self.until_still().await?;
        Ok(self.element(expression).await?.click().await?)
    }

    /// Presses a key wherever the focus is.
    pub async fn press(&self, key: Key) -> Result<()> {
        Ok(self.session.action_chain().send_keys(key).perform().await?)
    }

    /// Moves into the frame that an expression gives, once it stands still: from now on everything runs there.
    pub async fn enter(&self, expression: &str) -> Result<()> {
        self.until_still().await?;
        Ok(self.element(expression).await?.enter_frame().await?)
    }

    /// Moves back to the page.
    pub async fn leave(&self) -> Result<()> {
        Ok(self.session.enter_default_frame().await?)
    }

    /// What was written to the console since this was last asked, by page and frames: `LEVEL place message`. Only Chromium
    /// tells it.
    pub async fn console(&self) -> Result<Vec<String>> {
        let entries = self.session.browser_log().await?;
        Ok(entries.into_iter().map(|entry| format!("{} {}", entry.level, entry.message)).collect())
    }

    /// A command of the DevTools protocol, which only Chromium speaks.
    pub async fn devtools(&self, method: &str, params: Value) -> Result<Value> {
        Ok(self.session.cdp().send_raw(method, params).await?)
    }

    /// Leaves `NAME.png` in the output folder.
    pub async fn screenshot(&self, name: &str) -> Result<()> {
        Ok(self.session.screenshot(&output().join(format!("{name}.png"))).await?)
    }
}

/// The arguments of a script.
pub struct Args(Vec<Value>);

impl From<()> for Args {
    fn from((): ()) -> Self {
        Self(Vec::new())
    }
}

impl<const N: usize> From<[Value; N]> for Args {
    fn from(values: [Value; N]) -> Self {
        Self(values.into())
    }
}
