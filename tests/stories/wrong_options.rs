//! What is wrong with a configuration is told by name, with what was expected, and harms nothing else.

use anyhow::{Result, ensure};
use serde_json::json;
use stories::story;

/// A configuration's wrong part, the code that the page gets, and what the sentence says.
const WRONG: [(&str, &str, &str); 42] = [
    (
        "colour: 'red'",
        "invalid_option",
        "There is no option “colour”. The options are siteId, moduleId, container,",
    ),
    ("siteId: 7", "invalid_option", "The option siteId is “7”, but it has to be the id (a UUID)"),
    (
        "moduleId: undefined",
        "invalid_option",
        "The option moduleId is “undefined”, but it has to be the id (a UUID)",
    ),
    ("moduleId: 'evil.example/'", "invalid_option", "The option moduleId is “evil.example/”"),
    (
        "type: 'banner'",
        "invalid_option",
        "The option type is “banner”, but it has to be widget or popup or inline.",
    ),
    ("type: 3", "invalid_option", "The option type is “3”"),
    ("theme: 'blue'", "invalid_option", "but it has to be light or dark or auto."),
    (
        "position: 'middle'",
        "invalid_option",
        "but it has to be bottom-right or bottom-left or top-right or top-left.",
    ),
    (
        "width: -1",
        "invalid_option",
        "The option width is “-1”, but it has to be a CSS length such as '100%' or a number of pixels.",
    ),
    (
        "height: Object.create(null)",
        "invalid_option",
        "The option height is “”, but it has to be a CSS length",
    ),
    ("width: 'wide'", "invalid_option", "The option width is “wide”, but it has to be a CSS length"),
    ("width: Infinity", "invalid_option", "The option width is “Infinity”, but it has to be a CSS length"),
    ("height: '12 px'", "invalid_option", "The option height is “12 px”, but it has to be a CSS length"),
    ("params: 'pro'", "invalid_option", "The option params is “pro”, but it has to be an object"),
    (
        "params: { f() {} }",
        "invalid_option",
        "but it has to be an object of what can be cloned: no functions, no elements.",
    ),
    (
        "type: 'popup', openOn: 'hover'",
        "invalid_option",
        "The option openOn is “hover”, but a popup has no launcher",
    ),
    (
        "type: 'inline', openOn: '###'",
        "invalid_option",
        "The option openOn is “###”, but it has to be load, hover",
    ),
    ("openOn: ''", "invalid_option", "The option openOn is “”, but it has to be load, hover"),
    ("params: ['pro']", "invalid_option", "The option params is “pro”, but it has to be an object"),
    ("locale: 5", "invalid_option", "The option locale is “5”, but it has to be a text."),
    ("launcher: true", "invalid_option", "The option launcher is “true”, but it has to be an object"),
    ("launcher: []", "invalid_option", "The option launcher is “”, but it has to be an object"),
    (
        "launcher: { color: 'reddish' }",
        "invalid_option",
        "The option color is “reddish”, but it has to be a CSS colour.",
    ),
    (
        "launcher: { badge: -1 }",
        "invalid_option",
        "The option badge is “-1”, but it has to be a whole number, 0 or more.",
    ),
    (
        "launcher: { colour: 'red' }",
        "invalid_option",
        "There is no option “colour”. The options are label, icon,",
    ),
    (
        "launcher: { badge: 1.5 }",
        "invalid_option",
        "The option badge is “1.5”, but it has to be a whole number, 0 or more.",
    ),
    ("lazy: 'yes'", "invalid_option", "The option lazy is “yes”, but it has to be true or false."),
    (
        "openOn: 5",
        "invalid_option",
        "The option openOn is “5”, but it has to be load, hover, exit-intent or a selector.",
    ),
    (
        "type: 'popup', openOn: '!'",
        "invalid_option",
        "The option openOn is “!”, but it has to be load, hover, exit-intent or a selector.",
    ),
    ("namespace: {}", "invalid_option", "The option namespace is “[object Object]”"),
    ("zIndex: 'top'", "invalid_option", "The option zIndex is “top”, but it has to be a whole number."),
    ("zIndex: ''", "invalid_option", "The option zIndex is “”, but it has to be a whole number."),
    ("zIndex: Symbol('top')", "invalid_option", "The option zIndex is “Symbol(top)”"),
    ("allow: ['camera']", "invalid_option", "The option allow is “camera”, but it has to be a text."),
    ("sandbox: false", "invalid_option", "The option sandbox is “false”"),
    ("nonce: 5", "invalid_option", "The option nonce is “5”"),
    ("onReady: 'log'", "invalid_option", "The option onReady is “log”, but it has to be a function."),
    ("onMessage: {}", "invalid_option", "The option onMessage is “[object Object]”"),
    (
        "container: 5",
        "invalid_option",
        "The option container is “5”, but it has to be a selector or an element.",
    ),
    ("container: {}", "invalid_option", "The container has to be an element of this page, or its selector."),
    (
        "container: '#nowhere'",
        "container_not_found",
        "No element of this page matches the container “#nowhere”",
    ),
    ("container: '!'", "container_not_found", "No element of this page matches the container “!”"),
];

