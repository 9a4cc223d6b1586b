// The only file that a page waits for. It defines window.Dramac at once, starts everything that can run in parallel (the SDK's
// two files, the server's verdict, the first inline frames), and hands over to the SDK.
// ARCHITECTURE.md, "From loader to SDK", says what a slot is.
(() => {
  const script = document.currentScript
  const stub = window.Dramac
  if (stub?.version) return

  const base = new URL('.', script.src).href
  const server = script.dataset.dramacServer || '__DRAMAC_SERVER__'
  const modules = script.dataset.dramacModules ?? '__DRAMAC_MODULES__'
  const slots = []
  const seen = new WeakMap()
  let sdk, lastId = 0, settle, wasm, nonce = script.nonce
  const ready = new Promise((resolve) => { settle = resolve })

  // Frames come first: starting a request takes some milliseconds, so it waits until this script has ended and observers have
  // seen the frame.
  const attempt = (task, wait = 400) => Promise.resolve().then(task).catch(async (error) => {
    if (wait > 2000) throw error
    await new Promise((resolve) => setTimeout(resolve, wait))
    return attempt(task, wait * 2)
  })
  const fetched = (url, options) => attempt(async () => {
    const response = await fetch(url, { ...options, signal: AbortSignal.timeout(3e4) })
    if (response.status > 499) throw Error('status ' + response.status)
    return response
  })
  const unreachable = (url, error) => `${url} cannot be reached: ${error.message}. Check the network and this page's Content-Security-Policy (script-src, connect-src).`

  // Asks the server whether this page may embed the module. Always resolves, to the server's answer or to a refusal made here. A
  // plain-text body avoids a preflight. The slot's frame is shown as soon as the status says yes, since on a busy page the body
  // arrives later.
  const ask = ({ siteId, moduleId, type }, slot) =>
    fetched(server + '/api/embed/verify', {
      method: 'POST',
      body: JSON.stringify({ siteId, moduleId, type, origin: location.origin }),
    })
      .then((response) => {
        if (response.ok && slot?.frame) slot.frame.style.visibility = ''
        return response.json()
      })
      .catch((error) => ({ code: 'unavailable', detail: unreachable(server, error) }))

  const length = (value, other) => +value ? value + 'px' : value || other

  // Puts a slot's iframe into `parent`, hidden until the server allows it: a refused frame would show the browser's
  // own error page.
  const frame = (slot, parent) => {
    const { siteId: site, moduleId, theme, type, allow, sandbox, height } = slot.config
    const element = slot.frame = document.createElement('iframe')
    slot.loaded = 0
    slot.nonce = element.name = crypto.getRandomValues(new Uint32Array(4)).join('-')
    slot.origin = modules.replace('*', moduleId).toLowerCase()
    element.src = (slot.origin || server) + `/embed/${moduleId}/~${site}~${theme}~${type}~${location.origin.replace('://', '~')}/`
    element.allow = allow ?? 'clipboard-write'
    element.sandbox = sandbox ?? 'allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox allow-downloads allow-modals'
    element.onload = () => slot.loaded = 1
    element.style = `display:block;width:100%;border:0;visibility:hidden;height:${type == 'inline' ? length(height, '500px') : '100%'}`
    parent.append(element)
  }

  // Starts what needs no SDK: the verdict, and the frame of an inline embed near the viewport. The SDK reports errors in the
  // configuration.
  const begin = (slot) => {
    const { siteId, moduleId, type, container, lazy, width } = slot.config
    if (!/^([\w-]{36}){2}$/.test(moduleId + siteId)) return
    const box = container?.append ? container : document.querySelector(container)
    // An element that is not displayed has no rectangle.
    if (type == 'inline' && (lazy + '' == 'false' || box.getClientRects()[0]?.top < innerHeight + 200)) {
      const host = slot.host = document.createElement('dramac-frame')
      host.style = 'display:block;width:' + length(width, '100%')
      box.append(host)
      frame(slot, host.attachShadow({ mode: 'open' }))
    }
    slot.verdict = ask(slot.config, slot)
  }

  const start = (config, element) => {
    nonce ||= config.nonce
    config.theme ??= 'light'
    config.type ??= 'widget'
    const slot = { config, id: ++lastId, element, messages: [] }
    const handle = slot.handle = { state: 'loading' }
    handle.ready = new Promise((resolve, reject) => {
      slot.resolve = resolve
      slot.reject = reject
    })
    handle.ready.catch(() => {})
    // The order is the SDK's: it is called with an index into this list (sdk/src/lib.rs, `Method`).
    'open close toggle send request on once off update destroy'.split(' ').forEach((name, index) => {
      handle[name] = (...args) => {
        const call = () => sdk.call(slot.id, index, ...args)
        return sdk ? call() : ready.then(call)
      }
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
      const data = { type: 'inline' }
      for (const { name, value } of container.attributes) {
        data[name.replace(/^data-|-(.)/g, (_, letter = '') => letter.toUpperCase())] = value
      }
      const { site, siteId = site, module, dramacEmbed: moduleId = module } = data
      // Browsers hide an attribute of this name, but not the property.
      data.nonce ||= container.nonce
      seen.set(container, start({ ...data, siteId, moduleId, container }, container))
    }
    return seen.get(container)
  }
  const scan = () => document.querySelectorAll('dramac-embed,[data-dramac-embed]').forEach(embed)

  const log = (text) => console.error('[Dramac] ' + text)
  // Called with the SDK, or with a replacement if the SDK cannot be loaded.
  const arrive = (arrived, failure) => {
    sdk = arrived
    // Queued calls run after all handles are taken over, and before any embed begins.
    settle(failure)
    slots.splice(0).forEach(sdk.take)
  }
  const fail = (code, detail) => {
    const failure = Object.assign(Error(detail), { code })
    log(detail)
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
  const lost = (error) => fail('sdk_unavailable', unreachable(base, error))

  // Queues messages and policy violations until the SDK has loaded, which finds out to which embed they belong.
  const keep = (event) => slots.forEach(({ messages }) => messages.push(event))

  const Dramac = window.Dramac = (method, ...args) =>
    /^(embed|ready)$/.test(method) ? Dramac[method](...args) : log(`unknown: Dramac('${method}')`)
  Dramac.version = '__DRAMAC_VERSION__'
  Dramac.embed = (config) => start({ ...config })
  // Runs in a microtask after earlier calls on handles.
  Dramac.ready = (callback) => ready.then((failure) => failure && new Promise(() => {})).then(callback)

  // The glue calls this with its initialiser and the function that defines the custom element.
  Dramac._ = (init, define) => init({ module_or_path: wasm }).then(() => {
    delete Dramac._
    const link = { ask, frame, scan, embed, seen, keep, server }
    init.start(link)
    define(link, init)
    arrive(init)
  }).catch(lost)

  let policy
  const load = (file, integrity) => attempt(() => new Promise((onload, reject) => {
    const url = base + file
    policy ??= window.trustedTypes?.createPolicy('dramac', { createScriptURL: (url) => url })
    document.head.append(Object.assign(document.createElement('script'), {
      src: policy?.createScriptURL(url) ?? url,
      integrity,
      crossOrigin: '',
      nonce,
      onload,
      onerror: () => reject(Error('blocked, missing or changed')),
    }))
  })).catch(lost)

  addEventListener('message', keep)
  addEventListener('securitypolicyviolation', keep)
  scan()
  addEventListener('DOMContentLoaded', scan)
  stub?.q?.forEach((args) => Dramac(...args))
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
