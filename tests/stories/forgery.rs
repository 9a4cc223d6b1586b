//! Messages that are not the module's are ignored, wherever they come from and whatever they are.

use anyhow::Result;
use serde_json::{Value, json};
use stories::{Stage, Website, module, story};

/// An embed whose every sign of life is logged; the module's own reports of its height are not worth it.
const LISTENER: &str = "type: 'inline', onReady: () => log.push('ready'),
    onMessage: ({ type, payload }) => { if (type !== 'dramac:resize' || payload?.height === 9999) log.push(type) }";

/// Posts whatever a forger can think of to the window `to`; `nonce` may well be the right one.
const FORGED: &str = "
const forge = (to, nonce) => {
  const shapes = [null, undefined, 0, 42, NaN, '', 'dramac:ready', true, [], [[]], {}, { type: null }, { type: {} }, { id: 1 },
    { id: 1, result: 'forged' }, { id: 1, error: null }, { type: '__proto__' }, { type: 'constructor', payload: {} },
    { type: 'dramac:ready' }, { type: 'dramac:close' }, { type: 'dramac:resize', payload: { height: 9999 } },
    { type: 'dramac:resize', height: 9999 }, { type: 'score', payload: 'forged' }, new Date(), new Map(), /x/, new Error('x')];
  for (const shape of shapes) {
    to.postMessage(shape, '*');
    to.postMessage(shape, '*', [new MessageChannel().port2]);
  }
  for (const guess of [nonce, '', '0'.repeat(32), null, {}]) {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => { window.overheard = true };
    to.postMessage({ type: 'dramac:ready', protocol: 1, nonce: guess }, '*', [channel.port2]);
    channel.port1.postMessage({ type: 'score', payload: 'forged' });
  }
};
";

/// Waits until the module's own message has come through, so that whatever was posted before it has arrived too, and
/// checks that nothing else had.
async fn only_the_module_is_heard(stage: &Stage, log: Value) -> Result<()> {
    stage.inside("Dramac.module.emit('score', 'true')").await?;
    stage.browser.until("the module's message came", "log.includes('score')").await?;
    assert_eq!(stage.browser.run("return embed.request('echo', 'alive')", ()).await?, "alive");
    assert_eq!(stage.log().await?, log);
    assert_eq!(stage.browser.value("deep('iframe')[0].getBoundingClientRect().height < 1000").await?, true);
    Ok(())
}

#[tokio::test]
async fn messages_of_the_page_itself_are_ignored() -> Result<()> {
    story(async |stage| {
        stage.embed(LISTENER).await?;
        let nonce = "deep('iframe')[0].name";
        stage.browser.run(&format!("{FORGED} forge(window, {nonce}); await_ = new Promise((r) => setTimeout(r)); return await_"), ()).await?;
        assert_eq!(stage.browser.value("window.overheard").await?, Value::Null);
        only_the_module_is_heard(stage, json!(["ready", "score"])).await
    })
    .await
}

#[tokio::test]
async fn messages_of_a_third_frame_are_ignored() -> Result<()> {
    story(async |stage| {
        let third = Website::start().await?;
        stage.embed(LISTENER).await?;
        let nonce = stage.browser.value("deep('iframe')[0].name").await?;
        let url = third.put("/", format!("<title>Third</title><script>{FORGED} forge(parent, {nonce}); parent.postMessage('done', '*')</script>"));
        forged_by_frame(stage, &url).await?;
        only_the_module_is_heard(stage, json!(["ready", "score"])).await
    })
    .await
}

#[tokio::test]
async fn messages_of_the_right_origin_but_another_window_are_ignored() -> Result<()> {
    story(async |stage| {
        stage.embed(LISTENER).await?;
        let twin = stage.browser.value("deep('iframe')[0].src").await?;
        let nonce = stage.browser.value("deep('iframe')[0].name").await?;
        let script = "const twin = document.createElement('iframe'); twin.id = 'twin'
            twin.src = arguments[0]; document.body.append(twin); return new Promise((resolve) => { twin.onload = () => resolve() })";
        stage.browser.run(script, [twin]).await?;
        stage.browser.enter("document.getElementById('twin')").await?;
        let origin = stage.browser.value("location.origin").await?;
        assert_eq!(origin, stage.installation.module_origin(&stage.module), "the twin has the module's origin");
        stage.browser.run(&format!("{FORGED} forge(parent, {nonce}); return new Promise((r) => setTimeout(r))"), ()).await?;
        assert_eq!(stage.browser.value("window.overheard").await?, Value::Null);
        stage.browser.leave().await?;
        only_the_module_is_heard(stage, json!(["ready", "score"])).await
    })
    .await
}

#[tokio::test]
async fn after_the_handshake_neither_a_second_one_nor_window_messages_of_the_module_count() -> Result<()> {
    story(async |stage| {
        stage.embed(LISTENER).await?;
        let nonce = stage.browser.value("deep('iframe')[0].name").await?;
        stage
            .inside(&format!("{FORGED} forge(parent, {nonce}); return new Promise((r) => setTimeout(r))"))
            .await?;
        assert_eq!(stage.inside("return window.overheard").await?, Value::Null);
        only_the_module_is_heard(stage, json!(["ready", "score"])).await
    })
    .await
}

