//! Whatever can be posted, by whomever: nothing is thrown on the page, and page and module go on talking.
//!
//! The messages are made from a seed, which a failure names; `FUZZ_SEED` runs that one again. `FUZZ_MESSAGES` says how many there
//! are.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::time::{SystemTime, UNIX_EPOCH};
use stories::{Stage, module, story};

/// How many messages are posted in one go: fewer than the SDK would take for a flood.
const MESSAGES: u32 = 6000;

/// `forge(seed)` gives an endless source of messages: values that can be cloned, of every kind and in shapes that resemble the
/// bridge's, with ports where they may have some. What cannot be cloned (functions, getters, what is nested deeper than the
/// sender's stack) never leaves the sender.
const FORGE: &str = "
const forge = (seed) => {
  // A small generator of 32 bits (xorshift); the seed is never 0.
  let state = seed | 0 || 1
  const random = (below) => {
    state ^= state << 13; state ^= state >>> 17; state ^= state << 5
    return (state >>> 0) % below
  }
  const pick = (list) => list[random(list.length)]
  const words = ['ready', 'context', 'open', 'close', 'resize', 'badge', 'theme', 'update', 'message', 'error', 'destroy', 'echo', 'score', 'note',
    '__proto__', 'constructor', 'prototype', 'toString', 'then', 'hasOwnProperty', '', ' ', ':', 'a:b', '\\u0000', '\\ud800', '💥', 'x'.repeat(70_000)]
  const word = () => pick(['', 'dramac:', 'dramac:', 'dramac:dramac:']) + pick(words)
  const number = () => pick([0, -0, 1, -1, 2, 3, 0.5, NaN, Infinity, -Infinity, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 31), 1e308, 5e-324, random(100_000), random(10)])
  // Also where the name is that of a setter, as `__proto__` is.
  const own = (object, name, value) => Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true })
  const plain = [() => undefined, () => null, () => true, () => false, number, number, word, word, () => BigInt(random(9)),
    () => new Date(number()), () => new RegExp(pick(['x', '(a+)+$', '']), 'g'), () => new ArrayBuffer(random(64)), () => new Uint8Array(random(9)),
    () => new Float64Array([NaN, random(9)]), () => new Error(word()), () => new RangeError('x'), () => new Boolean(random(2)), () => new String(word()),
    () => new Number(number()), () => new Blob(['x']), () => new DOMRect(1, 2, 3, 4)]
  const value = (depth) => {
    if (depth === 0 || random(3) === 0) return pick(plain)()
    const inside = () => value(depth - 1)
    switch (random(6)) {
      case 0: return Array.from({ length: random(5) }, inside)
      case 1: return new Map([[inside(), inside()]])
      case 2: return new Set([inside(), inside()])
      case 3: { const loop = { payload: inside() }; loop.self = own(loop, word(), loop); return loop }
      case 4: { let deep = inside(); for (let n = 0; n < 500; n++) deep = { deep }; return deep }
      default: return shape(depth - 1)
    }
  }
  const members = {
    type: () => random(4) ? word() : value(2), id: () => random(3) ? number() : value(1), payload: () => value(3), result: () => value(3),
    error: () => pick([() => ({ code: value(1), message: value(1) }), () => value(2)])(), protocol: () => pick([1, 1, '1', 2, value(1)]),
    nonce: () => pick([globalThis.fuzzNonce, '', '0'.repeat(32), value(1)]), height: number, count: number,
  }
  const shape = (depth) => {
    // An own member of this name, as JSON may bring it.
    const message = random(8) ? {} : JSON.parse('{\"__proto__\": {\"type\": \"dramac:close\", \"id\": 1}}')
    for (const name in members) if (random(3)) message[name] = members[name]()
    if (depth && random(9) === 0) own(message, word(), value(depth))
    return message
  }
  const payloads = () => pick([{ height: number() }, { count: number() }, { height: value(1) }, { count: value(1) }, value(2)])
  return {
    random,
    message: () => pick([() => value(4), () => shape(2), () => shape(2), () => ({ type: 'dramac:' + pick(['resize', 'badge', 'ready', 'message', 'x']), payload: payloads() })])(),
    transfer: () => random(5) ? [] : Array.from({ length: 1 + random(3) }, () => new MessageChannel().port2),
  }
};
";

/// A seed of its own for each run, unless `FUZZ_SEED` says which.
fn seed() -> Result<u32> {
    match std::env::var("FUZZ_SEED") {
        Ok(seed) => seed.parse().context("FUZZ_SEED is a whole number"),
        Err(_) => Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.subsec_nanos() | 1),
    }
}

/// How often [`MESSAGES`] are posted by each story: once, unless `FUZZ_MESSAGES` asks for more of them.
fn rounds() -> Result<u32> {
    match std::env::var("FUZZ_MESSAGES") {
        Ok(messages) => {
            Ok(messages.parse::<u32>().context("FUZZ_MESSAGES is a whole number")?.div_ceil(MESSAGES))
        }
        Err(_) => Ok(1),
    }
}

