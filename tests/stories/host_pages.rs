//! What pages, frameworks and their tools do to an embed, and what becomes of it. Each row is a page; a failure names its row.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use stories::{Engine, Installation, Page, Stage, Website, story, story_in};

/// A page and what happens on it.
struct Row {
    name: &'static str,
    /// Before the loader.
    head: &'static str,
    /// In place of [`INLINE`].
    body: &'static str,
    /// What is done, and what is true afterwards.
    steps: &'static [(&'static str, &'static str)],
}

/// The usual embed: an element with attributes. `EMBED` stands for its attributes.
const INLINE: &str = "<main id=\"place\" EMBED></main><p id=\"after\">After</p>";

/// Its state, and that its module is shown and answers.
const READY: &str = "Dramac.get?.('it')?.state === 'ready' && shown(deep('iframe')[0])";
const FRAMES: &str = "deep('iframe').length === 1 && deep('dramac-frame').length === 1";

const fn row(
    name: &'static str,
    head: &'static str,
    body: &'static str,
    steps: &'static [(&'static str, &'static str)],
) -> Row {
    Row { name, head, body, steps }
}

/// Documents that are compared, copied and filled in late.
const DIFFED: &[Row] = &[
    row(
        "a morph removes what it does not know",
        "",
        INLINE,
        &[
            ("", READY),
            (
                "window.state = []; Dramac.get?.('it').on('ready', () => state.push('ready')); place.replaceChildren()",
                "state.length === 1",
            ),
            ("", READY),
            ("", FRAMES),
        ],
    ),
    row(
        "a morph removes it again and again, and then stops",
        "",
        INLINE,
        &[
            ("", READY),
            (
                "window.gone = false; place.addEventListener('destroy', () => { gone = true }); let n = 0; new MutationObserver(() => { if (n++ < 500) place.replaceChildren() }).observe(place, { childList: true }); place.replaceChildren()",
                "gone",
            ),
            ("", "deep('dramac-frame').length === 0"),
        ],
    ),
    row(
        "innerHTML of the container is set",
        "",
        INLINE,
        &[("", READY), ("place.innerHTML = '<b>new</b>'", FRAMES), ("", READY)],
    ),
    row(
        "the body is replaced under a widget",
        "",
        "<div id=\"place\" EMBED data-type=\"widget\"></div>",
        &[
            ("", "Dramac.get?.('it')?.state === 'ready'"),
            (
                "document.body.querySelectorAll('dramac-frame').forEach((host) => host.remove())",
                "shown(deep('.launcher')[0])",
            ),
        ],
    ),
    row(
        "a prerendered page brings an old host element",
        "",
        "<main id=\"place\" EMBED><dramac-frame style=\"display:block;min-height:500px\"></dramac-frame></main>",
        &[("", READY), ("", FRAMES)],
    ),
    row(
        "an element is cloned with its host element",
        "",
        INLINE,
        &[
            ("", READY),
            (
                "const copy = place.cloneNode(true); copy.removeAttribute('data-namespace'); place.after(copy)",
                "deep('iframe').length === 2 && deep('dramac-frame').length === 2",
            ),
        ],
    ),
    row(
        "innerHTML is copied back",
        "",
        INLINE,
        &[("", READY), ("document.body.innerHTML += '<i>more</i>'", FRAMES), ("", READY)],
    ),
    row(
        "the attributes come late",
        "",
        "<main id=\"place\"></main>",
        &[
            ("Dramac.ready(() => { window.here = true })", "window.here"),
            ("Object.assign(place.dataset, { namespace: 'it', siteId, dramacEmbed: moduleId })", READY),
        ],
    ),
    row(
        "the attributes come late and in the wrong order",
        "",
        "<main id=\"place\"></main>",
        &[
            ("Dramac.ready(() => { window.here = true })", "window.here"),
            ("Object.assign(place.dataset, { namespace: 'it', dramacEmbed: moduleId })", "true"),
            ("place.dataset.siteId = siteId", READY),
            ("", FRAMES),
        ],
    ),
    row(
        "an attribute is set again to what it was",
        "",
        INLINE,
        &[
            ("", READY),
            (
                "window.frame = deep('iframe')[0]; place.dataset.siteId = siteId; place.setAttribute('data-dramac-embed', moduleId)",
                "deep('iframe')[0] === frame",
            ),
            ("", READY),
        ],
    ),
    row(
        "the attribute is taken away",
        "",
        INLINE,
        &[("", READY), ("place.removeAttribute('data-dramac-embed')", "deep('iframe').length === 0")],
    ),
];

