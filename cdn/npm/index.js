// Loads the loader into the page, and returns what it defines. On a server, where there is no page, importing this does nothing.

let loading, wished

// What the loader has defined: an element of the page can have the same name.
const loaded = () => window.Dramac instanceof Function && Object.hasOwn(window.Dramac, 'version')

const failure = (code, message) => Object.assign(new Error(message), { code })

// A promise that rejects without an “unhandled rejection” report.
const refused = (error) => {
  const promise = Promise.reject(error)
  promise.catch(() => {})
  return promise
}

const UNREACHABLE = " cannot be reached, or is not what integrity says. Check the network and this page's Content-Security-Policy (script-src)."

const insert = ({ src, integrity, server, modules, nonce }) => new Promise((resolve, reject) => {
  const script = document.createElement('script')
  if (server !== undefined) script.dataset.dramacServer = server
  if (modules !== undefined) script.dataset.dramacModules = modules
  if (nonce !== undefined) script.nonce = nonce
  if (integrity !== undefined) Object.assign(script, { integrity, crossOrigin: '' })
  const fail = (sentence) => {
    script.remove()
    reject(failure('sdk_unavailable', src + sentence))
  }
  script.onload = () => {
    if (loaded()) resolve(window.Dramac)
    else fail(' is not the loader of Dramac Embed.')
  }
  script.onerror = () => fail(UNREACHABLE)
  script.src = src
  document.head.append(script)
})

// Waits for a loader that the page itself adds. Its script's events do not bubble, but can be captured. If the script has failed
// before or is never added, the wait ends after twenty seconds.
const awaited = () => new Promise((resolve, reject) => {
  const settle = (error) => {
    clearTimeout(timer)
    for (const type of ['load', 'error']) document.removeEventListener(type, look, true)
    error ? reject(failure('sdk_unavailable', error)) : resolve(window.Dramac)
  }
  const look = ({ type, target: { src } }) => {
    if (loaded()) settle()
    else if (type === 'error' && /\/v1\/([^/]+\/)?embed[^/]*\.js(\?|$)/.test(src)) settle(src + UNREACHABLE)
  }
  const timer = setTimeout(settle, 20000, 'This page has a queue for Dramac Embed, but its loader has not come within 20 seconds: check the script element that brings embed.js.')
  for (const type of ['load', 'error']) document.addEventListener(type, look, true)
})

export const load = (options) => {
  if (typeof document === 'undefined') return refused(failure('no_page', 'There is no page to embed into: call load and embed in the browser.'))
  if (loaded()) return Promise.resolve(window.Dramac)
  if (loading) return loading
  // A failed attempt can be repeated, also by a call without options.
  options ??= wished
  // The page adds the loader itself, and has a queue until it has loaded.
  if (window.Dramac instanceof Function && !options) return awaited()
  if (!options?.src) return refused(failure('invalid_option', "Call load({ src: 'https://…/v1/embed.js' }) before anything is embedded."))
  wished = options
  loading = insert(options)
  loading.catch(() => { loading = undefined })
  return loading
}

export const embed = (options) => load().then((Dramac) => Dramac.embed(options))
