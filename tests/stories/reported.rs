//! What people have reported of other embeds works here: pages that move, copy, hide, wrap or defer what they embed.

use anyhow::{Context as _, Result, ensure};
use stories::{Stage, story};

/// Where the embed of a page is ready and seen.
const READY: &str = "Dramac.get?.('help')?.state === 'ready' && shown(deep('iframe')[0])";

/// A page, what a person does there once it has loaded, and what is so in the end. In the page `{loader}` is the script
/// element, `{src}` its address, and `{embed}` an inline embed with the name `help`.
struct Report {
    name: &'static str,
    page: &'static str,
    then: &'static str,
    holds: &'static str,
}

const REPORTS: &[Report] = &[
    Report {
        name: "going back leaves the page and not a document of the frame",
        page: "{loader}{embed}<script>sessionStorage.entries ??= history.length</script>",
        then: "",
        holds: "history.length === Number(sessionStorage.entries)",
    },
    Report {
        name: "a closed <details> is opened",
        page: "{loader}<details><summary>More</summary>{embed}</details>",
        then: "document.querySelector('details').open = true",
        holds: "deep('iframe')[0]?.offsetHeight >= 300",
    },
    Report {
        name: "a tab that was not displayed is shown",
        page: "{loader}<section hidden>{embed}</section>",
        then: "document.querySelector('section').hidden = false",
        holds: "deep('iframe')[0]?.offsetHeight >= 300",
    },
    Report {
        name: "an accordion opens from no height",
        page: "{loader}<section style='height:0;overflow:hidden'>{embed}</section>",
        then: "document.querySelector('section').style.height = 'auto'",
        holds: READY,
    },
    Report {
        name: "a reset of all frames and all elements",
        page: "<style>iframe{max-width:10px!important;height:auto;border:9px solid red;visibility:hidden}*{transition:all 9s}</style>{loader}{embed}",
        then: "",
        holds: "deep('iframe')[0]?.offsetWidth > 300",
    },
    Report {
        name: "the page's unit is not 16 pixels",
        page: "<style>html{font-size:62.5%}body{zoom:.8}</style>{loader}{embed}",
        then: "",
        holds: READY,
    },
    Report {
        name: "RequireJS and a bundler's module are there",
        page: "<script>window.define = () => { throw Error('anonymous define') }; define.amd = {}; window.module = { exports: {} }; window.exports = module.exports</script>{loader}{embed}",
        then: "",
        holds: READY,
    },
    Report {
        name: "the script stands there twice",
        page: "{loader}{loader}{embed}",
        then: "",
        holds: "Dramac.get?.('help')?.state === 'ready' && deep('iframe').length === 1",
    },
    Report {
        name: "the script is written by document.write",
        page: "{embed}<script>document.write('<script src=\"{src}\"><' + '/script>')</script>",
        then: "",
        holds: READY,
    },
    Report {
        name: "the script is put in after everything has loaded",
        page: "{embed}<script>addEventListener('load', () => { const s = document.createElement('script'); s.src = '{src}'; document.body.append(s) })</script>",
        then: "",
        holds: READY,
    },
    Report {
        name: "the embed comes as text",
        page: "{loader}<main></main><template>{embed}</template>",
        then: "document.querySelector('main').innerHTML = document.querySelector('template').innerHTML",
        holds: READY,
    },
    Report {
        name: "the embed is cloned out of a template",
        page: "{loader}<main></main><template>{embed}</template>",
        then: "document.querySelector('main').append(document.querySelector('template').content.cloneNode(true))",
        holds: READY,
    },
    Report {
        name: "the embed is moved to another place",
        page: "{loader}{embed}<main></main>",
        then: "window.moved ??= (document.querySelector('main').append(document.querySelector('[data-dramac-embed]')), true)",
        holds: "document.querySelector('main iframe, main *') && Dramac.get?.('help')?.state === 'ready' && shown(deep('iframe')[0])",
    },
    Report {
        name: "storage throws",
        page: "<script>for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name, { get() { throw Error('denied') } })</script>{loader}{embed}",
        then: "",
        holds: READY,
    },
    Report {
        name: "the page sends no referrer",
        page: "<meta name='referrer' content='no-referrer'>{loader}{embed}",
        then: "",
        holds: READY,
    },
    Report {
        name: "lists have enumerable members of the page's own",
        page: "<script>Array.prototype.last = function () { return this[this.length - 1] }; Object.prototype.log = function () {}; String.prototype.has = () => false</script>{loader}{embed}",
        then: "",
        holds: READY,
    },
    Report {
        name: "the clock stands still",
        page: "<script>Date.now = () => 0; performance.now = () => 0</script>{loader}{embed}",
        then: "",
        holds: READY,
    },
    Report {
        name: "an extension puts its own styles into shadow roots",
        page: "<script>const attach = Element.prototype.attachShadow; Element.prototype.attachShadow = function (init) { const root = attach.call(this, init); root.append(document.createElement('style')); return root }</script>{loader}{embed}",
        then: "",
        holds: READY,
    },
    Report {
        name: "the container contains its layout",
        page: "<style>section{content-visibility:auto;contain:layout paint style}</style>{loader}<section>{embed}</section>",
        then: "",
        holds: READY,
    },
    Report {
        name: "a translator wraps the page's texts and changes its language",
        page: "{loader}{embed}<p>Hello</p>",
        then: "document.documentElement.lang = 'de'; document.documentElement.classList.add('translated-ltr'); document.querySelector('p').innerHTML = '<font>Hallo</font>'",
        holds: READY,
    },
    Report {
        name: "links of the page open at the top, and an SVG has some",
        page: "<base target='_top'>{loader}{embed}<svg><a href='#x'><text>x</text></a></svg>",
        then: "",
        holds: READY,
    },
    Report {
        name: "the body can neither scroll nor grow",
        page: "<style>html,body{height:100%;overflow:hidden;margin:0}</style>{loader}{embed}",
        then: "",
        holds: READY,
    },
];

async fn works(stage: &Stage, report: &Report) -> Result<()> {
    let src = format!("{}/v1/embed.js", stage.installation.origin());
    let embed = format!(
        "<div data-dramac-embed=\"{}\" data-site-id=\"{}\" data-namespace=\"help\" data-lazy=\"false\"></div>",
        stage.module, stage.site
    );
    let body = report
        .page
        .replace("{loader}", &stage.loader("async"))
        .replace("{src}", &src)
        .replace("{embed}", &embed);
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Host</title><link rel=\"icon\" href=\"data:,\">
<script>window.faults = []; addEventListener('error', (event) => faults.push(event.message)); addEventListener('unhandledrejection', (event) => faults.push(String(event.reason)))</script>
</head><body>{body}</body></html>"
    );
    stage.browser.open(&stage.website.put("/", html)).await?;
    if !report.then.is_empty() {
        stage.browser.run(report.then, ()).await?;
    }
    stage.browser.until("the embed was as it should be", report.holds).await?;
    let faults = stage.browser.value("faults").await?;
    ensure!(faults == serde_json::json!([]), "the page threw: {faults}");
    Ok(())
}

#[tokio::test]
async fn what_was_reported_of_other_embeds() -> Result<()> {
    story(async |stage| {
        let mut failed = Vec::new();
        for report in REPORTS {
            if let Err(error) = works(stage, report).await.context(report.name) {
                failed.push(format!("{error:#}"));
            }
        }
        ensure!(failed.is_empty(), "{}", failed.join("\n"));
        Ok(())
    })
    .await
}