/// Rules of the page's own that were not meant for us.
const STYLED: &[Row] = &[
    row(
        "what is not defined is hidden",
        "<style>:not(:defined) { visibility: hidden }</style>",
        INLINE,
        &[("", READY)],
    ),
    row(
        "every child of a container is moved",
        "<style>#place > * { margin: 50px !important; padding: 9px !important; opacity: 0 !important; max-width: 10px !important; float: right !important }</style>",
        INLINE,
        &[
            ("", READY),
            (
                "",
                "deep('iframe')[0].offsetWidth === place.clientWidth && deep('dramac-frame')[0].offsetTop === place.offsetTop",
            ),
        ],
    ),
    row(
        "everything is transformed and clipped",
        "<style>* { transform: scale(.5) !important; clip-path: inset(50%) !important }</style>",
        INLINE,
        &[("", READY), ("", "getComputedStyle(deep('dramac-frame')[0]).transform === 'none'")],
    ),
    row(
        "a hidden tab hides its embed",
        "",
        "<section style=\"visibility:hidden\"><main id=\"place\" EMBED></main></section>",
        &[("", "Dramac.get?.('it')?.state === 'ready'"), ("", "!shown(deep('iframe')[0])")],
    ),
    row(
        "the body is a column with its footer at the end",
        "<style>html, body { margin: 0 } body { display: flex; flex-direction: column; justify-content: space-between; min-height: 100vh }</style>",
        "<header>Head</header><main id=\"place\" EMBED data-type=\"widget\">Main</main><footer id=\"foot\">Foot</footer><script>window.before = foot.getBoundingClientRect().top</script>",
        &[("", "shown(deep('.launcher')[0])"), ("", "foot.getBoundingClientRect().bottom === innerHeight")],
    ),
    row(
        "the body is a grid with gaps",
        "<style>html, body { margin: 0 } body { display: grid; gap: 40px }</style>",
        "<main id=\"place\" EMBED data-type=\"widget\">Main</main><footer id=\"foot\">Foot</footer>",
        &[
            ("", "shown(deep('.launcher')[0])"),
            (
                "",
                "document.documentElement.scrollHeight <= innerHeight && foot.getBoundingClientRect().bottom === document.body.getBoundingClientRect().bottom",
            ),
        ],
    ),
    row(
        "the body's last child is styled",
        "<style>body > * { border: 9px solid red !important; height: 200px !important }</style>",
        "<main id=\"place\" EMBED data-type=\"widget\">Main</main>",
        &[
            ("", "shown(deep('.launcher')[0])"),
            ("", "deep('dramac-frame')[0].getBoundingClientRect().height === 0"),
        ],
    ),
];

