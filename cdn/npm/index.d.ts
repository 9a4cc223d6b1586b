/** How a module appears. */
export type EmbedType = 'widget' | 'popup' | 'inline'
/** `auto` follows the visitor's system. */
export type Theme = 'light' | 'dark' | 'auto'
/** The corner of a widget. */
export type Position = 'bottom-right' | 'bottom-left' | 'top-right' | 'top-left'
/** `ready`: closed, or inline. `open`: a widget or popup that is open. */
export type State = 'loading' | 'ready' | 'open' | 'error' | 'destroyed'
/** A CSS length such as `'100%'`, or a number of pixels. */
export type Length = string | number

/** A widget's button. Omitted values come from the module's manifest. */
export interface Launcher {
  /** Its accessible name. */
  label?: string
  /** One SVG path on a grid of 24 × 24, as in the attribute `d`. */
  icon?: string
  /** A CSS colour. */
  color?: string
  /** The number of unread items; 0 shows none. */
  badge?: number
  /** Show no button, because the page has its own. */
  hidden?: boolean
}

/** The options of an embed. */
export interface Options {
  /** A UUID. */
  siteId: string
  /** A UUID. */
  moduleId: string
  /** The container of an inline embed; the page's body by default. */
  container?: string | HTMLElement
  /** `widget` by default. */
  type?: EmbedType
  /** `light` by default. */
  theme?: Theme
  /** `bottom-right` by default. */
  position?: Position
  /** Inline `100%`, widget 400, popup 560 by default. */
  width?: Length
  /** Inline 500, widget 600, popup 640 by default. Inline: the height reserved until the module reports its own. */
  height?: Length
  /** The module gets it as `context.params`. It must be structurally cloneable. */
  params?: object
  /** A BCP 47 tag; the page's language by default. */
  locale?: string
  /** The button of a widget. */
  launcher?: Launcher
  /** Inline: wait until the container is near the viewport. `true` by default. */
  lazy?: boolean
  /** A selector: a click on a matching element opens the embed. `hover` is over the launcher. */
  openOn?: 'load' | 'hover' | 'exit-intent' | (string & {})
  /** The name for `Dramac.get`. */
  namespace?: string
  /** A whole number; 999999 by default. */
  zIndex?: number
  /** Permissions for the frame, as in `<iframe allow>`; `clipboard-write` by default. */
  allow?: string
  /** As in `<iframe sandbox>`. */
  sandbox?: string
  /** The page's Content-Security-Policy nonce, if the loader's own script element has none. */
  nonce?: string
  /** The module is ready, the first time and after each load of its frame. */
  onReady?: () => void
  /** The embed failed. */
  onError?: (error: DramacError) => void
  /** The module sent a message. */
  onMessage?: (message: Message) => void
}

/** The options of `update`: all but those that identify the embed, and `lazy`, `openOn` and `nonce`, which are read only once. */
export type Changes = Partial<Omit<Options, 'siteId' | 'moduleId' | 'type' | 'container'>>

/** A message of the module. */
export interface Message<Payload = any> {
  type: string
  payload: Payload
  /** Set for a request. */
  id?: unknown
}

/** Why an embed failed. */
export type ErrorCode =
  | 'invalid_option'
  | 'container_not_found'
  | 'container_taken'
  | 'framed_elsewhere'
  | 'no_handshake'
  | 'csp_wasm'
  | 'csp_frame'
  | 'sdk_unavailable'
  | 'no_page'
  | 'unavailable'
  | 'site_not_found'
  | 'module_not_found'
  | 'origin_not_allowed'
  | 'domain_not_verified'
  | 'type_not_allowed'
  | 'origin_mismatch'
  | 'invalid_request'
  | 'rate_limited'

/** Why a request failed, unless the module gave its own code. */
export type RequestErrorCode = 'timeout' | 'no_handler' | 'disconnected' | 'failed'

/** An error with a code that never changes, and a sentence that says what to do. */
export interface DramacError extends Error {
  code: ErrorCode | RequestErrorCode | (string & {})
}

/** The payloads of the built-in events. */
export interface Events {
  ready: undefined
  open: undefined
  close: undefined
  /** In CSS pixels. */
  resize: { height: number }
  message: Message
  error: DramacError
  destroy: undefined
}

export interface RequestOptions {
  /** In milliseconds; 30000 by default. */
  timeout?: number
  signal?: AbortSignal
}

/** Called with an event's payload. For a request of the module, the value that it returns or resolves to is the answer. */
export type Handler<Payload = any> = (payload: Payload) => unknown

