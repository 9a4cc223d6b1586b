//! A module's pages, links, forms and routes work in its frame as they do anywhere.

use anyhow::{Context, Result};
use serde_json::json;
use stories::{Engine, Installation, Stage, Website, story, story_in, wait};
use tempfile::TempDir;

/// What a step does in the frame, and where the module says that it is afterwards: title, query and fragment, and whether it
/// is still the document that was there before the step.
type Step = (&'static str, &'static str);

/// What a person or a router does in a module of several pages.
const ROUTES: &[(&str, &[Step])] = &[
    ("a link to a fragment", &[("a('#section')", "One#section same")]),
    ("a link to nothing that toggles something", &[("a('#')", "One same")]),
    (
        "a link to a fragment after another",
        &[("a('#section')", "One#section same"), ("a('#top')", "One#top same")],
    ),
    ("a link to a query", &[("a('?page=2')", "One?page=2"), ("a('?page=3')", "One?page=3")]),
    ("a link to nothing", &[("a('')", "One")]),
    ("a form without an action", &[("form({})", "One?q=1")]),
    ("a form to another page", &[("form({ action: 'two.html' })", "Two?q=1")]),
    ("a form whose action is a query", &[("form({ action: '?x' })", "One?q=1")]),
    ("a form without an action after a query", &[("a('?page=2')", "One?page=2"), ("form({})", "One?q=1")]),
    (
        "pushState of a fragment",
        &[("history.pushState(null, '', '#/two')", "One#/two same"), ("location.reload()", "One#/two")],
    ),
    (
        "pushState of a query, and a reload",
        &[("history.pushState(null, '', '?tab=2')", "One?tab=2 same"), ("location.reload()", "One?tab=2")],
    ),
    (
        "replaceState of a page, and a reload",
        &[("history.replaceState(null, '', 'two.html')", "One same"), ("location.reload()", "Two")],
    ),
    (
        "a router of fragments, and two reloads",
        &[
            ("location.hash = '/two'", "One#/two same"),
            ("location.reload()", "One#/two"),
            ("location.reload()", "One#/two"),
        ],
    ),
    (
        "a router of fragments, and back",
        &[("location.hash = '/two'", "One#/two same"), ("history.back()", "One same")],
    ),
    ("another page", &[("a('two.html')", "Two")]),
    ("another page, and back", &[("a('two.html')", "Two"), ("history.back()", "One")]),
    (
        "two pages, and back to the first",
        &[
            ("a('two.html')", "Two"),
            ("a('docs/')", "Docs"),
            ("history.back()", "Two"),
            ("history.back()", "One"),
        ],
    ),
    ("a folder without its slash", &[("a('docs?q=1')", "Docs?q=1"), ("a('../two.html#x')", "Two#x")]),
    (
        "a page with a fragment",
        &[("a('two.html#x')", "Two#x"), ("a('#y')", "Two#y same"), ("location.reload()", "Two#y")],
    ),
    ("a page that does not talk, and back", &[("a('silent.html')", ""), ("history.back()", "One")]),
    ("a page that does not exist, and back", &[("a('none.html')", ""), ("history.back()", "One")]),
    ("a page with a base of its own", &[("a('docs/based.html')", "Based"), ("a('two.html')", "Two")]),
    (
        "a global variable that is called name",
        &[("Function('var name = 1; globalThis.name = name')()", "One same"), ("location.reload()", "One")],
    ),
];

/// What a page loads and resolves by itself.
const RESOLVES: &[(&str, &str)] = &[
    ("nothing of ours is in the fragment", "location.hash === ''"),
    ("nor in the name", "name === ''"),
    ("a script is its version's", "document.scripts[1].src.endsWith('/1.0.0/app.js')"),
    ("an image is there", "document.images[0].naturalWidth === 2"),
    ("fetch finds a file", "fetch('data.json').then((answer) => answer.json()).then(({ here }) => here)"),
    ("an inline import finds a file", "import('./lib.js').then(({ here }) => here)"),
    (
        "a frame of the module's own",
        "new Promise((resolve) => { const f = document.createElement('iframe'); f.onload = () => resolve(f.contentDocument?.title === 'Two'); f.src = 'two.html'; document.body.append(f) })",
    ),
    ("use of a symbol", "document.querySelector('use').getBBox().width > 0"),
];

