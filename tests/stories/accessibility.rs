//! axe-core finds nothing on any example page, nor in the modules on it, in any state, light or dark, wide or narrow.

use crate::axe::Axe;
use crate::demo::Demo;
use crate::react;
use anyhow::{Context, Result, ensure};
use serde_json::json;
use stories::{Browser, module, repository, story};

/// The pages of the demo's website, below its root, with what they embed.
const PAGES: [(&str, Shows); 13] = [
    ("", Shows::Nothing),
    ("plain/inline.html", Shows::Inline),
    ("plain/widget.html", Shows::Widget),
    ("plain/popup.html", Shows::Popup),
    ("data-attributes/index.html", Shows::InlineAndWidget),
    ("element/index.html", Shows::InlineAndWidget),
    ("npm/index.html", Shows::Inline),
    ("spa/index.html", Shows::Inline),
    ("spa/index.html#/hello", Shows::Inline),
    ("spa/index.html#/chat", Shows::Widget),
    ("spa/index.html#/nothing", Shows::Nothing),
    ("api/index.html", Shows::Inline),
    ("strict-csp/index.html", Shows::Inline),
];

/// What a page embeds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shows {
    Nothing,
    Inline,
    Widget,
    InlineAndWidget,
    /// A dialog that the page's own button opens.
    Popup,
}

impl Shows {
    const fn has_inline(self) -> bool {
        matches!(self, Self::Inline | Self::InlineAndWidget)
    }

    const fn has_widget(self) -> bool {
        matches!(self, Self::Widget | Self::InlineAndWidget)
    }
}

/// How the server's verdict comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Allowed,
    Refused,
    /// It never comes, and neither does the module's handshake.
    Awaited,
}

impl Verdict {
    /// What runs before a page's own scripts. It also collects the handles that the page makes, in `handles`.
    fn script(self) -> String {
        let answer = match self {
            Self::Allowed => "real(url, options)",
            Self::Refused => {
                "new Response('{\"code\": \"origin_not_allowed\", \"detail\": \"Refused.\"}', { status: 403 })"
            }
            Self::Awaited => "new Promise(() => {})",
        };
        let deaf = if self == Self::Allowed {
            ""
        } else {
            "addEventListener('message', (event) => event.stopImmediatePropagation())"
        };
        format!(
            "if (top === window) {{
              const real = fetch
              window.fetch = async (url, options) => String(url).endsWith('/api/embed/verify') ? {answer} : real(url, options)
              {deaf}
              window.handles = []
              let dramac
              Object.defineProperty(window, 'Dramac', {{ get: () => dramac, set(value) {{
                // A page that comes after the loader keeps what is there.
                if (value === dramac) return
                let make
                dramac = Object.defineProperty(value, 'embed', {{
                  get: () => make && ((config) => handles[handles.push(make(config)) - 1]),
                  set(embed) {{ make = embed }},
                }})
              }} }})
            }}"
        )
    }
}

#[tokio::test]
async fn axe_finds_nothing_in_the_light() -> Result<()> {
    Audit::of_every_page("light", WIDE).await
}

#[tokio::test]
async fn axe_finds_nothing_in_the_dark() -> Result<()> {
    Audit::of_every_page("dark", WIDE).await
}

#[tokio::test]
async fn axe_finds_nothing_on_a_narrow_screen() -> Result<()> {
    Audit::of_every_page("light", 390).await
}

#[tokio::test]
async fn axe_finds_nothing_in_the_react_example() -> Result<()> {
    story(async |stage| {
        let axe = Axe::fetch()?;
        let feedback = stage.publish(&module::example("feedback")).await?;
        let script = react::built(&react::example(stage, &feedback)?).await?;
        stage.website.put("/dist/main.js", script);
        let page = std::fs::read_to_string(repository("examples/react/index.html"))?;
        let browser = &stage.browser;
        for scheme in ["light", "dark"] {
            let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
            browser.devtools("Emulation.setEmulatedMedia", features).await?;
            browser.open(&stage.website.put("/", page.clone())).await?;
            browser.until("the module was ready", "document.querySelector('#said li')").await?;
            axe.finds_nothing(browser, &format!("react, {scheme}, at first")).await?;
            browser.click("document.querySelector('#theme')").await?;
            axe.finds_nothing(browser, &format!("react, {scheme}, theme changed")).await?;
            browser.click("document.querySelector('#shown')").await?;
            axe.finds_nothing(browser, &format!("react, {scheme}, taken away")).await?;
        }
        Ok(())
    })
    .await
}

/// Of a window, in CSS pixels.
const WIDE: u32 = 1200;

struct Audit {
    browser: Browser,
    axe: Axe,
    width: u32,
}

impl Audit {
    async fn of_every_page(scheme: &str, width: u32) -> Result<()> {
        let axe = Axe::fetch()?;
        let demo = Demo::start().await?;
        let audit = Self { browser: Browser::start().await?, axe, width };
        let outcome = audit.every_page(&demo, scheme).await;
        if outcome.is_err() {
            audit.browser.screenshot(&format!("failed-axe-{scheme}-{width}")).await?;
        }
        audit.browser.close().await?;
        outcome?;
        demo.interrupt().await
    }

