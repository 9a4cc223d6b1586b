// The only file that a page waits for. It defines window.Dramac at once, starts everything that can run in parallel (the SDK's
// two files, the server's verdict, the first inline frames), and hands over to the SDK.
// ARCHITECTURE.md, "From loader to SDK", says what a slot is.
(() => {
  // A page's markup can answer for the properties of its document and forms, and a polluted prototype for those of every object.
  // So these are read from the node's own prototype, and objects that are looked into have none.
  const real = (node, name, ...args) => {
    const value = Reflect.get(Object.getPrototypeOf(node), name, node)
    return args[0] ? value.apply(node, args) : value
  }
  const script = real(document, 'currentScript')
  // Markup can answer for the stub too, with an element.
  const stub = window.Dramac instanceof Function && window.Dramac
  if (Object.hasOwn(stub, 'version')) return

  // A module script, and code that is evaluated, has no script element: then the server has the other files.
  const server = script?.getAttribute('data-dramac-server') || '__DRAMAC_SERVER__'
  const modules = script?.getAttribute('data-dramac-modules') ?? '__DRAMAC_MODULES__'
  const base = new URL('.', script?.src || server + '/v1/').href
  // A document without an address of its own has the origin of the one that made it.
  const page = location.origin == 'null' ? origin : location.origin
  const seen = new WeakMap()
  const slots = []
  let sdk, lastId = 0, settle, wasm, policy, nonce = script?.nonce
  const ready = new Promise((resolve) => { settle = resolve })

  // Frames come first: starting a request takes some milliseconds, so it waits until this script has ended and observers have
  // seen the frame.
  const attempt = (task, wait = 400) => Promise.resolve().then(task).catch(async (error) => {
    if (wait > 3e3) throw error
    await new Promise((resolve) => setTimeout(resolve, wait))
    return attempt(task, wait * 2)
  })
  const fetched = (url, options) => attempt(async () => {
    const response = await fetch(url, { __proto__: null, ...options, signal: AbortSignal.timeout(3e4) })
    if (response.status > 499) throw response
    return response
  })

  // Asks the server whether this page may embed the module. Always resolves, to nothing where there is no answer. A plain-text
  // body avoids a preflight. The slot's frame is shown as soon as the status says yes, since on a busy page the body arrives later.
  const ask = ({ siteId, moduleId, type }, slot) =>
    fetched(server + '/api/embed/verify', {
      method: 'POST',
      body: JSON.stringify({ siteId, moduleId, type, origin: page }),
    })
      .then((response) => {
        if (slot?.frame && response.ok) slot.frame.style.visibility = ''
        return response.json()
      })
      .catch(() => {})

  const length = (value, other = '') => +value ? value + 'px' : value || other

  // Puts a slot's iframe into `parent`, hidden until the server allows it: a refused frame would show the browser's
  // own error page.
  const frame = (slot, parent) => {
    const { siteId, moduleId, type, theme, allow, sandbox, height } = slot.config
    const element = slot.frame = real(document, 'createElement', 'iframe')
    slot.nonce = element.name = crypto.randomUUID()
    slot.origin = modules.replace('*', moduleId.toLowerCase())
    element.src = (slot.origin || server) + `/embed/${moduleId}/~${siteId}~${theme}~${type}~${page.replace('://', '~')}/`
    element.allow = allow ?? 'clipboard-write'
    element.sandbox = sandbox ?? 'allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox allow-downloads allow-modals'
    element.style = 'display:block;width:100%;height:100%;border:0;visibility:hidden'
    if (type == 'inline') element.style.height = length(height, '500px')
    parent.append(element)
  }

  // Starts what needs no SDK: the verdict, and the frame of an inline embed near the viewport. The SDK reports errors in the
  // configuration.
  const begin = (slot) => {
    const { siteId, moduleId, type, container, width } = slot.config
    if (!/^[\w-]{72}$/.test(siteId + moduleId)) return
    const box = container?.append ? container : real(document, 'querySelector', container)
    // An element that is not displayed has no rectangle. The host has its shadow root before it is on the page, where those without
    // are taken for leftovers.
    if (type == 'inline' && box.getClientRects()[0]?.top < innerHeight + 200) {
      const host = slot.host = real(document, 'createElement', 'dramac-frame')
      host.style = 'display:block'
      host.style.width = length(width)
      frame(slot, host.root = host.attachShadow({ mode: 'open' }))
      real(box, 'append', host)
    }
    slot.verdict = ask(slot.config, slot)
  }

  const start = (options, element) => {
    const config = { __proto__: null, ...options }
    nonce ||= config.nonce
    config.theme ??= 'light'
    config.type ??= 'widget'
    const slot = { __proto__: null, config, id: ++lastId, element, messages: [] }
    const handle = slot.handle = { state: 'loading' }
    handle.ready = new Promise((resolve, reject) => {
      slot.resolve = resolve
      slot.reject = reject
    })
    handle.ready.catch(() => {})
    // The order is the SDK's: it is called with an index into this list (sdk/src/lib.rs, `Method`).
    'open close toggle send request on once off update destroy'.split(' ').forEach((name, index) => {
      handle[name] = (...args) => sdk ? sdk.call(slot.id, index, ...args) : ready.then(() => handle[name](...args))
    })
    if (sdk) sdk.take(slot)
    else {
      slots.push(slot)
      try { begin(slot) } catch {}
    }
    return handle
  }

  // The handle of an element with embed attributes. Its attributes are the configuration: data-z-index and z-index
  // are both zIndex.
  const embed = (container) => {
    if (!seen.get(container)) {
      const data = { __proto__: null, type: 'inline' }
      for (const { name, value } of real(container, 'attributes')) {
        data[name.replace(/^data-|-(.)/g, (all, letter = '') => letter.toUpperCase())] = value
      }
      // Browsers hide an attribute of this name, but not the property.
      data.nonce ||= real(container, 'nonce')
      seen.set(container, start({ ...data, siteId: data.siteId ?? data.site, moduleId: data.dramacEmbed ?? data.module, container }, container))
    }
    return seen.get(container)
  }
  const scan = () => real(document, 'querySelectorAll', '[data-dramac-embed],dramac-embed').forEach(embed)

  const log = (text) => console.error('[Dramac] ' + text)
  // Called with the SDK, or with a replacement if the SDK cannot be loaded.
  const arrive = (arrived, failure) => {
    sdk = arrived
    // Queued calls run after all handles are taken over, and before any embed begins.
    settle(failure)
    slots.forEach(sdk.take)
    slots.length = 0
  }
  const fail = (code, detail) => {
    log(detail)
    const failure = Object.assign(Error(detail), { code })
    arrive({
      take({ handle, host, config, reject }) {
        handle.state = 'error'
        host?.remove()
        reject(failure)
        // An error of a handler is the page's own, and does not stop the other handlers.
        setTimeout(() => config.onError?.(failure))
      },
      // Requests are rejected; other calls have no effect.
      call(id, index) { if (index == 4) return Promise.reject(failure) },
    }, failure)
  }
  const lost = () => fail('sdk_unavailable', base + ' cannot be reached. Check the network, script-src and connect-src.')

  // Queues messages and policy violations until the SDK has loaded, which finds out to which embed they belong.
  const keep = (event) => slots.forEach(({ messages }) => messages.push(event))

  const Dramac = window.Dramac = (method, ...args) =>
    /^(embed|ready)$/.test(method) ? Dramac[method](...args) : log('unknown: ' + method)
  Dramac.version = '__DRAMAC_VERSION__'
  Dramac.embed = (config) => start(config)
  // Runs in a microtask after earlier calls on handles.
  Dramac.ready = (callback) => ready.then((failure) => failure && new Promise(() => {})).then(callback)

  // The glue calls this with its initialiser and the function that defines the custom element.
  Dramac._ = (init, define) => init({ module_or_path: wasm }).then(() => {
    delete Dramac._
    const link = { server, seen, ask, frame, embed, scan, keep }
    init.start(link)
    define(link, init)
    arrive(init)
  }).catch(lost)

  const load = (file, integrity) => attempt(() => new Promise((onload, reject) => {
    try { policy ??= trustedTypes.createPolicy('dramac', { createScriptURL: (url) => url }) } catch {}
    real(document, 'head').append(Object.assign(real(document, 'createElement', 'script'), {
      src: policy?.createScriptURL(base + file) ?? base + file,
      integrity,
      crossOrigin: '',
      nonce,
      onload,
      onerror: reject,
    }))
  })).catch(lost)

  addEventListener('securitypolicyviolation', keep)
  addEventListener('message', keep)
  addEventListener('DOMContentLoaded', scan)
  scan()
  if (Object.hasOwn(stub, 'q')) stub.q.forEach((args) => Dramac(...args))
  try {
    // A policy that forbids WebAssembly refuses the module in Chrome and Firefox, and its instance in Safari.
    new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)))
    ;(wasm = fetched(base + '__DRAMAC_SDK_WASM__', { integrity: '__DRAMAC_SDK_WASM_SRI__' })).catch(() => {})
    load('__DRAMAC_SDK_JS__', '__DRAMAC_SDK_JS_SRI__')
  } catch {
    // Only a bundle made with --optimize has the translated SDK, which is glue and code in one file.
    if ('__DRAMAC_FALLBACK_SRI__') load('__DRAMAC_FALLBACK__', '__DRAMAC_FALLBACK_SRI__')
    else fail('csp_wasm', "This page's Content-Security-Policy forbids WebAssembly: add 'wasm-unsafe-eval' to its script-src.")
  }
})()
