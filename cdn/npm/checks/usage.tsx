// What the types have to take. Compiled by a test, never run.
import { useRef } from 'react'
import { embed, load, type DramacError, type Handle, type Options } from '@dramac/embed'
import { DramacEmbed } from '@dramac/embed/react'

const everything: Required<Options> = {
  siteId: 'a',
  moduleId: 'b',
  container: document.body,
  type: 'popup',
  theme: 'auto',
  position: 'top-left',
  width: '100%',
  height: 500,
  params: { rating: 4, since: new Date() },
  locale: 'ar',
  launcher: { label: 'Talk to us', icon: 'M3 3h18v18H3z', color: '#123456', badge: 2, hidden: false },
  lazy: false,
  openOn: 'a.feedback',
  namespace: 'feedback',
  zIndex: 10,
  allow: 'camera',
  sandbox: 'allow-scripts',
  nonce: 'r4nd0m',
  onReady: () => {},
  onError: (error) => console.warn(error.code, error.message),
  onMessage: ({ type, payload }) => console.log(type, payload),
}

interface Submitted {
  rating: number
}

export async function script(): Promise<number> {
  const Dramac = await load({
    src: 'https://cdn.example.com/v1/embed.js',
    integrity: 'sha256-',
    server: 'https://embed.example.com',
    modules: 'https://*.modules.example.net',
    nonce: 'n',
  })
  await Dramac.ready(() => Dramac.version.length)
  Dramac.get?.('feedback')?.toggle()

  const handle: Handle = await embed(everything)
  handle.on('resize', ({ height }) => height.toFixed())
  handle.on('error', (error) => error.code satisfies DramacError['code'])
  handle.on('feedback:submitted', ({ rating }: Submitted) => rating)
  handle.once('ready', () => handle.open())
  handle.off('resize')
  handle.update({ theme: 'dark', launcher: { badge: 0 }, onReady: undefined })
  if (handle.state === 'open') handle.close()
  handle.send('reset')
  await handle.ready
  handle.destroy()
  return handle.request<number>('count', { of: 'stars' }, { timeout: 500, signal: new AbortController().signal })
}

export function page(): void {
  window.Dramac?.('ready', () => window.Dramac?.embed({ siteId: 'a', moduleId: 'b' }))
  window.Dramac?.('embed', { siteId: 'a', moduleId: 'b' })
  const element = document.createElement('dramac-embed')
  element.params = { rating: 4 }
  element.zIndex = 10
  element.theme = element.getAttribute('theme') === 'dark' ? 'light' : 'dark'
  element.toggle()
  element.handle?.update({ width: 300 })
}

export function Component() {
  const handle = useRef<Handle>(null)
  return (
    <>
      <DramacEmbed ref={handle} siteId="a" moduleId="b" type="inline" className="form" style={{ minHeight: 300 }}
        params={{ rating: 4 }} onReady={(ready) => ready.send('greet')} onError={({ code }) => code} />
      <button type="button" onClick={() => handle.current?.send('reset')}>Reset</button>
      <dramac-embed module="a" site="b" type="popup" open-on="load" z-index={3} class="form" />
    </>
  )
}