#[tokio::test]
async fn a_wrong_option_is_named_with_what_was_expected() -> Result<()> {
    story(async |stage| {
        let browser = &stage.browser;
        let script = "Dramac('ready', () => log.push('ready'))";
        browser.open(&stage.website.put("/", stage.page(script))).await?;
        browser.until("the SDK was there", "log.length").await?;
        for (wrong, code, sentence) in WRONG {
            let embed = format!(
                "let heard
                const onError = ({{ code, message }}) => {{ heard = [code, message] }}
                const handle = Dramac.embed({{ siteId, moduleId, type: 'inline', container: '#place', onError, {wrong} }})
                return handle.ready.catch(({{ code, message }}) => [handle.state, code, message, ...heard])"
            );
            let refused = browser.run(&embed, ()).await?;
            let said = refused[2].as_str().unwrap_or_default();
            ensure!(said.contains(sentence), "{wrong}: {refused}");
            assert_eq!(refused, json!(["error", code, said, code, said]), "{wrong}");
            let console = browser.console().await?.join("\n");
            ensure!(console.contains("[Dramac] ") && console.contains(sentence), "{wrong}: {console}");
        }
        assert_eq!(browser.value("deep('iframe').length").await?, 0);
        stage.log().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_wrong_option_takes_the_frame_away_that_the_loader_has_put_in() -> Result<()> {
    story(async |stage| {
        let script = "const handle = Dramac.embed({ siteId, moduleId, type: 'inline', container: '#place', position: 'middle' })
            log.push(place.childElementCount)
            handle.ready.catch(({ code }) => log.push(code))";
        let page = stage.page_with_loader(&stage.loader(""), script);
        stage.browser.open(&stage.website.put("/", page)).await?;
        stage.browser.until("the page had heard", "log.length === 2").await?;
        assert_eq!(stage.log().await?, json!([1, "invalid_option"]));
        assert_eq!(stage.browser.value("place.innerHTML").await?, "");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_container_has_one_embed_and_is_free_when_that_is_gone() -> Result<()> {
    story(async |stage| {
        let options = "{ siteId, moduleId, type: 'inline', container: '#place' }";
        // The first two are asked for before the SDK is there, and the loader starts both.
        let script = format!(
            "const first = window.embed = Dramac.embed({options}), second = Dramac.embed({options})
            second.ready.catch(({{ code, message }}) => log.push([second.state, code, message]))"
        );
        let browser = &stage.browser;
        let page = stage.page_with_loader(&stage.loader(""), &script);
        browser.open(&stage.website.put("/", page)).await?;
        stage.ready().await?;
        let sentence =
            "There is an embed in this container already: destroy it first, or use another element.";
        browser.until("the second was refused", "log.length").await?;
        assert_eq!(stage.log().await?, json!([["error", "container_taken", sentence]]));
        assert_eq!(browser.value("deep('iframe').length").await?, 1);

        let third = format!("return Dramac.embed({options}).ready.catch(({{ code }}) => code)");
        assert_eq!(browser.run(&third, ()).await?, "container_taken");
        assert_eq!(browser.run("return embed.request('echo', 'still')", ()).await?, "still");
        browser.run("embed.destroy()", ()).await?;
        assert_eq!(browser.run(&third, ()).await?, json!(null), "the fourth is ready");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_embed_may_be_asked_for_before_there_is_a_body() -> Result<()> {
    story(async |stage| {
        let loader = format!(
            "{}<script>
              window.bodiless = !document.body
              window.embeds = ['inline', 'widget'].map((type) => Dramac.embed({{ siteId, moduleId, type, container: '#place' }}))
            </script>",
            stage.loader("")
        );
        stage.browser.open(&stage.website.put("/", stage.page_with_loader(&loader, ""))).await?;
        let ready = "embeds.every(({ state }) => state === 'ready')";
        stage.browser.until("both were ready", ready).await?;
        assert_eq!(stage.browser.value("bodiless").await?, true);
        assert_eq!(stage.browser.value("deep('iframe', place).length").await?, 1);
        stage.log().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_is_null_counts_as_left_out_before_and_after_the_sdk_has_come() -> Result<()> {
    story(async |stage| {
        let script = "const none = { theme: null, width: null, allow: null, sandbox: null, params: null, onReady: null }
            window.embed = Dramac.embed({ ...none, siteId, moduleId, type: 'inline', container: '#place' })
            Dramac.ready(() => { window.widget = Dramac.embed({ ...none, siteId, moduleId, type: null }) })";
        let page = stage.page_with_loader(&stage.loader(""), script);
        stage.browser.open(&stage.website.put("/", page)).await?;
        stage.ready().await?;
        stage.browser.until("the widget was ready", "window.widget?.state === 'ready'").await?;
        let frames = "deep('iframe').map(({ src, allow, sandbox }) => [src.split('~')[2], src.split('~')[3], allow, sandbox.contains('allow-scripts')])";
        let expected = json!([["light", "inline", "clipboard-write", true], ["light", "widget", "clipboard-write", true]]);
        assert_eq!(stage.browser.value(frames).await?, expected);
        stage.log().await?;
        Ok(())
    })
    .await
}
