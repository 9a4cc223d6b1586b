// What the types have to refuse: each line after a comment is an error, and no other. Compiled by a test, never run.
import { embed, load, type Handle } from '@dramac/embed'
import { DramacEmbed } from '@dramac/embed/react'

const ids = { siteId: 'a', moduleId: 'b' }

// @ts-expect-error the ids are required
embed({ siteId: 'a' })
// @ts-expect-error there is no such option
embed({ ...ids, colour: 'red' })
// @ts-expect-error nor one of the launcher
embed({ ...ids, launcher: { colour: 'red' } })
// @ts-expect-error nor such a type
embed({ ...ids, type: 'banner' })
// @ts-expect-error nor such a theme
embed({ ...ids, theme: 'black' })
// @ts-expect-error a flag is no text here
embed({ ...ids, lazy: 'false' })
// @ts-expect-error a function takes an error
embed({ ...ids, onError: 'log' })
// @ts-expect-error the loader has a URL
load({ server: 'https://embed.example.com' })
// @ts-expect-error `embed` gives a promise
embed(ids).open()

export function handle(handle: Handle): void {
  // @ts-expect-error only the SDK changes it
  handle.state = 'open'
  // @ts-expect-error a type cannot change
  handle.update({ type: 'inline' })
  // @ts-expect-error `resize` brings a height
  handle.on('resize', ({ width }) => width)
  // @ts-expect-error there is no such method
  handle.show()
}

export const elements = [
  // @ts-expect-error the component has its own container
  <DramacEmbed {...ids} container="#place" />,
  // @ts-expect-error the ids are required
  <DramacEmbed siteId="a" />,
  // @ts-expect-error attributes are text
  <dramac-embed module="a" site="b" params={{ rating: 4 }} />,
]
