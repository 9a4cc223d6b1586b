// Copies snippets, keeps charts current, and answers the preview's handshake as a website would. Pages work without it.

for (const button of document.querySelectorAll('button[data-copy]')) {
  button.hidden = false
  button.addEventListener('click', async () => {
    const text = document.getElementById(button.dataset.copy).textContent
    try {
      await navigator.clipboard.writeText(text)
      button.textContent = 'Copied'
    } catch {
      // Without clipboard permission the text is selected, so that it can be copied by hand.
      getSelection().selectAllChildren(document.getElementById(button.dataset.copy))
      button.textContent = 'Press Ctrl+C'
    }
    setTimeout(() => { button.textContent = 'Copy' }, 2000)
  })
}

// Removes `done`, so that a reload does not show the notice again.
const address = new URL(location.href)
if (address.searchParams.has('done')) {
  address.searchParams.delete('done')
  history.replaceState(null, '', address)
}

// Fetches the page again and replaces its live parts, unless one has the focus or an open table.
const REFRESH = 5000
const refresh = async () => {
  if (document.hidden) return
  const answer = await fetch(location.href, { headers: { Accept: 'text/html' } }).catch(() => undefined)
  // A redirect means that the session has ended.
  if (!answer?.ok || answer.redirected) return
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
  for (const part of document.querySelectorAll('[data-live]')) {
    const updated = page.getElementById(part.id)
    if (updated && !part.contains(document.activeElement) && !part.querySelector('details[open]')) part.replaceWith(updated)
  }
}
if (document.querySelector('[data-live]')) setInterval(refresh, REFRESH)

// The preview's handshake: the module gets its context but no token, so it can save nothing.
for (const frame of document.querySelectorAll('iframe[data-preview]')) {
  const { origin, site, module } = frame.dataset
  addEventListener('message', ({ source, data, ports: [port] }) => {
    if (source !== frame.contentWindow || !port || data?.type !== 'dramac:ready' || data.nonce !== frame.name) return
    port.onmessage = ({ data: { id, type, payload } }) => {
      if (type === 'dramac:resize' && payload?.height > 0) frame.style.height = `${Math.min(payload.height, 2000)}px`
      if (!id) return
      if (type === 'dramac:renew') port.postMessage({ id, result: { allowed: false, code: 'preview', detail: 'This is a preview in the console; nothing is saved.' } })
      else port.postMessage({ id, error: { code: 'no_handler', message: 'This is a preview in the console; nothing answers requests.' } })
    }
    port.postMessage({ type: 'dramac:context', payload: {
      siteId: site, moduleId: module, type: 'inline', theme: 'auto', params: {}, locale: navigator.language, dir: 'ltr', token: null, expiresIn: 0, server: location.origin,
    } })
  })
}
