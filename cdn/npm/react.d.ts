import type { CSSProperties, DetailedHTMLProps, HTMLAttributes, ReactNode, Ref } from 'react'
import type { DramacEmbedElement, DramacError, EmbedType, Handle, Length, Message, Options, Position, Theme } from './index.js'

export interface DramacEmbedProps extends Omit<Options, 'container' | 'onReady' | 'onError' | 'onMessage'> {
  /** For the element around an inline embed. */
  className?: string
  /** For the element around an inline embed. */
  style?: CSSProperties
  /** The module is ready, the first time and after each load of its frame. */
  onReady?: (handle: Handle) => void
  /** The loader could not be loaded, the embed failed, or a change of the props was refused. */
  onError?: (error: DramacError) => void
  /** The module sent a message. */
  onMessage?: (message: Message) => void
  /** The handle, once the loader has loaded. */
  ref?: Ref<Handle>
}

/**
 * One embed for as long as it is mounted. `siteId`, `moduleId`, `type`, `lazy`, `openOn`, `allow` and `sandbox` create
 * another when they change; everything else is an update. Call `load` somewhere, or have the loader in the page.
 */
export function DramacEmbed(props: DramacEmbedProps): ReactNode

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'dramac-embed': DetailedHTMLProps<HTMLAttributes<DramacEmbedElement>, DramacEmbedElement> & {
        class?: string
        module: string
        site: string
        type?: EmbedType
        theme?: Theme
        position?: Position
        width?: Length
        height?: Length
        /** JSON: the element's attributes are text. */
        params?: string
        locale?: string
        /** JSON. */
        launcher?: string
        'z-index'?: number | string
        lazy?: 'true' | 'false'
        'open-on'?: string
        namespace?: string
        allow?: string
        sandbox?: string
      }
    }
  }
}
