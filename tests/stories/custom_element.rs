//! `<dramac-embed>`: attributes that may change, properties, methods, DOM events.

use anyhow::Result;
use serde_json::json;
use stories::{SDK_LATE, Stage, story};

/// Puts an element on a page, as `element`, and waits until its module is ready.
async fn put(stage: &Stage) -> Result<()> {
    let script = "const element = window.element = document.createElement('dramac-embed')
        element.setAttribute('module', moduleId); element.setAttribute('site', siteId)
        for (const name of ['ready', 'game:score', 'destroy']) element.addEventListener(name, ({ type, detail }) => log.push([type, detail ?? null]))
        place.append(element)";
    stage.browser.open(&stage.website.put("/", stage.page(script))).await?;
    stage.browser.until("the module was ready", "element.state === 'ready'").await?;
    Ok(())
}

#[tokio::test]
async fn a_changed_attribute_changes_the_embed_while_its_frame_stays() -> Result<()> {
    story(async |stage| {
        put(stage).await?;
        let browser = &stage.browser;
        let change = "deep('iframe')[0].mark = true; element.setAttribute('theme', 'dark'); element.params = { plan: 'pro' }; element.width = 320";
        browser.run(change, ()).await?;
        browser.enter("deep('iframe')[0]").await?;
        let changed = "document.documentElement.dataset.theme === 'dark' && Dramac.module.context.params?.plan === 'pro' && innerWidth === 320";
        browser.until("the module had heard of it", changed).await?;
        browser.leave().await?;
        assert_eq!(browser.value("deep('iframe').map((frame) => frame.mark)").await?, json!([true]));
        assert_eq!(browser.value("[element.theme, element.params, element.locale]").await?, json!(["dark", "{\"plan\":\"pro\"}", null]));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_changed_type_makes_another_embed() -> Result<()> {
    story(async |stage| {
        put(stage).await?;
        stage.browser.run("element.type = 'widget'", ()).await?;
        stage.browser.until("it was a widget", "shown(deep('button.launcher')[0])").await?;
        stage.browser.until("the widget's module was ready", "element.state === 'ready'").await?;
        assert_eq!(stage.browser.value("deep('iframe').length").await?, 1);
        assert_eq!(stage.log().await?, json!([["ready", null], ["destroy", null], ["ready", null]]));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn it_has_the_methods_of_a_handle_and_what_happens_is_a_dom_event() -> Result<()> {
    story(async |stage| {
        put(stage).await?;
        assert_eq!(stage.browser.run("return element.request('echo', [1])", ()).await?, json!([1]));
        stage.inside("Dramac.module.emit('game:score', { points: 7 })").await?;
        stage.browser.until("the event came", "log.length === 2").await?;
        stage.browser.run("element.destroy()", ()).await?;
        assert_eq!(
            stage.log().await?,
            json!([["ready", null], ["game:score", { "points": 7 }], ["destroy", null]])
        );
        assert_eq!(stage.browser.value("element.state").await?, "destroyed");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn properties_that_were_set_before_it_was_defined_count() -> Result<()> {
    story(async |stage| {
        let script = "const element = window.element = document.createElement('dramac-embed')
            Object.assign(element, { module: moduleId, params: { plan: 'pro' }, theme: 'dark' })
            element.setAttribute('site', siteId)
            place.append(element)";
        let page = stage.page_with_loader(&format!("{SDK_LATE}{}", stage.loader("async")), script);
        stage.browser.open(&stage.website.put("/", page)).await?;
        stage.browser.until("the SDK was on its way", "window.come").await?;
        stage.browser.run("come()", ()).await?;
        stage.browser.until("the module was ready", "element.state === 'ready'").await?;
        let seen = "return Dramac.module.ready.then(({ params }) => [params, Dramac.module.theme])";
        assert_eq!(stage.inside(seen).await?, json!([{ "plan": "pro" }, "dark"]));
        assert_eq!(stage.browser.value("element.getAttribute('theme')").await?, "dark");
        stage.log().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn everything_that_happens_is_a_dom_event_also_what_goes_wrong() -> Result<()> {
    story(async |stage| {
        let browser = &stage.browser;
        put(stage).await?;
        let listen = "log.length = 0; element.type = 'widget'
            for (const name of ['open', 'close', 'message', 'resize', 'badge']) element.addEventListener(name, ({ type, detail }) => log.push([type, detail ?? null]))";
        browser.run(listen, ()).await?;
        browser.until("the widget was ready", "element.state === 'ready'").await?;
        browser.run("log.length = 0; element.open(); element.close()", ()).await?;
        stage.inside("Dramac.module.resize(321); Dramac.module.badge(2); Dramac.module.emit('game:score', 1)").await?;
        browser.until("the last event had come", "log.some(([type]) => type === 'game:score')").await?;
        let heard = browser.value("log.filter(([type]) => type !== 'message')").await?;
        let expected = json!([["open", null], ["close", null], ["resize", { "height": 321 }], ["badge", { "count": 2 }], ["game:score", 1]]);
        assert_eq!(heard, expected);
        assert_eq!(browser.value("log.filter(([type]) => type === 'message').length").await?, 3);

        let wrong = "log.length = 0
            for (const [name, value] of [['theme', 'blue'], ['module', siteId]]) {
              const other = document.createElement('dramac-embed')
              other.setAttribute('module', moduleId); other.setAttribute('site', siteId); other.setAttribute(name, value)
              other.addEventListener('error', ({ detail }) => log.push(detail.code))
              place.append(other)
            }";
        browser.run(wrong, ()).await?;
        browser.until("both errors had come", "log.length === 2").await?;
        assert_eq!(stage.log().await?, json!(["invalid_option", "module_not_found"]));
        Ok(())
    })
    .await
}
