//! The policies of `docs/csp.md` are enough as they are written, and each of their sources is needed.

use crate::code_blocks::{block, blocks};
use anyhow::Result;
use serde_json::json;
use stories::{Installation, Page, Stage, story, story_on};

const GUIDE: &str = "docs/csp.md";
const NONCE: &str = "bVZ6T2Uw";

/// What the policy has blocked so far. The icon that browsers ask for by themselves is the website's own business.
const BLOCKED: &str = "(() => {
  const observer = new ReportingObserver(() => {}, { types: ['csp-violation'], buffered: true })
  observer.observe()
  return observer.takeRecords().map(({ body }) => `${body.effectiveDirective} ${body.blockedURL}`).filter((line) => !line.startsWith('img-src'))
})()";

/// What the loader's attempt to compile WebAssembly looks like where that is forbidden.
const PROBE: &str = "script-src wasm-eval";

#[tokio::test]
async fn the_policy_by_address_is_enough_and_minimal() -> Result<()> {
    story(async |stage| Policy::read("strict", stage, "localhost")?.is_enough_and_minimal(stage).await).await
}

#[tokio::test]
async fn the_policy_by_nonce_is_enough_and_minimal() -> Result<()> {
    story(async |stage| Policy::read("nonce", stage, "localhost")?.is_enough_and_minimal(stage).await).await
}

#[tokio::test]
async fn the_policy_with_trusted_types_is_enough_and_minimal() -> Result<()> {
    story(async |stage| Policy::read("trusted-types", stage, "localhost")?.is_enough_and_minimal(stage).await)
        .await
}

#[tokio::test]
async fn the_policy_for_a_cdn_is_enough_and_minimal() -> Result<()> {
    // The same server under another origin hands out the same bundle, as a CDN does.
    story(async |stage| Policy::read("cdn", stage, "127.0.0.1")?.is_enough_and_minimal(stage).await).await
}

#[tokio::test]
async fn the_policy_for_modules_without_an_origin_is_enough_and_minimal() -> Result<()> {
    let installation = Installation::new()?.with("EMBED_MODULE_HOST", "");
    story_on(installation, async |stage| {
        Policy::read("sandboxed", stage, "localhost")?.is_enough_and_minimal(stage).await
    })
    .await
}

#[tokio::test]
async fn the_policy_without_webassembly_is_enough_and_minimal() -> Result<()> {
    story_on(Installation::optimised()?, async |stage| {
        Policy::read("without-wasm", stage, "localhost")?.is_enough_and_minimal(stage).await
    })
    .await
}

#[test]
fn every_policy_of_the_guide_has_its_story() -> Result<()> {
    let names: Vec<String> =
        blocks(GUIDE)?.into_iter().filter(|b| b.language == "csp").map(|b| b.name).collect();
    assert_eq!(names, ["strict", "nonce", "trusted-types", "cdn", "sandboxed", "without-wasm"]);
    Ok(())
}

/// A policy of the guide, its placeholders filled in.
struct Policy {
    /// The directives, each a name and its sources.
    directives: Vec<Vec<String>>,
    /// Where the loader comes from.
    cdn: String,
}

impl Policy {
    fn read(name: &str, stage: &Stage, cdn_host: &str) -> Result<Self> {
        let port = stage.installation.port;
        let cdn = format!("http://{cdn_host}:{port}");
        let text = block(GUIDE, name)?
            .replace("{server}", &stage.installation.origin())
            .replace("{modules}", &format!("http://*.localhost:{port}"))
            .replace("{cdn}", &cdn)
            .replace("{nonce}", NONCE);
        let directives =
            text.split(';').map(|line| line.split_whitespace().map(str::to_owned).collect()).collect();
        Ok(Self { directives, cdn })
    }

    fn allows_webassembly(&self) -> bool {
        self.directives.iter().flatten().any(|source| source == "'wasm-unsafe-eval'")
    }

    fn text(directives: &[Vec<String>]) -> String {
        directives.iter().map(|words| words.join(" ")).collect::<Vec<_>>().join("; ")
    }

    async fn is_enough_and_minimal(&self, stage: &Stage) -> Result<()> {
        self.is_enough(stage).await?;
        for poorer in self.poorer() {
            self.is_not_enough(stage, &poorer).await?;
        }
        Ok(())
    }

    /// An inline embed, a widget and a popup become ready, look as they shall, and nothing is blocked.
    async fn is_enough(&self, stage: &Stage) -> Result<()> {
        let browser = &stage.browser;
        self.open(stage, Self::text(&self.directives)).await?;
        browser.until("the custom element was defined", "customElements.get('dramac-embed')").await?;
        for (kind, state) in [("inline", "ready"), ("widget", "open"), ("popup", "open")] {
            let element = format!("document.querySelector('[type={kind}]')");
            browser.run(&format!("{element}.open()"), ()).await?;
            browser
                .until(&format!("the {kind} was {state}"), &format!("{element}.state === '{state}'"))
                .await?;
            browser.run(&format!("{element}.close()"), ()).await?;
        }
        let launcher = browser.value("getComputedStyle(deep('button.launcher')[0]).position").await?;
        assert_eq!(launcher, "fixed", "the style sheet holds");
        let probe = if self.allows_webassembly() { json!([]) } else { json!([PROBE]) };
        assert_eq!(browser.value(BLOCKED).await?, probe);
        Ok(())
    }

    /// The browser blocks something, and no embed becomes ready.
    async fn is_not_enough(&self, stage: &Stage, policy: &str) -> Result<()> {
        self.open(stage, policy.to_owned()).await?;
        let probe = if self.allows_webassembly() { "nothing" } else { PROBE };
        let blocked = format!("{BLOCKED}.some((line) => line !== '{probe}')");
        stage.browser.until(&format!("something was blocked by {policy}"), &blocked).await?;
        let ready = "[...document.querySelectorAll('dramac-embed')].some(({ state }) => ['ready', 'open'].includes(state))";
        assert_eq!(stage.browser.value(ready).await?, false, "{policy} was enough");
        Ok(())
    }

    /// The policy without one of its sources, for each of them. Not for what restricts instead of granting.
    fn poorer(&self) -> Vec<String> {
        let mut poorer = Vec::new();
        for (at, directive) in self.directives.iter().enumerate() {
            if ["default-src", "require-trusted-types-for"].contains(&directive[0].as_str()) {
                continue;
            }
            for source in directive[1..].iter().filter(|source| *source != "'strict-dynamic'") {
                let mut directives = self.directives.clone();
                directives[at].retain(|word| word != source);
                if directives[at].len() == 1 {
                    directives[at].push("'none'".into());
                }
                poorer.push(Self::text(&directives));
            }
        }
        poorer
    }

    /// Opens a page under a policy, with one embed of each type and no script but the loader.
    async fn open(&self, stage: &Stage, policy: String) -> Result<()> {
        let embed = |kind: &str| {
            format!(
                "<dramac-embed type=\"{kind}\" module=\"{}\" site=\"{}\"></dramac-embed>",
                stage.module, stage.site
            )
        };
        let html = format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Policy</title>
<script async nonce=\"{NONCE}\" src=\"{}/v1/embed.js\"></script></head><body>{}{}{}</body></html>",
            self.cdn,
            embed("inline"),
            embed("widget"),
            embed("popup")
        );
        stage.browser.open(&stage.website.put_page("/", Page { html, csp: Some(policy) })).await
    }
}