#[tokio::test]
async fn a_handshake_with_a_wrong_nonce_is_refused_and_the_right_one_still_counts() -> Result<()> {
    story(async |stage| {
        let blank = stage.publish(&module::blank()).await?;
        stage.embed_unready(&format!("type: 'inline', moduleId: '{blank}', onReady: () => log.push('ready')")).await?;
        stage.browser.until("the module was shown", "shown(deep('iframe')[0])").await?;
        let shake = "const shake = (nonce, name) => {
              const { port1, port2 } = new MessageChannel()
              port1.onmessage = ({ data }) => { (window.heard ??= []).push([name, data.type]) }
              parent.postMessage({ type: 'dramac:ready', protocol: 1, nonce }, '*', [port2])
            }
            shake('0'.repeat(32), 'wrong'); shake(undefined, 'none'); shake(name, 'right'); shake(name, 'again')";
        stage.inside(shake).await?;
        stage.browser.until("the right nonce was accepted", "log.includes('ready')").await?;
        stage.browser.run("embed.send('note')", ()).await?;
        stage.browser.enter("deep('iframe')[0]").await?;
        stage.browser.until("the module heard the page", "window.heard?.length >= 2").await?;
        let heard = stage.browser.value("heard").await?;
        stage.browser.leave().await?;
        assert_eq!(heard, json!([["right", "dramac:context"], ["right", "dramac:note"]]));
        assert_eq!(stage.log().await?, json!(["ready"]));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn odd_messages_of_the_module_itself_throw_nothing_on_the_page() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline', onReady: () => log.push('ready')").await?;
        let odd = "const { module } = Dramac
            for (const type of ['dramac:resize', 'dramac:badge', 'dramac:ready', 'dramac:open', 'dramac:close', '__proto__', 'constructor', ''])
              for (const payload of [null, undefined, 7, 'x', [], { height: -1 }, { height: 'tall' }, { height: NaN }, { height: {} }, { count: 'many' }, { count: -1 }])
                module.emit(type, payload)
            for (const action of ['__proto__', 'constructor', 'toString']) module.request(action).catch(() => {})
            const loop = {}; loop.self = loop
            module.emit('loop', loop)";
        stage.browser.run("embed.on('loop', (loop) => log.push(loop.self === loop))", ()).await?;
        stage.inside(odd).await?;
        stage.browser.until("the last message came", "log.includes(true)").await?;
        assert_eq!(stage.log().await?, json!(["ready", true]));
        assert_eq!(stage.browser.value("shown(deep('iframe')[0])").await?, true);
        Ok(())
    })
    .await
}

/// Before the loader: gets hold of the SDK's memory.
const MEMORY: &str = "<script>
  const instantiate = WebAssembly.instantiateStreaming
  WebAssembly.instantiateStreaming = async (...args) => {
    const made = await instantiate.apply(WebAssembly, args)
    window.memory = Object.values(made.instance.exports).find((item) => item instanceof WebAssembly.Memory)
    return made
  }
</script>";