/** One embed. Calls before the SDK has loaded are queued and return a promise. */
export interface Handle {
  readonly state: State
  /** Resolves the first time the module is ready; rejects if the embed fails or is destroyed before. */
  readonly ready: Promise<void>
  /** Shows a widget or popup. */
  open(): void
  /** Hides a widget or popup. */
  close(): void
  /** Shows or hides a widget or popup. */
  toggle(): void
  /** Sends a message to the module. */
  send(action: string, data?: unknown): void
  /** Sends a request to the module. */
  request<Answer = any>(action: string, data?: unknown, options?: RequestOptions): Promise<Answer>
  /** Calls `handler` each time. Events other than the built-in ones are the module's own. */
  on<Event extends keyof Events>(event: Event, handler: Handler<Events[Event]>): void
  on(event: string, handler: Handler): void
  /** Calls `handler` once. */
  once<Event extends keyof Events>(event: Event, handler: Handler<Events[Event]>): void
  once(event: string, handler: Handler): void
  /** Removes the handler; without `handler`, all handlers of the event. */
  off(event: string, handler?: Handler): void
  /** Changes options without reloading the frame. */
  update(changes: Changes): void
  /** Removes the embed from the page. */
  destroy(): void
}

/** What the loader defines as `window.Dramac`. */
export interface Dramac {
  (method: 'embed', options: Options): void
  (method: 'ready', callback: () => void): void
  readonly version: string
  /** Creates an embed; its handle works at once. */
  embed(options: Options): Handle
  /** Calls back when the SDK has started; never, if it cannot be loaded. */
  ready<Result>(callback: () => Result): Promise<Awaited<Result>>
  /** The current embed with this namespace. Exists once the SDK has started. */
  get?(namespace: string): Handle | undefined
}

export interface LoadOptions {
  /** The URL of `embed.js`, on your embed server or CDN. */
  src: string
  /** The digest that `cdn publish` printed, for a `src` with a hash in it. */
  integrity?: string
  /** The embed server's public URL, if the loader does not know it. */
  server?: string
  /** The pattern of module origins, such as `https://*.modules.example.net`, if the loader does not know it. */
  modules?: string
  /** The page's Content-Security-Policy nonce. */
  nonce?: string
}

/**
 * Loads the loader once: later calls return the same promise, also without options, and a loader that the page has already is
 * used. If the page has the queue, it is expected to add the loader itself: a call without options waits for it, for 20 seconds.
 * Rejects if the loader cannot be loaded, and can then be called again. On a server the promise rejects with the code `no_page`,
 * without an “unhandled rejection” report.
 */
export function load(options?: LoadOptions): Promise<Dramac>

/** Embeds a module as soon as the loader has loaded: call `load` first, or have the loader in the page. */
export function embed(options: Options): Promise<Handle>

/** `<dramac-embed>`: attributes as properties, and the members of the handle. Properties return the attribute's text. */
export interface DramacEmbedElement extends HTMLElement, Pick<Handle, Methods> {
  get module(): string | null
  set module(value: string | null)
  get site(): string | null
  set site(value: string | null)
  get type(): string | null
  set type(value: EmbedType | null)
  get theme(): string | null
  set theme(value: Theme | null)
  get position(): string | null
  set position(value: Position | null)
  get width(): string | null
  set width(value: Length | null)
  get height(): string | null
  set height(value: Length | null)
  get params(): string | null
  set params(value: object | string | null)
  get locale(): string | null
  set locale(value: string | null)
  get launcher(): string | null
  set launcher(value: Launcher | string | null)
  get zIndex(): string | null
  set zIndex(value: number | string | null)
  get lazy(): string | null
  set lazy(value: boolean | string | null)
  get openOn(): string | null
  set openOn(value: string | null)
  get namespace(): string | null
  set namespace(value: string | null)
  get allow(): string | null
  set allow(value: string | null)
  get sandbox(): string | null
  set sandbox(value: string | null)
  /** The embed's handle; `undefined` while the element is not on the page. */
  readonly handle: Handle | undefined
  readonly state: State
  readonly ready: Promise<void> | undefined
}

type Methods = 'open' | 'close' | 'toggle' | 'send' | 'request' | 'on' | 'once' | 'off' | 'update' | 'destroy'

declare global {
  interface Window {
    Dramac?: Dramac
  }
  interface HTMLElementTagNameMap {
    'dramac-embed': DramacEmbedElement
  }
}
