// The module's side of the bridge: include it in a module's page, and use Dramac.module to talk to the host page.
(() => {
  // The page's address says whose frame it is: /embed/{module}/~{site}~{theme}~{type}~{scheme}~{host}/…
  const [, , theme, type, scheme, host] = (location.pathname.split('/')[3] || '').split('~')
  // The frame's name is the nonce of its handshakes. The module sees another variable of this name, which it may set.
  const nonce = window.name || location.hash.slice(1)
  Object.defineProperty(window, 'name', { value: '', writable: true, configurable: true, enumerable: true })
  const handlers = new Map()
  const answers = new Map()
  const pending = new Map()
  const root = document.documentElement
  let lastId = 0
  let lastHeight

  const { port1: port, port2 } = new MessageChannel()
  const post = (type, payload, id) => port.postMessage({ id, type, payload })
  const name = (event) => event.startsWith('dramac:') ? event.slice(7) : event
  // Scripts below this one may still add handlers, so nothing is dispatched before the document is parsed.
  const loaded = new Promise((resolve) => {
    if (document.readyState == 'loading') document.addEventListener('DOMContentLoaded', resolve)
    else resolve()
  })

  let isLoaded
  loaded.then(() => { isLoaded = true })

  // A document that is as tall as the frame from the beginning, as with `html { height: 100% }`, may overflow it.
  let isTied
  const measure = () => {
    const { height } = root.getBoundingClientRect(), { scrollHeight } = root
    isTied ??= height == innerHeight
    return isTied && scrollHeight > innerHeight ? scrollHeight : Math.ceil(height)
  }
  // An error of one handler does not stop the others.
  const fire = (event, payload) => [...handlers.get(event) || []].forEach((handler) => {
    try { handler(payload) } catch (error) { reportError(error) }
  })
  const failure = (code, message) => Object.assign(new Error(message), { code })

  // One timer for all deadlines: setting and clearing one for each request costs half as much as a message.
  let timer, timerAt = Infinity
  const watch = (deadline) => {
    if (deadline >= timerAt) return
    clearTimeout(timer)
    timerAt = deadline
    timer = setTimeout(expire, Math.min(deadline - performance.now(), 2 ** 31 - 1))
  }
  const expire = () => {
    timerAt = Infinity
    for (const { action, timeout, deadline, reject } of [...pending.values()]) {
      if (deadline > performance.now()) watch(deadline)
      else reject(failure('timeout', `The page did not answer “${action}” within ${timeout} ms.`))
    }
  }

  const dark = matchMedia('(prefers-color-scheme: dark)')
  let asked = theme
  const paint = () => {
    const theme = asked == 'auto' ? (dark.matches ? 'dark' : 'light') : asked == 'dark' ? 'dark' : 'light'
    if (module.theme == theme) return
    root.dataset.theme = module.theme = theme
    root.style.colorScheme = theme
    fire('theme', theme)
  }

  // The page may have changed it since the frame's URL was made.
  const follow = ({ theme }) => {
    asked = theme
    paint()
  }

  const speak = ({ locale, dir }) => {
    if (locale) root.lang = locale
    if (dir) root.dir = dir
  }

  const module = {
    context: undefined,
    ready: undefined,
    theme: undefined,
    on(event, handler) {
      event = name(event)
      if (!handlers.has(event)) handlers.set(event, new Set())
      handlers.get(event).add(handler)
    },
    once(event, handler) {
      const only = (payload) => { module.off(event, only); handler(payload) }
      only.of = handler
      module.on(event, only)
    },
    off(event, handler) {
      const set = handlers.get(name(event)) || []
      for (const one of set) if (!handler || one == handler || one.of == handler) set.delete(one)
    },
    emit(event, payload) { post(event, payload) },
    request: (action, data, { timeout = 30000, signal } = {}) => new Promise((resolve, reject) => {
      if (signal && signal.aborted) return reject(signal.reason)
      const id = ++lastId
      const settle = (settled) => (value) => {
        pending.delete(id)
        if (signal) signal.removeEventListener('abort', abort)
        settled(value)
      }
      const abort = () => pending.get(id).reject(signal.reason)
      if (signal) signal.addEventListener('abort', abort)
      const deadline = performance.now() + timeout
      pending.set(id, { action, timeout, deadline, resolve: settle(resolve), reject: settle(reject) })
      watch(deadline)
      const send = () => {
        try {
          if (pending.has(id)) post(action, data, id)
        } catch (error) {
          pending.get(id).reject(error)
        }
      }
      module.context ? send() : module.ready.then(send)
    }),
    handle(action, handler) { answers.set(name(action), handler) },
    resize(height = measure()) {
      if (height == lastHeight) return
      lastHeight = height
      post('dramac:resize', { height })
    },
    async api(path, init = {}) {
      const { server, moduleId } = await module.ready
      const call = () => {
        const headers = new Headers(init.headers)
        headers.set('Authorization', 'Bearer ' + module.context.token)
        return fetch(`${server}/api/v1/modules/${moduleId}/${path}`, { ...init, headers })
      }
      if (Date.now() > tokenEnds - 60000) await renew()
      const response = await call()
      if (response.status != 401) return response
      await renew()
      return call()
    },
    close() { post('dramac:close') },
    open() { post('dramac:open') },
    badge(count) { post('dramac:badge', { count }) },
  }

  // The embed token is valid for an hour. Only the host page can request another, because the server needs that page's Origin
  // header.
  let tokenEnds, renewal
  const trust = ({ token, expiresIn }) => {
    Object.assign(module.context, { token, expiresIn })
    tokenEnds = token ? Date.now() + expiresIn * 1000 : 0
  }
  const renew = () => renewal = renewal || module.request('dramac:renew').then((verdict) => {
    if (!verdict?.allowed) throw failure(verdict?.code || 'unavailable', verdict?.detail)
    trust(verdict)
  }).finally(() => { renewal = undefined })

  // A synchronous result is answered without a promise.
  const answer = (id, action, data) => {
    const refuse = (error) => port.postMessage({ id, error: { code: error.code || 'failed', message: error.message || '' + error } })
    const accept = (result) => port.postMessage({ id, result })
    try {
      if (!answers.has(action)) throw failure('no_handler', `The module does not answer “${action}”.`)
      const result = answers.get(action)(data)
      result && result.then ? Promise.resolve(result).then(accept).catch(refuse) : accept(result)
    } catch (error) {
      refuse(error)
    }
  }

  module.ready = new Promise((resolve) => {
    port.onmessage = ({ data: { id, type, payload, result, error } }) => {
      if (type == 'dramac:context') {
        module.context = payload
        trust(payload)
        speak(payload)
        follow(payload)
        loaded.then(() => resolve(payload))
      } else if (!type) {
        const request = pending.get(id)
        if (request) error ? request.reject(failure(error.code, error.message)) : request.resolve(result)
      } else {
        if (type == 'dramac:update') speak(Object.assign(module.context, payload))
        if (type == 'dramac:theme') return follow(payload)
        const dispatch = () => id ? answer(id, name(type), payload) : fire(name(type), payload)
        isLoaded ? dispatch() : loaded.then(dispatch)
      }
    }
  })

  ;(Object.hasOwn(window, 'Dramac') ? window.Dramac : window.Dramac = {}).module = module
  paint()
  dark.addEventListener('change', paint)
  // The page cannot tell by itself whether this document is still there. One that is only kept for later goes on.
  addEventListener('pagehide', ({ persisted }) => { persisted || post('dramac:gone') })
  addEventListener('keydown', (event) => { if (event.key == 'Escape' && !event.defaultPrevented) module.close() })

  // Viewport units of the module's style sheets, in what the page had reserved.
  const reserved = innerHeight / 100
  const pin = (rules) => {
    for (const { style, cssRules } of rules) {
      if (cssRules) pin(cssRules)
      for (const name of style || []) {
        const value = style.getPropertyValue(name)
        if (/vh/.test(value)) style.setProperty(name, value.replace(/([\d.]+)[dls]?vh/g, (_, units) => units * reserved + 'px'), style.getPropertyPriority(name))
      }
    }
  }

  // An inline embed is as tall as its content. Content that grows with its frame (100vh and some more) would grow for
  // ever. It is recognised by its echoes: it grows right after the frame got the requested height, and by no less than the last
  // time. What grows with the frame for the first time gets viewport units that no longer follow it. After six echoes the frame's height is frozen for half a second. Content that still grows is followed. Other content
  // gets one more step, and after another echo the height stays frozen.
  let viewport = innerHeight, gotAt = -Infinity, echoes = 0, seen, lastGrowth, held, hadChance, isPinned
  const look = () => {
    if (innerHeight != viewport) gotAt = performance.now()
    viewport = innerHeight
  }
  const grow = () => {
    look()
    const height = measure(), growth = height - lastHeight
    if (height == seen) return
    seen = height
    if (held) {
      clearTimeout(held)
      held = 0
      echoes = 5
    } else if (growth > 0 && performance.now() - gotAt < 250) {
      echoes += growth >= lastGrowth
      // Sheets of other origins cannot be read.
      for (const sheet of isPinned ? [] : document.styleSheets) try { pin(sheet.cssRules) } catch {}
      isPinned = true
    } else echoes = 0
    lastGrowth = growth
    if (echoes < 6) {
      hadChance = false
      return module.resize()
    }
    held = setTimeout(() => {
      if (hadChance) return
      held = 0
      hadChance = true
      module.resize()
    }, 500)
  }
  if (type == 'inline') {
    addEventListener('resize', look)
    const sizes = new ResizeObserver(grow)
    sizes.observe(root)
    loaded.then(() => { for (const part of document.body.children) sizes.observe(part) })
  }

  // A frame that the module has made itself has no nonce.
  if (host && nonce && parent != window) {
    parent.postMessage({ type: 'dramac:ready', protocol: 1, nonce }, scheme + '://' + host, [port2])
  }
})()