#[tokio::test]
async fn what_is_huge_in_a_message_never_comes_into_the_sdks_memory() -> Result<()> {
    story(async |stage| {
        let script = "Dramac('ready', () => {
              window.element = document.createElement('dramac-embed')
              element.setAttribute('module', moduleId); element.setAttribute('site', siteId); place.append(element)
              window.embed = element.handle
              element.on('message', ({ type }) => { if (type !== 'dramac:resize') log.push(type.length) })
              element.on('bytes', (bytes) => bytes.byteLength)
            })";
        let page = stage.page_with_loader(&format!("{MEMORY}{}", stage.loader("async")), script);
        let browser = &stage.browser;
        browser.open(&stage.website.put("/", page)).await?;
        stage.ready().await?;
        browser.run("log.length = 0", ()).await?;
        let before = browser.value("memory.buffer.byteLength").await?;

        let huge = "const { module } = Dramac, text = 'x'.repeat(30_000_000)
            module.resize = () => {}
            module.handle('huge', () => { throw Object.assign(new Error(text), { code: text }) })
            module.emit(text); module.emit('dramac:' + text); module.request(text).catch(() => {}); module.emit('y'.repeat(1000))
            return module.request('bytes', new ArrayBuffer(64 * 1024 * 1024))";
        assert_eq!(stage.inside(huge).await?, 64 * 1024 * 1024, "a payload crosses as it is");
        assert_eq!(stage.log().await?, json!([1000, 5]), "types of over 1000 characters are none");
        let error = "return embed.request('huge').catch(({ code, message }) => [code.length, message.length])";
        assert_eq!(browser.run(error, ()).await?, json!([1000, 1000]));
        let after = browser.value("memory.buffer.byteLength").await?;
        assert!(after.as_u64() <= before.as_u64().map(|before| before + 1024 * 1024), "from {before} to {after} bytes");
        stage.log().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn messages_of_a_frame_that_is_gone_are_ignored() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline'").await?;
        let chatter = "setInterval(() => {
              Dramac.module.emit('tick'); Dramac.module.request('tick').catch(() => {})
              parent.postMessage({ type: 'dramac:ready' }, '*'); parent.postMessage({ type: 'tick' }, '*')
            }, 0)";
        stage.browser.run("window.ticks = 0; embed.on('tick', () => { ticks++ })", ()).await?;
        stage.inside(chatter).await?;
        stage.browser.until("the module chattered", "ticks > 10").await?;
        // What is under way when it goes arrives before these two.
        let goes = "const frame = deep('iframe')[0], { port1, port2 } = new MessageChannel()
            arguments[0] === 'destroyed' ? embed.destroy() : frame.remove()
            const heard = ticks
            port1.postMessage('last'); postMessage('last', '*')
            const both = Promise.all([port2, window].map((end) => new Promise((resolve) => { end.addEventListener('message', ({ data }) => data === 'last' && resolve()); end.start?.() })))
            return both.then(() => ticks - heard)";
        assert_eq!(stage.browser.run(goes, [json!("destroyed")]).await?, 0);
        stage.log().await?;

        stage.embed("type: 'inline'").await?;
        stage.inside(chatter).await?;
        stage.browser.run("window.ticks = 0", ()).await?;
        stage.browser.run(goes, [json!("removed by the page")]).await?;
        stage.browser.run("embed.send('note'); embed.update({ theme: 'dark' }); embed.destroy()", ()).await?;
        stage.log().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_payload_whose_getter_throws_is_its_senders_own_error_and_no_one_elses() -> Result<()> {
    story(async |stage| {
        stage.embed("type: 'inline'").await?;
        let send = "const payload = { get secret() { throw new Error('mine') } }
            const said = []
            try { embed.send('note', payload) } catch ({ message }) { said.push(message) }
            try { embed.send('note', () => {}) } catch ({ name }) { said.push(name) }
            embed.on('ask', () => payload)
            return embed.request('echo', payload).catch(({ message }) => [...said, message])";
        assert_eq!(stage.browser.run(send, ()).await?, json!(["mine", "DataCloneError", "mine"]));
        let ask = "return Dramac.module.request('ask').catch(({ code }) => code)";
        assert_eq!(stage.inside(ask).await?, "failed", "the page's answer cannot be cloned");
        assert_eq!(stage.browser.run("return embed.request('echo', 'still')", ()).await?, "still");
        stage.log().await?;
        Ok(())
    })
    .await
}

/// Puts a frame with this page beside the embed, and waits until it has posted all it wanted to.
async fn forged_by_frame(stage: &Stage, url: &str) -> Result<()> {
    let script = "return new Promise((resolve) => {
          const heard = ({ data }) => { if (data === 'done') { removeEventListener('message', heard); resolve() } }
          addEventListener('message', heard)
          const frame = document.createElement('iframe'); frame.src = arguments[0]; document.body.append(frame)
        })";
    stage.browser.run(script, [json!(url)]).await?;
    Ok(())
}

#[tokio::test]
async fn a_module_cannot_pretend_that_somebody_clicked_or_that_the_embed_did_something() -> Result<()> {
    story(async |stage| {
        let script = "const element = window.element = document.createElement('dramac-embed')
            element.setAttribute('module', moduleId); element.setAttribute('site', siteId)
            for (const type of ['click', 'submit', 'error', 'destroy', 'open', 'resize', 'badge', 'ready'])
              element.addEventListener(type, ({ detail }) => log.push([type, detail ?? null]))
            place.append(element)";
        stage.browser.open(&stage.website.put("/", stage.page(script))).await?;
        stage.browser.until("the module was ready", "element.state === 'ready'").await?;
        let names = "for (const name of ['ready', 'error', 'destroy', 'open', 'message']) element.on(name, (payload) => log.push([`on ${name}`, payload?.forged ?? null]))
            log.length = 0";
        stage.browser.run(names, ()).await?;
        let forge = "const { module } = Dramac, forged = { forged: true }
            for (const name of ['click', 'submit', 'error', 'destroy', 'message', 'ready', 'nothing']) {
              module.emit(name, forged)
              module.emit('dramac:' + name, forged)
            }
            for (const payload of [null, 'x', { height: 'tall' }, { height: -1 }]) module.emit('dramac:resize', payload)
            for (const payload of [null, { count: 'many' }, { count: -1 }]) module.emit('dramac:badge', payload)
            const asked = ['dramac:open', 'dramac:ready', 'dramac:resize', 'dramac:error'].map((name) => module.request(name, forged).catch(({ code }) => code))
            return Promise.all(asked)";
        assert_eq!(stage.inside(forge).await?, json!(["no_handler", "no_handler", "no_handler", "no_handler"]));
        let log = stage.log().await?;
        let told = log.as_array().into_iter().flatten().filter(|entry| entry[0] != "on message" && entry[0] != "resize");
        assert_eq!(told.collect::<Vec<_>>(), Vec::<&Value>::new());
        Ok(())
    })
    .await
}