/// Realms, roots and layers.
const LAYERED: &[Row] = &[
    row(
        "a container of another document is refused in a sentence",
        "",
        "<iframe id=\"other\"></iframe>",
        &[
            (
                "Dramac.ready(() => { window.embed = Dramac.embed({ siteId, moduleId, type: 'inline', container: other.contentDocument.body, onError: ({ code }) => { window.code = code } }) })",
                "window.code === 'invalid_option' && embed.state === 'error'",
            ),
            ("", "other.contentDocument.body.childElementCount === 0"),
        ],
    ),
    row(
        "the element is in a shadow root",
        "",
        "<div id=\"shadow\"></div>",
        &[(
            "const element = document.createElement('dramac-embed'); Object.entries({ module: moduleId, site: siteId, namespace: 'it' }).forEach((one) => element.setAttribute(...one)); shadow.attachShadow({ mode: 'open' }).append(element)",
            READY,
        )],
    ),
    row(
        "every shadow root is made closed",
        "<script>{ window.roots = []; const attach = Element.prototype.attachShadow; Element.prototype.attachShadow = function (init) { const root = attach.call(this, { ...init, mode: 'closed' }); roots.push(root); return root } }</script>",
        "<main id=\"place\" EMBED></main>",
        &[
            ("", "Dramac.get?.('it')?.state === 'ready' && shown(roots[0].querySelector('iframe'))"),
            ("", "deep('dramac-frame').length === 1 && deep('dramac-frame')[0].shadowRoot === null"),
            (
                "window.widget = Dramac.embed({ siteId, moduleId, type: 'widget' })",
                "widget.state === 'ready' && shown(roots[1].querySelector('.launcher'))",
            ),
            ("widget.open()", "widget.state === 'open'"),
            (
                "document.body.querySelectorAll('dramac-frame').forEach((host) => host.remove())",
                "shown(roots[0].querySelector('iframe')) && shown(roots[1].querySelector('dialog'))",
            ),
        ],
    ),
    row(
        "a widget opens while a dialog of the page is modal",
        "",
        "<dialog id=\"dialog\"><button>Pay</button></dialog>",
        &[
            (
                "Dramac.ready(() => { window.embed = Dramac.embed({ siteId, moduleId, namespace: 'it', launcher: { hidden: true } }); dialog.showModal() })",
                "window.embed?.state === 'ready'",
            ),
            ("embed.open()", "embed.state === 'open' && deep('dialog.panel')[0].matches(':modal')"),
            ("embed.close()", "embed.state === 'ready' && dialog.matches(':modal')"),
            (
                "dialog.close(); embed.open()",
                "embed.state === 'open' && !deep('dialog.panel')[0].matches(':modal')",
            ),
        ],
    ),
];

/// Ways for the loader to come. `SERVER` stands for the server's origin.
const LOADERS: &[(&str, &str)] = &[
    ("a module script", "<script type=\"module\" src=\"SERVER/v1/embed.js\"></script>"),
    ("a dynamic import", "<script type=\"module\">import('SERVER/v1/embed.js')</script>"),
    (
        "a script that is evaluated later",
        "<script>setTimeout(() => fetch('SERVER/v1/embed.js').then((answer) => answer.text()).then((text) => (0, eval)(text)))</script>",
    ),
    (
        "an inline script",
        "<script>fetch('SERVER/v1/embed.js').then((answer) => answer.text()).then((text) => document.head.appendChild(document.createElement('script')).append(text))</script>",
    ),
    ("deferred", "<script defer src=\"SERVER/v1/embed.js\"></script>"),
    (
        "a script that a consent tool lets run later",
        "<script id=\"held\" type=\"text/plain\" data-src=\"SERVER/v1/embed.js\"></script><script>setTimeout(() => { const script = document.createElement('script'); script.src = held.dataset.src; held.replaceWith(script) }, 300)</script>",
    ),
    (
        "twice, by two plugins",
        "<script async src=\"SERVER/v1/embed.js\"></script><script async src=\"SERVER/v1/embed.js?ver=6.4\"></script>",
    ),
    (
        "watched by a script that adds headers",
        "<script>{ const real = fetch; window.fetch = (url, options = {}) => real(url, { ...options, headers: { ...options.headers, traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 'x-own': '1' } }) }</script><script async src=\"SERVER/v1/embed.js\"></script>",
    ),
];

/// The HTML of a row's page.
fn page(stage: &Stage, head: &str, body: &str) -> String {
    let embed = format!(
        "data-dramac-embed=\"{}\" data-site-id=\"{}\" data-namespace=\"it\"",
        stage.module, stage.site
    );
    let html = stage.page_with_loader(head, "");
    let (before, rest) = html.split_once("<body>").unwrap_or((&html, ""));
    let (_, after) = rest.split_once("</main>").unwrap_or_default();
    format!("{before}<body>{}{after}", body.replace("EMBED", &embed))
}

async fn every_row(stage: &Stage, rows: &[Row]) -> Result<()> {
    for row in rows {
        let walk = async {
            let head = format!("{}{}", row.head, stage.loader("async"));
            stage.browser.open(&stage.website.put("/", page(stage, &head, row.body))).await?;
            for (act, then) in row.steps {
                if !act.is_empty() {
                    stage.browser.run(act, ()).await?;
                }
                stage.browser.until(then, then).await.with_context(|| format!("after `{act}`"))?;
            }
            stage.log().await
        };
        walk.await.with_context(|| format!("row “{}”", row.name))?;
    }
    Ok(())
}