/// Posts by `to(message, transfer)`, from inside the frame or from the page, and looks whether the page has thrown.
async fn fuzz(stage: &Stage, inside_frame: bool, to: &str) -> Result<()> {
    let mut seed = seed()?;
    for round in 0..rounds()? {
        if round > 0 {
            // Else the SDK might take one with the next for a flood.
            stage.browser.run("window.since = performance.now()", ()).await?;
            stage.browser.until("a second had passed", "performance.now() - since > 1200").await?;
        }
        post(stage, seed, inside_frame, to).await?;
        seed = seed.wrapping_mul(0x9e37_79b1);
    }
    Ok(())
}

/// One round.
async fn post(stage: &Stage, seed: u32, inside_frame: bool, to: &str) -> Result<()> {
    let nonce = stage.browser.value("deep('iframe')[0].name").await?;
    let script = format!(
        "{FORGE} globalThis.fuzzNonce = arguments[1]
        const source = forge(arguments[0]), to = {to}
        let posted = 0
        for (let n = 0; n < {MESSAGES}; n++) {{
          try {{ to(source.message(), source.transfer()); posted++ }} catch (error) {{ if (!(error instanceof RangeError)) throw error }}
        }}
        return posted"
    );
    if inside_frame {
        stage.browser.enter("deep('iframe')[0]").await?;
    }
    let posted = stage.browser.run(&script, [json!(seed), nonce]).await;
    stage.browser.leave().await?;
    let posted = posted.with_context(|| format!("FUZZ_SEED={seed} could not be posted"))?;
    ensure!(
        posted.as_u64() > Some(u64::from(MESSAGES) * 9 / 10),
        "FUZZ_SEED={seed}: only {posted} were posted"
    );
    // What was posted to the window has arrived when this has.
    let last = "return new Promise((resolve) => {
          addEventListener('message', function last({ data }) { if (data === 'last of all') { removeEventListener('message', last); resolve() } })
          postMessage('last of all', '*')
        })";
    stage.browser.run(last, ()).await?;
    let faults = stage.browser.value("faults").await?;
    ensure!(faults == json!([]), "FUZZ_SEED={seed}: the page threw {faults}");
    let mut console = stage.browser.console().await?;
    console.retain(|line| line.starts_with("SEVERE"));
    ensure!(console.is_empty(), "FUZZ_SEED={seed}: {console:#?}");
    Ok(())
}

/// Page and module still talk, in both directions.
async fn still_talks(stage: &Stage) -> Result<()> {
    assert_eq!(
        stage.browser.run("return embed.request('echo', { still: 'here' })", ()).await?,
        json!({ "still": "here" })
    );
    stage.browser.run("embed.on('fuzz:answer', (n) => 2 * n)", ()).await?;
    assert_eq!(stage.inside("return Dramac.module.request('fuzz:answer', 21)").await?, 42);
    stage.inside("Dramac.module.resize(321)").await?;
    stage
        .browser
        .until("the frame was as tall as the module said", "deep('iframe')[0].offsetHeight === 321")
        .await?;
    Ok(())
}

/// Everything that the page can listen to has a handler, some of which answer.
const LISTENING: &str =
    "type: 'inline', onMessage: (message) => { window.heard = (window.heard ?? 0) + 1; void message.type }";

const HANDLERS: &str = "for (const event of ['ready', 'open', 'resize', 'message', 'error', 'dramac:badge', '__proto__', 'constructor', 'echo', 'score'])
  embed.on(event, (payload) => payload)
embed.on('then', () => new Promise(() => {}))";

#[tokio::test]
async fn the_modules_own_port_may_bring_anything() -> Result<()> {
    story(async |stage| {
        // The module gets hold of the port on which `module.js` posts.
        stage.embed(LISTENING).await?;
        stage.browser.run(HANDLERS, ()).await?;
        let hold = "const post = MessagePort.prototype.postMessage
            MessagePort.prototype.postMessage = function (...args) { window.port = this; return post.apply(this, args) }
            Dramac.module.emit('hold'); MessagePort.prototype.postMessage = post";
        stage.inside(hold).await?;
        fuzz(stage, true, "(message, transfer) => window.port.postMessage(message, transfer)").await?;
        still_talks(stage).await?;
        let heard = stage.browser.value("heard").await?;
        ensure!(heard.as_u64() > Some(1000), "only {heard} messages got through");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_modules_window_messages_may_be_anything_before_and_after_its_handshake() -> Result<()> {
    story(async |stage| {
        let blank = stage.publish(&module::blank()).await?;
        stage.embed_unready(&format!("{LISTENING}, moduleId: '{blank}'")).await?;
        stage.browser.run(HANDLERS, ()).await?;
        stage.browser.until("the module was shown", "shown(deep('iframe')[0])").await?;
        // One of them may well be the handshake of such a module, or of one with a port.
        fuzz(stage, true, "(message, transfer) => parent.postMessage(message, '*', transfer)").await?;
        assert_eq!(stage.browser.value("deep('iframe').length").await?, 1);

        stage.embed(LISTENING).await?;
        fuzz(stage, true, "(message, transfer) => parent.postMessage(message, '*', transfer)").await?;
        still_talks(stage).await
    })
    .await
}

#[tokio::test]
async fn the_pages_own_window_messages_may_be_anything() -> Result<()> {
    story(async |stage| {
        stage.embed(LISTENING).await?;
        stage.browser.run(HANDLERS, ()).await?;
        fuzz(stage, false, "(message, transfer) => window.postMessage(message, '*', transfer)").await?;
        still_talks(stage).await
    })
    .await
}