    async fn every_page(&self, demo: &Demo, scheme: &str) -> Result<()> {
        // Without motion what is half faded in cannot be taken for a lack of contrast.
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.browser.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await?;
        let size = json!({ "width": self.width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.browser.devtools("Emulation.setDeviceMetricsOverride", size).await?;
        let root = Demo::root(demo.website);
        self.knows_every_link_of(&root).await?;
        for verdict in [Verdict::Allowed, Verdict::Refused, Verdict::Awaited] {
            let params = json!({ "source": verdict.script() });
            let script = self.browser.devtools("Page.addScriptToEvaluateOnNewDocument", params).await?;
            for (path, shows) in PAGES {
                let state = format!("{path} {verdict:?}");
                self.page(&format!("{root}{path}"), shows, verdict, &state).await.with_context(|| state)?;
            }
            self.browser.devtools("Page.removeScriptToEvaluateOnNewDocument", script).await?;
        }
        let stranger = Demo::root(demo.stranger);
        for path in ["", "framed.html"] {
            self.browser.open(&format!("{stranger}{path}")).await?;
            let settled = if path.is_empty() {
                "deep('.card').some(shown)"
            } else {
                "document.readyState === 'complete'"
            };
            self.browser.until("the stranger's page was settled", settled).await?;
            self.axe.finds_nothing(&self.browser, &format!("the stranger's /{path}")).await?;
        }
        Ok(())
    }

    /// A page that is added later cannot be forgotten here.
    async fn knows_every_link_of(&self, root: &str) -> Result<()> {
        self.browser.open(root).await?;
        let links =
            self.browser.value("[...document.links].map(({ pathname }) => pathname.slice(1))").await?;
        for link in serde_json::from_value::<Vec<String>>(links)? {
            ensure!(
                PAGES.iter().any(|(path, _)| *path == link),
                "{link} is not among the pages of this story"
            );
        }
        Ok(())
    }

    /// Looks at one page in all the states that this verdict leaves it.
    async fn page(&self, url: &str, shows: Shows, verdict: Verdict, state: &str) -> Result<()> {
        let browser = &self.browser;
        // A route is no new document.
        browser.open("about:blank").await?;
        browser.open(url).await?;
        let content = match verdict {
            Verdict::Allowed => "iframe",
            Verdict::Refused => ".card",
            Verdict::Awaited => ".skeleton",
        };
        let shown = format!("deep('{content}').some(shown)");
        if shows.has_inline() {
            browser.until(&format!("{content} was shown"), &shown).await?;
        }
        if shows.has_widget() {
            let launcher = "shown(deep('button.launcher')[0])";
            browser.until("the launcher was shown", launcher).await?;
        }
        self.axe.finds_nothing(browser, &format!("{state}, at first")).await?;
        if verdict == Verdict::Allowed && url.ends_with("plain/inline.html") {
            self.form(state).await?;
        }
        if shows == Shows::Popup {
            browser.click("document.querySelector('#open')").await?;
            browser.until("the dialog was open", &format!("deep('dialog')[0]?.open && {shown}")).await?;
            self.axe.finds_nothing(browser, &format!("{state}, popup open")).await?;
        }
        if shows.has_widget() {
            for _ in 0..2 {
                let was_open = browser.value("deep('dialog')[0].open").await?;
                // On a narrow screen the panel stands before its launcher.
                let button = "(deep('dialog')[0].matches(':modal') ? deep('.panel .close') : deep('button.launcher'))[0]";
                browser.click(button).await?;
                browser
                    .until(
                        "the launcher had done something",
                        &format!("deep('dialog')[0].open !== {was_open}"),
                    )
                    .await?;
                if was_open == false {
                    browser
                        .until(
                            "the panel had its content",
                            &format!("deep('dialog {content}, dialog ~ {content}').some(shown)"),
                        )
                        .await?;
                }
                self.axe.finds_nothing(browser, &format!("{state}, widget open before: {was_open}")).await?;
            }
        }
        if verdict == Verdict::Allowed && shows != Shows::Nothing {
            browser.run("handles.forEach((handle) => handle.destroy()); document.querySelectorAll('[data-dramac-embed], dramac-embed').forEach((element) => element.remove())", ()).await?;
            browser.until("everything was destroyed", "!deep('iframe, dramac-frame').length").await?;
            self.axe.finds_nothing(browser, &format!("{state}, destroyed")).await?;
        }
        Ok(())
    }

    /// The form has more to show than its beginning: what is wrong with it, and thanks.
    async fn form(&self, state: &str) -> Result<()> {
        let browser = &self.browser;
        let scheme = "matchMedia('(prefers-color-scheme: dark)').matches";
        let of_page = browser.value(scheme).await?;
        let frame = "deep('iframe').find(shown)";
        browser.enter(frame).await?;
        assert_eq!(browser.value(scheme).await?, of_page, "the module's scheme and its page's");
        browser.run("document.forms[0].requestSubmit()", ()).await?;
        browser.until("the form complained", "document.querySelector('[aria-invalid=true]')").await?;
        browser.leave().await?;
        self.axe.finds_nothing(browser, &format!("{state}, with complaints")).await?;
        browser.enter(frame).await?;
        let fill = "const form = document.forms[0]; form.rating.value = 5; form.comment.value = 'Good'; form.requestSubmit()";
        browser.run(fill, ()).await?;
        browser.until("the form said thanks", "shown(document.querySelector('#thanks'))").await?;
        browser.leave().await?;
        self.axe.finds_nothing(browser, &format!("{state}, with thanks")).await
    }
}
