// The only file that a page waits for. It defines window.Dramac at once, starts in parallel whatever can run in
// parallel (the SDK's two files, the server's verdict, the first inline frames), and hands over to the SDK.
// ARCHITECTURE.md, "From loader to SDK", says what a slot is.
(() => {
  const script = document.currentScript
  const stub = window.Dramac
  if (stub && stub.version) return

  const base = new URL('.', script.src)
  const server = script.dataset.dramacServer || '__DRAMAC_SERVER__'
  const modules = script.dataset.dramacModules ?? '__DRAMAC_MODULES__'

  // The order is the SDK's: it is called with an index into this list (sdk/src/lib.rs, `Method`).
  const methods = ['open', 'close', 'toggle', 'send', 'request', 'on', 'once', 'off', 'destroy']
  const slots = []
  const seen = new WeakSet()
  let sdk, failure, sdkReady, lastId = 0
  const ready = new Promise((resolve) => { sdkReady = resolve })

  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
  const attempt = (task, tries = 0) => task().catch(async (error) => {
    if (tries > 2) throw error
    await wait(400 * 2 ** tries)
    return attempt(task, tries + 1)
  })

  // Asks the server whether this page may embed the module. Always resolves, to what the server said or to a refusal
  // of our own. A plain-text body keeps the browser from asking a preflight first.
  const ask = ({ siteId, moduleId, type = 'widget' }) => attempt(async () => {
    const response = await fetch(server + '/api/embed/verify', {
      method: 'POST',
      credentials: 'omit',
      body: JSON.stringify({ siteId, moduleId, origin: location.origin, type }),
    })
    const answer = await response.json()
    if (response.status > 499) throw answer
    return answer
  }).catch((error) => ({
    code: 'unavailable',
    detail: `The embed server at ${server} cannot be reached from this page (${error.detail || error.message}). Check that it runs, and that connect-src of the page's Content-Security-Policy lists it.`,
  }))

  // Puts a slot's iframe into `parent`, hidden until the server allows it: a refused frame would show the browser's
  // own error page.
  const frame = (slot, parent) => {
    const { siteId: site, moduleId, theme = 'light', type = 'widget', allow = 'clipboard-write', sandbox, width, height } = slot.config
    const element = slot.frame = document.createElement('iframe')
    slot.loaded = 0
    slot.nonce = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => (byte + 256).toString(16).slice(1)).join('')
    element.src = (modules ? modules.replace('*', moduleId) : server) + '/embed/' + moduleId + '?' +
      new URLSearchParams({ site, origin: location.origin, theme, type }) + '#' + slot.nonce
    element.allow = allow
    element.sandbox = sandbox ?? 'allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox allow-downloads allow-modals'
    element.onload = () => { slot.loaded = 1 }
    const size = (value) => +value ? value + 'px' : value
    const inline = type == 'inline'
    element.style.cssText = 'display:block;border:0;visibility:hidden;color-scheme:normal'
    element.style.width = inline && size(width) || '100%'
    element.style.height = inline ? size(height) || '500px' : '100%'
    slot.verdict.then((answer) => { if (answer.allowed) element.style.visibility = '' })
    parent.append(element)
  }

  // What needs no SDK to begin: the verdict, and the frame of an inline embed near the viewport. Whatever is wrong
  // with a configuration is left for the SDK to say.
  const begin = (slot) => {
    const { siteId, moduleId, type, container, lazy } = slot.config
    if (!/^[\w-]{36}$/.test(moduleId) || !siteId) return
    slot.verdict = ask(slot.config)
    if (type != 'inline') return
    const box = container.tagName ? container : document.querySelector(container)
    if (lazy + '' != 'false' && box.getBoundingClientRect().top > innerHeight + 200) return
    slot.host = document.createElement('dramac-frame')
    slot.host.style.display = 'block'
    box.append(slot.host)
    frame(slot, slot.host.attachShadow({ mode: 'open' }))
  }

  const start = (config, element) => {
    const slot = { id: ++lastId, config, element, queue: [], messages: [] }
    const handle = slot.handle = {
      state: 'loading',
      ready: new Promise((resolve, reject) => { slot.resolve = resolve; slot.reject = reject }),
    }
    handle.ready.catch(() => {})
    methods.forEach((name, index) => {
      handle[name] = (...args) => {
        const call = () => sdk.call(slot.id, index, ...args)
        if (sdk) return call()
        const answer = new Promise((resolve) => slot.queue.push(() => resolve(call())))
        if (name == 'request') return answer
      }
    })
    if (sdk) sdk.take(slot)
    else if (failure) refuse(slot)
    else {
      slots.push(slot)
      try { begin(slot) } catch {}
    }
    return handle
  }

  // Embeds every element that asks for it with data-dramac-embed, once.
  const scan = () => document.querySelectorAll('[data-dramac-embed]').forEach((element) => {
    if (seen.has(element)) return
    const { dramacEmbed: moduleId, ...data } = element.dataset
    seen.add(element)
    start({ type: 'inline', ...data, moduleId, container: element }, element)
  })

  const refuse = (slot) => {
    slot.handle.state = 'error'
    slot.reject(failure)
    if (slot.config && slot.config.onError) slot.config.onError(failure)
  }
  const fail = (code, detail) => {
    failure = Object.assign(new Error(detail), { code })
    console.error('[Dramac] ' + detail)
    slots.forEach(refuse)
  }

  // Window messages that arrive before the SDK does are kept for it.
  const keep = (event) => slots.forEach((slot) => {
    if (slot.frame && event.source == slot.frame.contentWindow && slot.messages.length < 99) slot.messages.push(event)
  })

  const Dramac = window.Dramac = (method, ...args) => {
    if (method == 'embed' || method == 'ready') return Dramac[method](...args)
    console.error(`[Dramac] Dramac('${method}') is unknown. Use Dramac('embed', {…}) or Dramac('ready', function).`)
  }
  Dramac.version = '__DRAMAC_VERSION__'
  Dramac.embed = (config) => start(config)
  Dramac.ready = (callback) => { ready.then(callback) }
  Dramac.q = { push: (args) => Dramac(...args) }

  // The glue calls this with its initialiser once it has come.
  Dramac._ = (init) => init({ module_or_path: wasm }).then(() => {
    delete Dramac._
    sdk = init
    removeEventListener('message', keep)
    sdk.start({ server, modules, ask, frame, scan })
    slots.splice(0).forEach((slot) => {
      sdk.take(slot)
      slot.queue.forEach((call) => call())
    })
    sdkReady()
  }).catch((error) => fail('sdk_unavailable', `The SDK could not start (${error.message}). Reload the page; if it stays, check that a proxy or an extension does not change ${base}.`))

  const load = (file, integrity) => new Promise((resolve, reject) => {
    const element = document.createElement('script')
    Object.assign(element, { src: new URL(file, base), integrity, crossOrigin: '', nonce: script.nonce, onload: resolve, onerror: () => reject(new Error('blocked, missing or changed')) })
    document.head.append(element)
  })

  let wasm
  addEventListener('message', keep)
  try {
    new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0))
    wasm = attempt(async () => {
      const response = await fetch(new URL('__DRAMAC_SDK_WASM__', base), { integrity: '__DRAMAC_SDK_WASM_SRI__' })
      if (response.ok) return response
      throw new Error('status ' + response.status)
    })
    Promise.all([wasm, attempt(() => load('__DRAMAC_SDK_JS__', '__DRAMAC_SDK_JS_SRI__'))])
      .catch((error) => fail('sdk_unavailable', `The SDK could not be loaded from ${base} (${error.message}). Check the network, and that script-src and connect-src of the page's Content-Security-Policy list ${base.origin}.`))
  } catch {
    fail('csp_wasm', "This page's Content-Security-Policy forbids WebAssembly. Add 'wasm-unsafe-eval' to its script-src.")
  }
  scan()
  document.addEventListener('DOMContentLoaded', scan)
  if (stub && stub.q) stub.q.forEach((args) => Dramac(...args))
})()
