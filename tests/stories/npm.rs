//! `@dramac/embed`: where the loader cannot come, whoever waits for it hears why, and may try again.

use crate::failures::copy_of_the_cdn;
use crate::react;
use anyhow::{Result, ensure};
use serde_json::{Value, json};
use stories::{Stage, port, repository, story};

/// Opens a page that may import the package from `/npm.js`; `head` stands before everything else.
async fn open(stage: &Stage, head: &str) -> Result<()> {
    stage.website.put("/npm.js", std::fs::read_to_string(repository("cdn/npm/index.js"))?);
    stage.browser.open(&stage.website.put("/", stage.page_with_loader(head, ""))).await
}

/// What a page gets that calls `load` with these options: the version of the loader, or the error's code and sentence.
async fn load(stage: &Stage, options: &str) -> Result<Value> {
    let script = format!(
        "return import('/npm.js').then(({{ load }}) => load({options}))
          .then(({{ version }}) => ({{ version }}), ({{ code, message }}) => [code, message])"
    );
    stage.browser.run(&script, ()).await
}

/// `load` refuses these options and names the source, and with the right ones it embeds all the same.
async fn refuses_and_tries_again(stage: &Stage, options: &str, sentence: &str) -> Result<()> {
    let refused = load(stage, options).await?;
    ensure!(refused[0] == "sdk_unavailable" && refused[1].as_str() == Some(sentence), "{refused}");
    assert_eq!(load(stage, "").await?, refused, "who says nothing has the same tried again");
    assert_eq!(stage.browser.value("document.querySelectorAll('head script[src]').length").await?, 0);
    let origin = stage.installation.origin();
    let embed = format!(
        "return import('/npm.js').then(({{ load, embed }}) => load({{ src: '{origin}/v1/embed.js' }})
          .then(() => embed({{ siteId, moduleId, type: 'inline', container: '#place' }})))
          .then((form) => form.request('echo', 'here'))"
    );
    assert_eq!(stage.browser.run(&embed, ()).await?, "here");
    Ok(())
}

