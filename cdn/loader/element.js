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
  customElements.define('dramac-embed', DramacEmbed)
}
