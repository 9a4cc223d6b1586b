//! Page and module talk over the bridge, in both directions.

use anyhow::{Result, ensure};
use serde_json::json;
use stories::story;

#[tokio::test]
async fn the_module_gets_its_context_with_the_handshake() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline', theme: 'dark', params: { plan: 'pro' }").await?;
        let context = stage.inside("return Dramac.module.ready").await?;
        assert_eq!(context["siteId"], stage.site);
        assert_eq!(context["moduleId"], stage.module);
        assert_eq!(context["type"], "inline");
        assert_eq!(context["theme"], "dark");
        assert_eq!(context["params"], json!({"plan": "pro"}));
        assert_eq!(context["server"], stage.installation.origin());
        assert_eq!(context["expiresIn"], 3600);
        ensure!(context["token"].as_str().is_some_and(|token| token.len() > 40), "no token in {context}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_either_side_sends_arrives_untouched_and_in_order() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline', onMessage: (message) => log.push(message.type)").await?;
        let (page, module) = (&stage.browser, stage);

        page.run("for (let n = 0; n < 100; n++) embed.send('note', { n, when: new Date(n), bytes: Uint8Array.of(n) })", ())
            .await?;
        page.enter("deep('iframe')[0]").await?;
        page.until("the module heard all notes", "heard.length === 100").await?;
        let whole = page
            .value("heard.every((note, n) => note.n === n && note.when.getTime() === n && note.bytes[0] === n)")
            .await?;
        page.leave().await?;
        assert_eq!(whole, true);

        page.run("log.length = 0; embed.on('score', (score) => log.push(score.value.get('a')))", ()).await?;
        module.inside("Dramac.module.emit('score', { value: new Map([['a', 7]]) })").await?;
        page.until("the page heard the score", "log.length === 2").await?;
        assert_eq!(stage.log().await?, json!(["score", 7]));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_handler_is_called_as_often_as_it_was_asked_for() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline'").await?;
        let script = "const always = () => log.push('always'), off = () => log.push('off')
            embed.on('score', always); embed.once('score', () => log.push('once')); embed.on('score', off); embed.off('score', off)
            embed.on('end', () => log.push('end'))";
        stage.browser.run(script, ()).await?;
        stage.inside("const { module } = Dramac; module.emit('score'); module.emit('score'); module.emit('end')").await?;
        stage.browser.until("the last message came", "log.includes('end')").await?;
        assert_eq!(stage.log().await?, json!(["always", "once", "always", "end"]));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_page_asks_and_the_module_answers() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline'").await?;
        let page = &stage.browser;
        assert_eq!(
            page.run("return embed.request('echo', { a: [1, null, 'ü'] })", ()).await?,
            json!({"a": [1, null, "ü"]})
        );
        let many = "return Promise.all([...Array(64).keys()].map((n) => embed.request('echo', n)))
            .then((answers) => answers.every((answer, n) => answer === n))";
        assert_eq!(page.run(many, ()).await?, true);

        let refusal = |call: &str| {
            format!(
                "return embed.request({call}).then(String, (e) => [e instanceof Error, e.code, e.message])"
            )
        };
        let failed = page.run(&refusal("'fail'"), ()).await?;
        assert_eq!(failed, json!([true, "unlucky", "The module has no luck."]));
        let nobody = page.run(&refusal("'nobody'"), ()).await?;
        assert_eq!((&nobody[0], &nobody[1]), (&json!(true), &json!("no_handler")));
        let late = page.run(&refusal("'never', null, { timeout: 50 }"), ()).await?;
        assert_eq!((&late[0], &late[1]), (&json!(true), &json!("timeout")));

        let aborted = "const stop = new AbortController(); setTimeout(() => stop.abort(), 20)
            return embed.request('never', null, { signal: stop.signal }).then(String, (e) => e.name)";
        assert_eq!(page.run(aborted, ()).await?, "AbortError");
        let before =
            "return embed.request('echo', 1, { signal: AbortSignal.abort() }).then(String, (e) => e.name)";
        assert_eq!(page.run(before, ()).await?, "AbortError");
        stage.log().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_module_asks_and_the_page_answers() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline'").await?;
        let handlers = "embed.on('double', async (n) => 2 * n)
            embed.on('fail', async () => { throw Object.assign(new Error('Not today.'), { code: 'closed' }) })
            embed.on('never', () => new Promise(() => {}))";
        stage.browser.run(handlers, ()).await?;
        assert_eq!(stage.inside("return Dramac.module.request('double', 21)").await?, 42);
        let refusal = |call: &str| {
            format!("return Dramac.module.request({call}).then(String, (e) => [e.code, e.message])")
        };
        assert_eq!(stage.inside(&refusal("'fail'")).await?, json!(["closed", "Not today."]));
        assert_eq!(stage.inside(&refusal("'nobody'")).await?[0], "no_handler");
        assert_eq!(stage.inside(&refusal("'never', 0, { timeout: 50 }")).await?[0], "timeout");
        stage.log().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_reload_of_the_frame_is_a_new_handshake_and_cuts_off_what_was_in_flight() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline', onReady: () => log.push('ready')").await?;
        let ask = "embed.request('never').catch((error) => log.push(error.code))";
        stage.browser.run(ask, ()).await?;
        stage.inside("location.reload()").await?;
        stage.browser.until("the request was cut off", "log.includes('disconnected')").await?;
        assert_eq!(stage.browser.run("return embed.request('echo', 'again')", ()).await?, "again");
        stage.log().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_navigation_of_the_frame_to_elsewhere_ends_the_conversation() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline'").await?;
        let ask = "embed.on('score', () => log.push('score')); embed.request('never').catch((error) => log.push(error.code))";
        stage.browser.run(ask, ()).await?;
        let elsewhere = stage.website.put(
            "/elsewhere",
            "<title>Elsewhere</title><script>parent.postMessage({ type: 'score' }, '*'); parent.postMessage({ type: 'dramac:ready' }, '*')</script>",
        );
        stage.inside(&format!("location.href = '{elsewhere}'")).await?;
        stage.browser.until("the request was cut off", "log.includes('disconnected')").await?;
        assert_eq!(stage.log().await?, json!(["disconnected"]));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_answer_that_comes_after_the_frame_was_loaded_anew_is_nobodys() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline', onReady: () => log.push('ready')").await?;
        let slow = "embed.on('slow', () => new Promise((resolve) => { (window.slow ??= []).push(resolve) }))";
        stage.browser.run(slow, ()).await?;
        stage.inside("Dramac.module.request('slow').catch(() => {})").await?;
        stage.browser.until("the first page had asked", "window.slow?.length === 1").await?;
        stage.inside("location.reload()").await?;
        stage.browser.until("the second page was ready", "log.length === 2").await?;
        let ask =
            "window.answered = Dramac.module.request('slow').then((answer) => (window.answer = answer))";
        stage.inside(ask).await?;
        stage.browser.until("the second page had asked", "slow.length === 2").await?;
        stage.browser.run("slow[0]('for the first')", ()).await?;
        // Whatever was posted before this answer has arrived with it.
        assert_eq!(stage.browser.run("return embed.request('echo', 1)", ()).await?, 1);
        assert_eq!(stage.inside("return window.answer ?? null").await?, json!(null));
        stage.browser.run("slow[1]('for the second')", ()).await?;
        assert_eq!(stage.inside("return answered").await?, "for the second");
        stage.log().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_waits_for_the_module_is_what_the_page_said_when_it_said_it() -> Result<()> {
    story(async |stage| {
        let script = "Dramac('ready', async () => {
              const embed = Dramac.embed({ siteId, moduleId, type: 'inline', container: '#place' })
              const data = { n: 1 }
              embed.send('note', data)
              data.n = 2
              try { embed.send('note', () => {}) } catch ({ name }) { log.push(name) }
              await embed.request('echo', () => {}).catch(({ name }) => log.push(name))
              window.embed = embed
            })";
        stage.browser.open(&stage.website.put("/", stage.page(script))).await?;
        stage.ready().await?;
        assert_eq!(stage.log().await?, json!(["DataCloneError", "DataCloneError"]));
        assert_eq!(stage.browser.run("return embed.request('echo', 1)", ()).await?, 1);
        assert_eq!(stage.inside("return heard").await?, json!([{ "n": 1 }]));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_module_that_keeps_asking_for_a_token_makes_the_page_ask_once_at_a_time() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline'").await?;
        // The server answers when the page calls `answer`.
        let count = "const real = fetch; window.asked = 0
            window.fetch = (url, options) => !String(url).endsWith('/verify') ? real(url, options) : new Promise((resolve) => {
              asked++
              window.answer = () => resolve(real(url, options))
            })";
        stage.browser.run(count, ()).await?;
        let ask = "const { module } = Dramac
            for (let n = 0; n < 100; n++) module.emit('dramac:renew')
            const all = Array.from({ length: 100 }, () => module.request('dramac:renew'))
            window.tokens = Promise.all(all).then((all) => new Set(all.map(({ token }) => token)).size)";
        stage.inside(ask).await?;
        assert_eq!(stage.browser.run("return embed.request('echo', 1)", ()).await?, 1);
        stage.browser.run("answer()", ()).await?;
        assert_eq!(stage.inside("return tokens").await?, 1, "all of them got the same");
        assert_eq!(stage.browser.value("asked").await?, 1);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_module_hears_of_what_it_has_to_do_with_and_of_nothing_else() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'widget', launcher: { badge: 3 }").await?;
        let browser = &stage.browser;
        let listen = "window.told = []
            Dramac.module.on('update', ({ params, locale }) => told.push([params, locale ?? null])); Dramac.module.badge(0)";
        browser.until("the page's badge was shown", "deep('.badge')[0].innerText === '3'").await?;
        stage.inside(listen).await?;
        browser.until("the module had cleared it", "deep('.badge')[0].innerText === ''").await?;
        browser.run("embed.update({ theme: 'dark', zIndex: 7 }); embed.update({ params: { plan: 'pro' } })", ()).await?;
        assert_eq!(browser.run("return embed.request('echo', 1)", ()).await?, 1);
        assert_eq!(stage.inside("return told").await?, json!([[{ "plan": "pro" }, null]]));
        assert_eq!(browser.value("deep('.badge')[0].innerText").await?, "", "the page had said 3 before");
        browser.run("embed.update({ launcher: { badge: 3 } })", ()).await?;
        assert_eq!(browser.value("deep('.badge')[0].innerText").await?, "3", "and says it again");
        stage.log().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_theme_of_a_module_is_the_one_that_the_page_wants_now() -> Result<()> {
    story(async |stage| {
        let script = "Dramac('ready', () => {
              window.embed = Dramac.embed({ siteId, moduleId, type: 'inline', container: '#place', onReady: () => log.push('ready') })
              embed.update({ theme: 'dark' })
            })";
        stage.browser.open(&stage.website.put("/", stage.page(script))).await?;
        stage.ready().await?;
        assert_eq!(stage.browser.run("return embed.request('echo', 1)", ()).await?, 1);
        assert_eq!(stage.inside("return Dramac.module.theme").await?, "dark", "changed before it came");
        stage.inside("location.reload()").await?;
        stage.browser.until("it was there again", "log.length === 2").await?;
        assert_eq!(stage.browser.run("return embed.request('echo', 2)", ()).await?, 2);
        assert_eq!(stage.inside("return Dramac.module.theme").await?, "dark", "loaded anew");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_modules_own_direction_is_its_own_where_the_page_names_no_language() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline'").await?;
        assert_eq!(stage.inside("return document.documentElement.dir").await?, "");
        stage.browser.run("embed.update({ locale: 'he' })", ()).await?;
        assert_eq!(stage.browser.run("return embed.request('echo', 1)", ()).await?, 1);
        assert_eq!(stage.inside("return document.documentElement.dir").await?, "rtl");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn handlers_in_the_module_can_be_taken_back_and_do_not_stop_each_other() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline'").await?;
        let script = "const { module } = Dramac, take = () => got.push('taken back')
            window.got = []; window.thrown = []
            addEventListener('error', ({ message }) => thrown.push(message))
            module.once('score', take); module.off('score', take)
            module.once('score', () => { got.push('once'); throw Error('oh') })
            module.on('score', () => got.push('always'))";
        stage.inside(script).await?;
        stage
            .browser
            .run("embed.send('score'); embed.send('score'); return embed.request('echo', 1)", ())
            .await?;
        assert_eq!(stage.inside("return got").await?, json!(["once", "always", "always"]));
        assert_eq!(
            stage.inside("return thrown").await?,
            json!(["Script error."]),
            "all that a page reads of a driver's script"
        );
        Ok(())
    })
    .await
}