/// A module of several pages.
fn pages() -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let write = |path: &str, content: String| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().context("a file has a folder")?)?;
        anyhow::Ok(std::fs::write(path, content)?)
    };
    let page = |title: &str, head: &str, app: &str| {
        format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>{head}<link rel=\"icon\" href=\"data:,\">
<script src=\"/v1/module.js\"></script><script src=\"{app}\"></script></head><body><h1 id=\"top\">{title}</h1><img alt=\"\" src=\"{root}dot.svg\">
<svg width=\"9\" height=\"9\"><symbol id=\"i\" viewBox=\"0 0 1 1\"><rect width=\"1\" height=\"1\"/></symbol><use href=\"#i\" width=\"9\" height=\"9\"/></svg>
<div style=\"height:900px\"></div><h2 id=\"section\">Section</h2></body></html>",
            root = app.trim_end_matches("app.js")
        )
    };
    write("module.json", json!({ "name": "Pages", "version": "1.0.0" }).to_string())?;
    write("index.html", page("One", "", "app.js"))?;
    write("two.html", page("Two", "", "./app.js"))?;
    write("docs/index.html", page("Docs", "", "../app.js"))?;
    write("docs/based.html", page("Based", "<base href=\"/\">", "app.js"))?;
    write("silent.html", "<!doctype html><title>Silent</title>".to_owned())?;
    write("data.json", json!({ "here": true }).to_string())?;
    write("lib.js", "export const here = true".to_owned())?;
    write("dot.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"2\" height=\"2\"/>".to_owned())?;
    let app = "Dramac.module.handle('where', () => document.title + location.search + location.hash + (window.same ? ' same' : ''))
        window.a = (href) => { const link = document.createElement('a'); link.href = href; document.body.append(link); link.click() }
        window.form = (about) => {
          const made = Object.assign(document.createElement('form'), about)
          made.innerHTML = '<input name=q value=1><button>Send</button>'
          document.body.append(made)
          made.querySelector('button').click()
        }";
    write("app.js", app.to_owned())?;
    Ok(folder)
}

/// Does a step in the frame once its script is over, since it may replace the document.
async fn step(stage: &Stage, act: &str) -> Result<()> {
    stage.inside(&format!("window.same = true; setTimeout(() => {{ {act} }})")).await?;
    Ok(())
}

/// Waits until the module says that it is there.
async fn arrives(stage: &Stage, embed: &str, place: &str) -> Result<()> {
    if place.is_empty() {
        let state = format!("{embed}.state !== 'ready'");
        stage.browser.until("the page noticed that nobody answers", &state).await?;
        return Ok(());
    }
    let asked =
        format!("return {embed}.request('where', null, {{ timeout: 500 }}).catch(({{ code }}) => code)");
    let mut last = json!(null);
    let arrived = wait::until(place, wait::LIMIT, async || {
        last = stage.browser.run(&asked, ()).await?;
        let state = stage.browser.value(&format!("{embed}.state")).await?;
        Ok((last == place && state == "ready").then_some(()))
    });
    arrived.await.with_context(|| format!("the module was at {last}"))
}

async fn every_route(stage: &Stage) -> Result<()> {
    let folder = pages()?;
    let module = stage.publish(folder.path()).await?;
    for (name, steps) in ROUTES {
        let walk = async {
            stage.embed_unready(&format!("moduleId: '{module}', type: 'inline'")).await?;
            arrives(stage, "embed", "One").await?;
            for (act, place) in *steps {
                step(stage, act).await?;
                arrives(stage, "embed", place).await.with_context(|| format!("after `{act}`"))?;
            }
            stage.log().await
        };
        walk.await.with_context(|| format!("row “{name}”"))?;
    }
    stage.embed_unready(&format!("moduleId: '{module}', type: 'inline'")).await?;
    arrives(stage, "embed", "One").await?;
    for (name, expression) in RESOLVES {
        let value =
            stage.inside(&format!("return {expression}")).await.with_context(|| format!("row “{name}”"))?;
        assert_eq!(value, true, "row “{name}”");
    }
    Ok(())
}

#[tokio::test]
async fn links_forms_and_routes_of_a_module_work_in_chromium() -> Result<()> {
    story_in(Engine::Chromium, Installation::new()?, every_route).await
}

#[tokio::test]
async fn links_forms_and_routes_of_a_module_work_in_firefox() -> Result<()> {
    story_in(Engine::Firefox, Installation::new()?, every_route).await
}

#[tokio::test]
async fn links_forms_and_routes_of_a_module_work_in_webkit() -> Result<()> {
    story_in(Engine::WebKit, Installation::new()?, every_route).await
}

