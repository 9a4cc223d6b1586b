// The custom element <dramac-embed>, and the other parts of the API that need JavaScript. It is shipped with the SDK's glue, as
// the second argument of Dramac._, and runs once the SDK has started.
(link, sdk) => {
  const fixed = ['module', 'site', 'type']
  const changing = ['theme', 'position', 'width', 'height', 'params', 'locale', 'launcher', 'z-index']
  const initial = ['lazy', 'open-on', 'namespace', 'allow', 'sandbox']
  const attributes = [...fixed, ...changing, ...initial]
  const option = (attribute) => attribute.replace(/-(.)/g, (_, letter) => letter.toUpperCase())

  // Messages before this point were queued; from now on each embed has its own listener.
  for (const type of ['message', 'securitypolicyviolation']) removeEventListener(type, link.keep)

  Dramac.get = (namespace) => sdk.find(namespace)

  // A module's page says who may frame it, and a browser holds that against every page around the frame, not only against this one.
  let isForeign = true
  try {
    isForeign = !top.document
  } catch {}
  const fault = (code, detail) => {
    console.error('[Dramac] ' + detail)
    return Object.assign(Error(detail), { code })
  }
  // What the server answers, unless the page's domain does not name every page around this one. Firefox lists none of them.
  const framed = (answer) => answer.then((verdict) => {
    const may = (origin) => origin == self.origin || verdict.ancestors.includes(origin)
    return !verdict?.allowed || verdict.ancestors && [...location.ancestorOrigins ?? []].every(may) ? verdict : {
      code: 'framed_elsewhere',
      detail: 'This page is in a frame of another website, where browsers refuse modules unless its domain names that website.',
    }
  })
  if (isForeign) {
    const { ask } = link
    link.ask = (config) => framed(ask(config))
  }

  // What ends the waits of embeds whose frame is to come later.
  const waits = new Map()
  // The SDK's method 10 loads the frame, which ends the wait (sdk/src/lib.rs, `Method`).
  const load = (id) => () => sdk.call(id, 10)
  link.near = (id, element) => {
    const observer = new IntersectionObserver((entries) => entries.at(-1).isIntersecting && load(id)(), { rootMargin: '200px' })
    observer.observe(element)
    waits.set(id, () => observer.disconnect())
  }
  link.idle = (id) => {
    // Safari has no idle callbacks.
    const ask = window.requestIdleCallback, timer = ask ? ask(load(id)) : setTimeout(load(id), 2e3)
    waits.set(id, () => ask ? cancelIdleCallback(timer) : clearTimeout(timer))
  }
  link.rest = (id) => {
    waits.get(id)?.()
    waits.delete(id)
  }

  // A module that says nothing stays visible, since it may be a page without any script, but the page hears why its embed is
  // not ready.
  const wait = ({ handle, config, reject }) => {
    const timer = setTimeout(() => {
      const error = fault('no_handshake', 'The module has not said that it is ready: it needs /v1/module.js.')
      handle.state = 'error'
      reject(error)
      config.onError?.(error)
    }, 3e4)
    handle.ready.catch(() => {}).then(() => clearTimeout(timer))
  }
  const { frame } = link, { take } = sdk, taken = new Set()
  link.frame = (slot, parent) => {
    frame(slot, parent)
    wait(slot)
  }
  sdk.take = (slot) => {
    if (isForeign) slot.verdict &&= framed(slot.verdict)
    if (slot.element) taken.add(slot)
    if (slot.frame) wait(slot)
    take(slot)
  }

  // What has no root is not ours but what a copy of the page has left. What is ours comes back where the page has removed
  // it, as what compares documents does, a hundred times. And what is defined is not hidden by `:not(:defined)`.
  class Host extends HTMLElement {
    connectedCallback() {
      if (!Object.hasOwn(this, 'root')) this.remove()
      this.place = this.parentNode
    }

    disconnectedCallback() {
      queueMicrotask(() => {
        const place = this.className == 'floating' ? document.body : this.place
        if (this.isConnected || this.className == 'gone' || !place?.isConnected) return
        this.times = -~this.times
        if (this.times > 99) return link.seen.get(place)?.destroy(fault(0, 'The page keeps removing the embed.'))
        place.append(this)
        const dialog = this.root.querySelector('dialog[open]')
        dialog?.close()
        dialog?.[dialog.ariaModal == 'true' ? 'showModal' : 'show']()
      })
    }
  }
  customElements.define('dramac-frame', Host)
  // The root is a property of its own, since `shadowRoot` is null where the page makes every root closed.
  link.host = () => {
    const host = new Host()
    host.root = host.attachShadow({ mode: 'open' })
    return host
  }

  // From now on, elements that appear are embedded, and embeds whose element has left the page are destroyed. Frameworks set the
  // attributes of an element after it is on the page, one after the other, and change them. Nothing runs while the page does
  // not change.
  new MutationObserver((changes) => {
    for (const { target, attributeName, oldValue } of changes) {
      if (attributeName && target.getAttribute(attributeName) !== oldValue) {
        link.seen.get(target)?.destroy()
        link.seen.delete(target)
      }
    }
    for (const slot of taken) {
      if (slot.element.isConnected) continue
      taken.delete(slot)
      // If it is added again, it gets a new embed.
      slot.handle.destroy()
      link.seen.delete(slot.element)
    }
    link.scan()
  }).observe(document, { childList: true, subtree: true, attributeFilter: ['data-dramac-embed', 'data-site-id'], attributeOldValue: true })

  link.scan()

  class DramacEmbed extends HTMLElement {
    static observedAttributes = [...fixed, ...changing]

    // For an element that the loader has embedded already, the upgrade reports all its attributes again.
    #live = false

    // A property that was set before its accessor existed would hide it, so it is set again.
    connectedCallback() {
      this.#live = link.seen.has(this)
      for (const name of attributes.map(option)) {
        if (!Object.hasOwn(this, name)) continue
        const value = this[name]
        delete this[name]
        this[name] = value
      }
      this.#live = true
      link.embed(this)
    }

    // An element that is only moved is connected again by the time this runs.
    disconnectedCallback() {
      queueMicrotask(() => {
        if (!this.isConnected) this.#end()
      })
    }

    attributeChangedCallback(attribute, old, value) {
      if (old === value || !this.#live) return
      if (changing.includes(attribute)) return this.handle.update({ [option(attribute)]: value ?? undefined })
      this.#end()
      link.embed(this)
    }

    // The handle that Dramac.embed would have returned, while the element is on the page.
    get handle() { return link.seen.get(this) }
    get state() { return this.handle?.state ?? 'destroyed' }
    get ready() { return this.handle?.ready }

    #end() {
      this.#live = this.isConnected
      this.handle?.destroy()
      link.seen.delete(this)
    }
  }

  for (const attribute of attributes) {
    Object.defineProperty(DramacEmbed.prototype, option(attribute), {
      get() { return this.getAttribute(attribute) },
      set(value) {
        if (value == null) this.removeAttribute(attribute)
        else this.setAttribute(attribute, typeof value == 'object' ? JSON.stringify(value) : value)
      },
    })
  }
  for (const method of ['open', 'close', 'toggle', 'send', 'request', 'on', 'once', 'off', 'update', 'destroy']) {
    DramacEmbed.prototype[method] = function (...args) {
      if (this.handle) return this.handle[method](...args)
      if (method == 'request') return Promise.reject(Object.assign(Error('The element is not on the page.'), { code: 'disconnected' }))
    }
  }
  if (customElements.get('dramac-embed')) fault(0, 'The page has a dramac-embed of its own.')
  customElements.define('dramac-embed', DramacEmbed)
}
