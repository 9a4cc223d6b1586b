/** How a module appears. */
export type EmbedType = 'widget' | 'popup' | 'inline'
/** `auto` is what the visitor's system prefers. */
export type Theme = 'light' | 'dark' | 'auto'
/** The corner of a widget. */
export type Position = 'bottom-right' | 'bottom-left' | 'top-right' | 'top-left'
/** `ready`: closed, or inline. `open`: a widget or popup that is open. */
export type State = 'loading' | 'ready' | 'open' | 'error' | 'destroyed'
/** A CSS length such as `'100%'`, or a number of pixels. */
export type Length = string | number

/** A widget's button. What is left out is as the module's manifest says. */
export interface Launcher {
  /** Its accessible name. */
  label?: string
  /** One SVG path on a grid of 24 × 24, as in the attribute `d`. */
  icon?: string
  /** A CSS colour. */
  color?: string
  /** How many items are unread; 0 shows none. */
  badge?: number
  /** No button, because the page has one of its own. */
  hidden?: boolean
}

/** The options of an embed. */
export interface Options {
  /** A UUID. */
  siteId: string
  /** A UUID. */
  moduleId: string
  /** Where an inline embed goes; the page's body by default. */
  container?: string | HTMLElement
  /** `widget` by default. */
  type?: EmbedType
  /** `light` by default. */
  theme?: Theme
  /** `bottom-right` by default. */
  position?: Position
  /** Inline `100%`, widget 400, popup 560 by default. */
  width?: Length
  /** Inline 500, widget 600, popup 640 by default. Inline: what is reserved until the module says how tall it is. */
  height?: Length
  /** What the module gets as `context.params`. Whatever can be structurally cloned crosses as it is. */
  params?: object
  /** A BCP 47 tag; the page's language by default. */
  locale?: string
  /** The button of a widget. */
  launcher?: Launcher
  /** Inline: wait until the place is near the viewport. `true` by default. */
  lazy?: boolean
  /** A selector: a click on what it matches opens. `hover` is over the launcher. */
  openOn?: 'load' | 'hover' | 'exit-intent' | (string & {})
  /** The name for `Dramac.get`. */
  namespace?: string
  /** A whole number; 999999 by default. */
  zIndex?: number
  /** What the page grants the frame, as in `<iframe allow>`; `clipboard-write` by default. */
  allow?: string
  /** As in `<iframe sandbox>`. */
  sandbox?: string
  /** The page's Content-Security-Policy nonce, where the loader's own script element has none. */
  nonce?: string
  /** The module is ready, the first time and after each load of its frame. */
  onReady?: () => void
  /** The embed failed. */
  onError?: (error: DramacError) => void
  /** The module said something. */
  onMessage?: (message: Message) => void
}

/** What `update` takes: everything but what makes an embed another one. `lazy`, `openOn` and `nonce` have been read by then. */
export type Changes = Partial<Omit<Options, 'siteId' | 'moduleId' | 'type' | 'container'>>

/** What a module says. */
export interface Message<Payload = any> {
  type: string
  payload: Payload
  /** Of a request. */
  id?: unknown
}

/** Why an embed failed. */
export type ErrorCode =
  | 'invalid_option'
  | 'container_not_found'
  | 'container_taken'
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

/** Why a request has no answer, where the module did not give a code of its own. */
export type RequestErrorCode = 'timeout' | 'no_handler' | 'disconnected' | 'failed'

/** An error with a code that never changes, and a sentence that says what to do. */
export interface DramacError extends Error {
  code: ErrorCode | RequestErrorCode | (string & {})
}

/** What the built-in events bring. */
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

/** Called with an event's payload. What it returns, or its promise resolves to, answers a request of the module. */
export type Handler<Payload = any> = (payload: Payload) => unknown

/** One embed. What is called before the SDK has come waits for it, and then returns a promise. */
export interface Handle {
  readonly state: State
  /** Resolves the first time the module is ready; rejects where the embed fails or is destroyed before. */
  readonly ready: Promise<void>
  /** Shows a widget or popup. */
  open(): void
  /** Hides a widget or popup. */
  close(): void
  /** Shows or hides a widget or popup. */
  toggle(): void
  /** Tells the module. */
  send(action: string, data?: unknown): void
  /** Asks the module. */
  request<Answer = any>(action: string, data?: unknown, options?: RequestOptions): Promise<Answer>
  /** Calls `handler` each time. Events other than the built-in ones are the module's own. */
  on<Event extends keyof Events>(event: Event, handler: Handler<Events[Event]>): void
  on(event: string, handler: Handler): void
  /** Calls `handler` the next time. */
  once<Event extends keyof Events>(event: Event, handler: Handler<Events[Event]>): void
  once(event: string, handler: Handler): void
  /** No longer; without `handler` all handlers of the event. */
  off(event: string, handler?: Handler): void
  /** Changes options while the frame stays. */
  update(changes: Changes): void
  /** The end: nothing stays on the page. */
  destroy(): void
}

/** What the loader defines as `window.Dramac`. */
export interface Dramac {
  (method: 'embed', options: Options): void
  (method: 'ready', callback: () => void): void
  readonly version: string
  /** Makes an embed; its handle works at once. */
  embed(options: Options): Handle
  /** Calls back when the SDK has started; never, where it cannot come. */
  ready<Result>(callback: () => Result): Promise<Awaited<Result>>
  /** The living embed with this namespace. Exists once the SDK has started. */
  get?(namespace: string): Handle | undefined
}

export interface LoadOptions {
  /** The URL of `embed.js`, on your embed server or CDN. */
  src: string
  /** The digest that `cdn publish` printed, for a `src` with a hash in it. */
  integrity?: string
  /** The embed server's public URL, where the loader does not know it. */
  server?: string
  /** The pattern of module origins, such as `https://*.modules.example.net`, where the loader does not know it. */
  modules?: string
  /** The page's Content-Security-Policy nonce. */
  nonce?: string
}

/**
 * Brings the loader to the page, once: later calls get the same promise, also one without options, and a page that has the
 * loader already is content with that. A page that has the queue is taken to bring the loader itself: a call without options
 * waits for that, for 20 seconds. Rejects where the loader cannot come, after which it may be called again. On a
 * server the promise rejects with the code `no_page`, silently where nobody listens.
 */
export function load(options?: LoadOptions): Promise<Dramac>

/** Embeds a module as soon as the loader is there: `load` has to have been called, or the page to have the loader. */
export function embed(options: Options): Promise<Handle>

/** `<dramac-embed>`: attributes as properties, and the members of the handle. Properties give back the attribute's text. */
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
  /** Of the embed that it stands for; `undefined` while it is not on the page. */
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