#[tokio::test]
async fn documents_that_are_compared_copied_or_filled_in_late_keep_their_embeds() -> Result<()> {
    story(async |stage| every_row(stage, DIFFED).await).await
}

#[tokio::test]
async fn rules_that_were_not_meant_for_an_embed_do_not_reach_it() -> Result<()> {
    story(async |stage| every_row(stage, STYLED).await).await
}

#[tokio::test]
async fn rules_that_were_not_meant_for_an_embed_do_not_reach_it_in_firefox() -> Result<()> {
    story_in(Engine::Firefox, Installation::new()?, async |stage| every_row(stage, STYLED).await).await
}

#[tokio::test]
async fn rules_that_were_not_meant_for_an_embed_do_not_reach_it_in_webkit() -> Result<()> {
    story_in(Engine::WebKit, Installation::new()?, async |stage| every_row(stage, STYLED).await).await
}

#[tokio::test]
async fn realms_roots_and_layers_are_no_obstacle_or_are_named() -> Result<()> {
    story(async |stage| every_row(stage, LAYERED).await).await
}

#[tokio::test]
async fn the_loader_may_come_in_any_way() -> Result<()> {
    story(async |stage| {
        for (name, head) in LOADERS {
            let walk = async {
                let head = head.replace("SERVER", &stage.installation.origin());
                stage.browser.open(&stage.website.put("/", page(stage, &head, INLINE))).await?;
                stage.browser.until("it was ready", READY).await?;
                ensure!(stage.browser.value(FRAMES).await? == true, "there is one frame");
                stage.log().await
            };
            walk.await.with_context(|| format!("row “{name}”"))?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_page_without_an_address_of_its_own_has_the_origin_of_the_one_that_made_it() -> Result<()> {
    story(async |stage| {
        let inner = page(stage, &stage.loader(""), INLINE);
        let make = "const frame = document.createElement('iframe'); frame.style = 'width:600px;height:600px'; document.body.append(frame)";
        for (name, fill) in [
            ("srcdoc", "frame.srcdoc = arguments[0]"),
            ("about:blank", "const inner = frame.contentDocument; inner.open(); inner.write(arguments[0]); inner.close()"),
        ] {
            let walk = async {
                stage.browser.open(&stage.website.put("/", "<!doctype html><title>Outer</title><link rel=\"icon\" href=\"data:,\">")).await?;
                stage.browser.run(&format!("{make}; {fill}"), [json!(inner)]).await?;
                stage.browser.until("it was ready", "frames[0].Dramac?.get?.('it')?.state === 'ready'").await
            };
            walk.await.with_context(|| format!("row “{name}”"))?;
        }
        Ok(())
    })
    .await
}

/// Puts a page with an embed on the stage's website, and one that frames it on another; the address of the outer one.
fn around_page(stage: &Stage, around: &Website) -> String {
    let url = stage.website.put("/", page(stage, &stage.loader("async"), INLINE));
    let outer = format!(
        "<!doctype html><title>Around</title><link rel=\"icon\" href=\"data:,\"><iframe id=\"made\" width=\"800\" height=\"600\" src=\"{url}\"></iframe>"
    );
    around.put("/", outer)
}

#[tokio::test]
async fn a_page_in_a_frame_of_another_website_says_why_there_is_no_module() -> Result<()> {
    story(async |stage| {
        let around = Website::start().await?;
        stage.browser.open(&around_page(stage, &around)).await?;
        stage.browser.enter("document.getElementById('made')").await?;
        stage.browser.until("the card was shown", "shown(deep('[role=alert]')[0])").await?;
        let code = stage.browser.value("deep('[role=alert] code')[0].textContent").await?;
        stage.browser.leave().await?;
        assert_eq!(code, "framed_elsewhere");
        let console = stage.browser.console().await?.join("\n");
        assert!(console.contains("[Dramac] This page is in a frame of another website"), "{console}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_domain_may_name_the_website_around_its_pages() -> Result<()> {
    story(async |stage| {
        let around = Website::start().await?;
        stage.admit(&around, &stage.module).await?;
        let inner = format!("localhost:{}", stage.website.port);
        let at = ["--site", &stage.site, "--module", &stage.module];
        let outside = around.origin();
        let set = [&["domain", "set", &inner, "--ancestor", &outside][..], &at].concat();
        let domain = stage.installation.run(&set).await?;
        ensure!(domain["ancestors"] == json!([outside]), "{domain}");
        let outer = around_page(stage, &around);
        // A running server hears of it within two seconds.
        stories::wait::until("the module was ready in the frame", stories::wait::LIMIT, async || {
            stage.browser.open(&outer).await?;
            stage.browser.enter("document.getElementById('made')").await?;
            let settled = "shown(deep('[role=alert]')[0]) || (shown(deep('iframe')[0]) && 'ready')";
            let state = stage.browser.until("the embed was ready or refused", settled).await?;
            stage.browser.leave().await?;
            Ok((state == "ready").then_some(()))
        })
        .await?;
        stage.browser.enter("document.getElementById('made')").await?;
        stage.browser.enter("deep('iframe')[0]").await?;
        stage.browser.until("the module had its context", "Dramac.module.context").await?;
        stage.browser.leave().await
    })
    .await
}

/// Markup and prototypes that answer for what a script of the page looks for.
const HOSTILE: &str = "<body>
<img name=\"currentScript\" src=\"data:,\" data-dramac-server=\"https://evil.test\" data-dramac-modules=\"https://*.evil.test\">
<form id=\"Dramac\"><input name=\"q\"><input name=\"version\"><input name=\"embed\"></form>
<form id=\"trustedTypes\"><input name=\"createPolicy\"></form>
<img name=\"createElement\"><img name=\"querySelector\"><img name=\"querySelectorAll\"><img name=\"head\"><img name=\"body\"><img name=\"activeElement\">
<img name=\"addEventListener\"><img name=\"documentElement\"><img name=\"createElementNS\">
<script>
  window.log = []; window.faults = []
  window.addEventListener('error', ({ message }) => { if (message) faults.push(message) })
  const names = ['dramacServer', 'dramacModules', 'version', 'q', 'container', 'sandbox', 'allow', 'nonce', 'onError', 'onMessage', 'params', 'siteId', 'moduleId', 'lazy',
    'headers', 'credentials', 'host', 'root', 'frame', 'verdict', 'element', 'locale', 'label', 'openOn', 'zIndex', 'namespace']
  for (const name of names) Object.defineProperty(Object.prototype, name, { value: 'https://evil.test', writable: true, configurable: true })
</script>
LOADER
<main id=\"place\" EMBED></main>
<form id=\"form\" EMBED><input name=\"attributes\"><input name=\"append\"><input name=\"nonce\"><input name=\"isConnected\"></form>
<div id=\"styled\" EMBED data-width=\"1px;background:url(LEAK)\"></div><div id=\"high\" EMBED data-height=\"1px;background:url(LEAK)\"></div>
<div id=\"widget\" EMBED data-type=\"widget\"></div>";

#[tokio::test]
async fn markup_and_prototypes_of_the_page_answer_for_nothing() -> Result<()> {
    story(async |stage| {
        let embed = format!("data-dramac-embed=\"{}\" data-site-id=\"{}\"", stage.module, stage.site);
        let leak = format!("{}/leak", stage.website.origin());
        let html = HOSTILE.replace("LOADER", &stage.loader("")).replace("EMBED", &embed).replace("LEAK", &leak);
        let html = format!("<!doctype html><html lang=\"en\"><title>Hostile</title><link rel=\"icon\" href=\"data:,\">{html}");
        let browser = &stage.browser;
        browser.open(&stage.website.put("/", html)).await?;
        let frame = |id: &str| format!("window.{id}.querySelector('dramac-frame')?.shadowRoot.querySelector('iframe')");
        for id in ["place", "form"] {
            let shown = format!("{}?.checkVisibility({{ visibilityProperty: true }})", frame(id));
            browser.until(id, &shown).await?;
            let source = browser.value(&format!("{}.src", frame(id))).await?;
            let own = stage.installation.module_origin(&stage.module);
            ensure!(source.as_str().is_some_and(|source| source.starts_with(&own)), "{id} is at {source}");
            let sandbox = browser.value(&format!("{}.sandbox.value", frame(id))).await?;
            ensure!(sandbox.as_str().is_some_and(|sandbox| sandbox.starts_with("allow-scripts ")), "{sandbox}");
        }
        browser.until("the launcher was there", "[...Document.prototype.querySelectorAll.call(document, 'dramac-frame.floating')].some((host) => host.shadowRoot.querySelector('.launcher'))").await?;
        let leaked = "performance.getEntriesByType('resource').map(({ name }) => name).filter((name) => /leak|evil/.test(name))";
        assert_eq!(browser.value(leaked).await?, json!([]));
        assert_eq!(browser.value("faults").await?, json!([]), "nothing threw");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_floats_is_not_printed() -> Result<()> {
    story(async |stage| {
        let body = "<h1>Article</h1><div id=\"place\" EMBED data-type=\"widget\"></div>";
        stage.browser.open(&stage.website.put("/", page(stage, &stage.loader("async"), body))).await?;
        stage.browser.until("the launcher was shown", "shown(deep('.launcher')[0])").await?;
        stage.browser.devtools("Emulation.setEmulatedMedia", json!({ "media": "print" })).await?;
        assert_eq!(stage.browser.value("shown(deep('.launcher')[0])").await?, false);
        stage.browser.run("Dramac.get?.('it').open()", ()).await?;
        assert_eq!(stage.browser.value("shown(deep('.panel')[0])").await?, false);
        Ok(())
    })
    .await
}

#[test]
fn the_guide_names_tests_and_rows_that_are_there() {
    let guide = std::fs::read_to_string(stories::repository("docs/host-pages.md")).unwrap();
    let source = |file: &str| {
        std::fs::read_to_string(stories::repository(&format!("tests/stories/{file}.rs"))).unwrap_or_default()
    };
    let mut tests = 0;
    for line in guide.lines().filter(|line| line.starts_with('|')) {
        let Some(test) = line.rsplit('|').nth(1).filter(|cell| cell.contains("::") || cell.contains('“'))
        else {
            continue;
        };
        if let Some((file, name)) = test.split('`').nth(1).and_then(|name| name.split_once("::")) {
            assert!(source(file).contains(&format!("fn {name}(")), "{line}");
            tests += 1;
        }
        for row in test.split('“').skip(1).filter_map(|rest| rest.split('”').next()) {
            let rows = format!("{}{}", source("host_pages"), source("navigation"));
            assert!(rows.contains(&format!("\"{row}\"")), "there is no row “{row}”");
        }
    }
    assert!(tests > 9, "{tests} tests are named");
}

#[tokio::test]
async fn a_module_that_says_nothing_is_named_and_stays_to_be_seen() -> Result<()> {
    story(async |stage| {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("module.json"), json!({ "name": "Silent", "version": "1.0.0" }).to_string())?;
        std::fs::write(folder.path().join("index.html"), "<!doctype html><title>Silent</title><h1>Silent</h1>")?;
        let silent = stage.publish(folder.path()).await?;
        // Half a minute passes at once.
        let fast = "<script>{ const real = setTimeout; window.setTimeout = (act, wait, ...rest) => real(act, wait === 30_000 ? 300 : wait, ...rest) }</script>";
        let script = format!(
            "Dramac('ready', () => {{ window.embed = Dramac.embed({{ siteId, moduleId: '{silent}', type: 'inline', container: '#place', onError: ({{ code }}) => log.push(code) }}) }})"
        );
        let html = stage.page_with_loader(&format!("{fast}{}", stage.loader("async")), &script);
        stage.browser.open(&stage.website.put_page("/", Page { html, csp: None })).await?;
        stage.browser.until("the state said so", "embed.state === 'error'").await?;
        assert_eq!(stage.log().await?, json!(["no_handshake"]));
        assert_eq!(stage.browser.value("shown(deep('iframe')[0]) && !deep('[role=alert]').length").await?, Value::Bool(true));
        let console = stage.browser.console().await?.join("\n");
        assert!(console.contains("[Dramac] The module has not said that it is ready"), "{console}");
        Ok(())
    })
    .await
}