#[tokio::test]
async fn links_forms_and_routes_of_a_sandboxed_module_work() -> Result<()> {
    let installation = Installation::new()?.with("EMBED_MODULE_HOST", "");
    story_in(Engine::Chromium, installation, async |stage| {
        let folder = pages()?;
        let module = stage.publish(folder.path()).await?;
        stage
            .embed_unready(&format!("moduleId: '{module}', type: 'inline', params: {{ secret: 1 }}"))
            .await?;
        arrives(stage, "embed", "One").await?;
        assert_eq!(stage.inside("return Dramac.module.context.params.secret").await?, 1);
        for (act, place) in
            [("a('two.html')", "Two"), ("history.back()", "One"), ("location.reload()", "One")]
        {
            step(stage, act).await?;
            arrives(stage, "embed", place).await.with_context(|| format!("after `{act}`"))?;
            // Without an origin of its own, any page to which the module leads its frame could have answered.
            let params = stage.inside("return Dramac.module.context.params").await?;
            assert_eq!(params, json!({}), "after `{act}`");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn of_two_equal_embeds_one_may_be_loaded_anew() -> Result<()> {
    story(async |stage| {
        let script = "Dramac('ready', () => {
              const place = (id) => document.getElementById('place').appendChild(Object.assign(document.createElement('div'), { id }))
              window.embeds = ['one', 'two'].map((id) => Dramac.embed({ siteId, moduleId, type: 'inline', container: place(id) }))
            })";
        let browser = &stage.browser;
        browser.open(&stage.website.put("/", stage.page(script))).await?;
        let ready = "window.embeds?.every(({ state }) => state === 'ready')";
        browser.until("both were ready", ready).await?;
        browser.run("window.loads = 0; embeds[0].on('ready', () => loads++)", ()).await?;
        stage.inside("setTimeout(() => location.reload())").await?;
        browser.until("the first was ready again", "loads === 1 && embeds[0].state === 'ready'").await?;
        let both = "return Promise.all(embeds.map((embed, at) => embed.request('echo', at)))";
        assert_eq!(browser.run(both, ()).await?, json!([0, 1]));
        let names = browser.value("deep('iframe').map(({ name }) => name)").await?;
        assert_ne!(names[0], names[1]);
        stage.log().await?;
        Ok(())
    })
    .await
}

/// Spellings of the ids, and what becomes of the embed.
const SPELLINGS: &[(&str, &str, &str)] = &[
    ("as they are", "({ siteId, moduleId })", "ready"),
    ("a module in upper case", "({ siteId, moduleId: moduleId.toUpperCase() })", "ready"),
    ("a site in upper case", "({ siteId: siteId.toUpperCase(), moduleId })", "ready"),
    ("both in upper case", "({ siteId: siteId.toUpperCase(), moduleId: moduleId.toUpperCase() })", "ready"),
    ("mixed case", "({ siteId, moduleId: moduleId.replace(/[a-f]/, (c) => c.toUpperCase()) })", "ready"),
    ("braces", "({ siteId, moduleId: `{${moduleId}}` })", "error invalid_option"),
    ("no hyphens", "({ siteId, moduleId: moduleId.replaceAll('-', '') })", "error invalid_option"),
    ("a path after it", "({ siteId: `${siteId}/../..`, moduleId })", "error invalid_option"),
];

#[tokio::test]
async fn ids_in_other_spellings_work_or_say_what_is_wrong() -> Result<()> {
    story(async |stage| {
        for by_attributes in [false, true] {
            for (name, ids, expected) in SPELLINGS {
                let make = match by_attributes {
                    false => "window.embed = Dramac.embed({ ...ids, type: 'inline', container: '#place', onError })",
                    true => "Object.assign(place.dataset, { dramacEmbed: ids.moduleId, siteId: ids.siteId, namespace: 'it' })
                        place.addEventListener('error', ({ detail }) => onError(detail))
                        Dramac('ready', () => setTimeout(() => { window.embed = Dramac.get('it') ?? { state: 'error' } }))",
                };
                let script = format!("const ids = {ids}, onError = ({{ code }}) => {{ window.code = code }}; {make}");
                let page = stage.page_with_loader(&stage.loader(if by_attributes { "async" } else { "" }), &script);
                stage.browser.open(&stage.website.put("/", page)).await?;
                let outcome = format!("[window.embed?.state, window.code].filter(Boolean).join(' ') === '{expected}'");
                let reached = stage.browser.until(expected, &outcome).await;
                reached.with_context(|| format!("row “{name}”, by attributes: {by_attributes}"))?;
                if *expected == "ready" {
                    assert_eq!(stage.browser.run("return embed.request('echo', 1)", ()).await?, 1, "row “{name}”");
                }
            }
        }
        Ok(())
    })
    .await
}

/// A module that was published before stays where frames of pages that have an old loader look for it.
#[tokio::test]
async fn the_frame_of_an_older_loader_is_answered() -> Result<()> {
    story(async |stage| {
        let older = Website::start().await?;
        stage.admit(&older, &stage.module).await?;
        let source = format!("{}/embed/{}", stage.installation.module_origin(&stage.module), stage.module);
        let page = format!(
            "<!doctype html><title>Older</title><link rel=\"icon\" href=\"data:,\"><iframe id=\"made\"></iframe><script>
               addEventListener('message', ({{ data }}) => {{ window.shaken = data.nonce }})
               document.getElementById('made').src = '{source}?' + new URLSearchParams({{ site: '{}', origin: location.origin, theme: 'light', type: 'inline' }}) + '#1-2-3-4'
             </script>",
            stage.site
        );
        stage.browser.open(&older.put("/", page)).await?;
        let shaken = stage.browser.until("the module shook hands", "window.shaken").await?;
        assert_eq!(shaken, "1-2-3-4");
        Ok(())
    })
    .await
}
