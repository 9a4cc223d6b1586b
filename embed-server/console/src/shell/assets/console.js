// What pages gain where scripts run: snippets are copied by a button, charts stay current, and the preview is answered as a
// website would. Everything else works without it.

for (const button of document.querySelectorAll('button[data-copy]')) {
  button.hidden = false
  button.addEventListener('click', async () => {
    const text = document.getElementById(button.dataset.copy).textContent
    try {
      await navigator.clipboard.writeText(text)
      button.textContent = 'Copied'
    } catch {
      // Without permission the person copies by hand: the text is selected already.
      getSelection().selectAllChildren(document.getElementById(button.dataset.copy))
      button.textContent = 'Press Ctrl+C'
    }
    setTimeout(() => { button.textContent = 'Copy' }, 2000)
  })
}

// What was just done is said once: a page that is loaded again has nothing to say.
const address = new URL(location.href)
if (address.searchParams.has('done')) {
  address.searchParams.delete('done')
  history.replaceState(null, '', address)
}

// The page is asked for again, and what is live in it takes the place of what stood there, unless somebody is reading it.
const REFRESH = 5000
const refresh = async () => {
  if (document.hidden) return
  const answer = await fetch(location.href, { headers: { Accept: 'text/html' } }).catch(() => undefined)
  // Whoever is not signed in any more has been sent elsewhere.
  if (!answer?.ok || answer.redirected) return
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
  for (const part of document.querySelectorAll('[data-live]')) {
    const fresh = page.getElementById(part.id)
    if (fresh && !part.contains(document.activeElement) && !part.querySelector('details[open]')) part.replaceWith(fresh)
  }
}
if (document.querySelector('[data-live]')) setInterval(refresh, REFRESH)

// The handshake of a preview: the module gets its context on the port that it sends, but no token, so it keeps nothing.
for (const frame of document.querySelectorAll('iframe[data-preview]')) {
  const nonce = new URL(frame.src).hash.slice(1)
  const { origin, site, module } = frame.dataset
  addEventListener('message', ({ source, data, ports: [port] }) => {
    if (source !== frame.contentWindow || !port || data?.type !== 'dramac:ready' || data.nonce !== nonce) return
    port.onmessage = ({ data: { id, type, payload } }) => {
      if (type === 'dramac:resize' && payload?.height > 0) frame.style.height = `${Math.min(payload.height, 2000)}px`
      if (!id) return
      if (type === 'dramac:renew') port.postMessage({ id, result: { allowed: false, code: 'preview', detail: 'This is a preview in the console, which keeps nothing.' } })
      else port.postMessage({ id, error: { code: 'no_handler', message: 'This is a preview in the console, which answers nothing.' } })
    }
    port.postMessage({ type: 'dramac:context', payload: {
      siteId: site, moduleId: module, type: 'inline', theme: 'auto', params: {}, locale: navigator.language, dir: 'ltr', token: null, expiresIn: 0, server: location.origin,
    } })
  })
}
