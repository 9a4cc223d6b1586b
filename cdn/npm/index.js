// Brings the loader to the page, and hands over what it defines. On a server, where there is no page, importing this does
// nothing.

let loading, wished

const failure = (code, message) => Object.assign(new Error(message), { code })

// A promise that rejects, without a word from the runtime where nobody listens.
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
    if (window.Dramac?.version) resolve(window.Dramac)
    else fail(' is not the loader of Dramac Embed.')
  }
  script.onerror = () => fail(UNREACHABLE)
  script.src = src
  document.head.append(script)
})

// Waits for the loader that the page itself brings. What becomes of its script is heard in passing, since events of elements
// that do not bubble can be captured; what has failed before, or is never brought, is given up after twenty seconds.
const awaited = () => new Promise((resolve, reject) => {
  const settle = (error) => {
    clearTimeout(timer)
    for (const type of ['load', 'error']) document.removeEventListener(type, look, true)
    error ? reject(failure('sdk_unavailable', error)) : resolve(window.Dramac)
  }
  const look = ({ type, target: { src } }) => {
    if (window.Dramac?.version) settle()
    else if (type === 'error' && /\/v1\/([^/]+\/)?embed[^/]*\.js(\?|$)/.test(src)) settle(src + UNREACHABLE)
  }
  const timer = setTimeout(settle, 20000, 'This page has a queue for Dramac Embed, but its loader has not come within 20 seconds: check the script element that brings embed.js.')
  for (const type of ['load', 'error']) document.addEventListener(type, look, true)
})

export const load = (options) => {
  if (typeof document === 'undefined') return refused(failure('no_page', 'There is no page to embed into: call load and embed in the browser.'))
  if (window.Dramac?.version) return Promise.resolve(window.Dramac)
  if (loading) return loading
  // What failed may be tried again, also by somebody who does not know where the loader is.
  options ??= wished
  // The page has asked for the loader itself, and made a queue for as long as it has not come.
  if (window.Dramac && !options) return awaited()
  if (!options?.src) return refused(failure('invalid_option', "Call load({ src: 'https://…/v1/embed.js' }) before anything is embedded."))
  wished = options
  loading = insert(options)
  loading.catch(() => { loading = undefined })
  return loading
}

export const embed = (options) => load().then((Dramac) => Dramac.embed(options))