#[tokio::test]
async fn a_loader_that_cannot_be_reached_is_named_and_may_be_tried_again() -> Result<()> {
    story(async |stage| {
        open(stage, "").await?;
        let nobody = format!("http://localhost:{}/v1/embed.js", port::free()?);
        let sentence = format!(
            "{nobody} cannot be reached, or is not what integrity says. Check the network and this page's Content-Security-Policy (script-src)."
        );
        refuses_and_tries_again(stage, &format!("{{ src: '{nobody}' }}"), &sentence).await?;
        stage.log().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_page_in_place_of_the_loader_is_named_and_the_loader_may_be_tried_again() -> Result<()> {
    story(async |stage| {
        open(stage, "").await?;
        let page = stage.website.put("/embed.js", "<!doctype html><title>Nothing here</title>");
        let sentence = format!("{page} is not the loader of Dramac Embed.");
        refuses_and_tries_again(stage, &format!("{{ src: '{page}' }}"), &sentence).await
    })
    .await
}

#[tokio::test]
async fn a_loader_that_is_not_what_integrity_says_does_not_run_and_may_be_tried_again() -> Result<()> {
    story(async |stage| {
        open(stage, "").await?;
        let src = format!("{}/v1/embed.js", stage.installation.origin());
        let integrity = format!("sha384-{}", "A".repeat(64));
        let sentence = format!(
            "{src} cannot be reached, or is not what integrity says. Check the network and this page's Content-Security-Policy (script-src)."
        );
        refuses_and_tries_again(stage, &format!("{{ src: '{src}', integrity: '{integrity}' }}"), &sentence).await?;
        stage.log().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_react_component_tells_that_the_loader_cannot_come() -> Result<()> {
    story(async |stage| {
        let main = format!(
            "import {{ createRoot }} from 'react-dom/client'
            import {{ load }} from '@dramac/embed'
            import {{ DramacEmbed }} from '@dramac/embed/react'
            load({{ src: 'http://localhost:{}/v1/embed.js' }}).catch(() => {{}})
            createRoot(place).render(<DramacEmbed siteId={{siteId}} moduleId={{moduleId}} type=\"inline\" onError={{({{ code }}) => log.push(code)}} />)",
            port::free()?
        );
        stage.website.put("/main.js", react::built(&main).await?);
        let script = "document.body.append(Object.assign(document.createElement('script'), { type: 'module', src: '/main.js' }))";
        stage.browser.open(&stage.website.put("/", stage.page_with_loader("", script))).await?;
        stage.browser.until("the component had told", "log.length").await?;
        assert_eq!(stage.log().await?, json!(["sdk_unavailable"]));
        Ok(())
    })
    .await
}

/// Calls `load` without options on a page with the queue, and then brings its loader from `src`.
async fn load_of_the_page(stage: &Stage, src: &str) -> Result<Value> {
    let bring = format!(
        "const script = Object.assign(document.createElement('script'), {{ src: '{src}' }})
        const loaded = import('/npm.js').then(({{ load }}) => {{ const loaded = load(); document.head.append(script); return loaded }})
        return loaded.then(({{ version }}) => typeof version, ({{ code }}) => code)"
    );
    stage.browser.run(&bring, ()).await
}

#[tokio::test]
async fn waiting_for_the_pages_own_loader_ends_where_it_cannot_come() -> Result<()> {
    story(async |stage| {
        open(stage, "").await?;
        let nobody = format!("http://localhost:{}/v1/embed.js", port::free()?);
        assert_eq!(load_of_the_page(stage, &nobody).await?, "sdk_unavailable");
        stage.log().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn waiting_for_the_pages_own_loader_ends_where_the_sdk_cannot_come() -> Result<()> {
    story(async |stage| {
        open(stage, "").await?;
        let (cdn, _) = copy_of_the_cdn(stage).await?;
        let src = format!("{}/v1/embed.js", cdn.origin());
        assert_eq!(load_of_the_page(stage, &src).await?, "string", "the loader is there");
        let embed = "return import('/npm.js').then(({ embed }) => embed({ siteId, moduleId }))
            .then((handle) => handle.ready).catch(({ code }) => code)";
        assert_eq!(stage.browser.run(embed, ()).await?, "sdk_unavailable");
        stage.log().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn waiting_for_the_pages_own_loader_ends_where_nobody_brings_it() -> Result<()> {
    story(async |stage| {
        // A page on which time goes by two hundred times as fast.
        let fast = "<script>
            const set = setTimeout
            window.setTimeout = (run, wait, ...rest) => set(run, wait / 200, ...rest)
          </script>";
        open(stage, fast).await?;
        let refused = load(stage, "").await?;
        assert_eq!(refused[0], "sdk_unavailable", "{refused}");
        stage.log().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_script_of_somebody_elses_that_fails_is_not_taken_for_the_loader() -> Result<()> {
    story(async |stage| {
        open(stage, "").await?;
        let foreign = format!("http://localhost:{}/next/embed.js", port::free()?);
        let script = "const put = (src) => document.head.append(Object.assign(document.createElement('script'), { src, onerror: () => { window.failed = true } }))
            window.put = put
            return import('/npm.js').then(({ load }) => { window.loaded = load(); loaded.catch(() => {}); put(arguments[0]) })";
        stage.browser.run(script, [json!(foreign)]).await?;
        stage.browser.until("the foreign script had failed", "window.failed").await?;
        let ours = format!("{}/v1/embed.js", stage.installation.origin());
        let loaded = "put(arguments[0]); return loaded.then(({ version }) => typeof version, ({ code }) => code)";
        assert_eq!(stage.browser.run(loaded, [json!(ours)]).await?, "string");
        stage.log().await?;
        Ok(())
    })
    .await
}
