//! The objects that cross between loader and SDK. The loader makes them; these are typed views of their properties.

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;
use web_sys::{Element, HtmlElement, HtmlIFrameElement, Node, ShadowRoot};

#[wasm_bindgen]
extern "C" {
    /// The loader's functions for the SDK.
    #[derive(Clone)]
    pub type Link;

    /// The server's public URL, without a trailing slash.
    #[wasm_bindgen(method, getter)]
    pub fn server(this: &Link) -> JsValue;
    /// Asks the server for a verdict; always resolves, to any JSON.
    #[wasm_bindgen(method)]
    pub fn ask(this: &Link, config: &JsValue) -> Promise;
    /// Puts the slot's iframe, hidden until it is allowed, into `parent`.
    #[wasm_bindgen(method)]
    pub fn frame(this: &Link, slot: &Slot, parent: &Node);
    /// A new host element, which is not on the page yet.
    #[wasm_bindgen(method, catch)]
    pub fn host(this: &Link) -> Result<Host, JsValue>;

    /// Calls `Method::Load` of the embed once its element is within 200 px of the viewport.
    #[wasm_bindgen(method)]
    pub fn near(this: &Link, id: u32, element: &Element);
    /// Calls it once the page is idle.
    #[wasm_bindgen(method)]
    pub fn idle(this: &Link, id: u32);
    /// Ends the wait of either.
    #[wasm_bindgen(method)]
    pub fn rest(this: &Link, id: u32);

    /// One embed, as the loader knows it.
    #[derive(Clone)]
    pub type Slot;

    #[wasm_bindgen(method, getter)]
    pub fn id(this: &Slot) -> u32;
    #[wasm_bindgen(method, getter)]
    pub fn config(this: &Slot) -> JsValue;
    #[wasm_bindgen(method, setter)]
    pub fn set_config(this: &Slot, config: &JsValue);
    /// The element with `data-dramac-embed`, where there is one.
    #[wasm_bindgen(method, getter)]
    pub fn element(this: &Slot) -> Option<HtmlElement>;
    #[wasm_bindgen(method, getter)]
    pub fn handle(this: &Slot) -> Handle;
    /// Events from before the SDK had loaded: window messages, and violations of the page's policy.
    #[wasm_bindgen(method, getter)]
    pub fn messages(this: &Slot) -> Array;
    #[wasm_bindgen(method, setter)]
    pub fn set_messages(this: &Slot, messages: &Array);
    #[wasm_bindgen(method, getter)]
    pub fn verdict(this: &Slot) -> Option<Promise>;
    #[wasm_bindgen(method, setter)]
    pub fn set_verdict(this: &Slot, verdict: &Promise);
    /// The element whose shadow root holds an inline frame, where the loader has made it.
    #[wasm_bindgen(method, getter)]
    pub fn host(this: &Slot) -> Option<Host>;
    #[wasm_bindgen(method, getter)]
    pub fn frame(this: &Slot) -> Option<HtmlIFrameElement>;
    #[wasm_bindgen(method, setter)]
    pub fn set_frame(this: &Slot, frame: &JsValue);
    /// The module's own origin; empty where it has none, since modules are served sandboxed.
    #[wasm_bindgen(method, getter)]
    pub fn origin(this: &Slot) -> JsValue;
    /// The frame's 128-bit nonce, which is its name: four numbers with hyphens between them.
    #[wasm_bindgen(method, getter)]
    pub fn nonce(this: &Slot) -> JsValue;
    /// Settles the handle's `ready`.
    #[wasm_bindgen(method)]
    pub fn resolve(this: &Slot, value: &JsValue);
    #[wasm_bindgen(method)]
    pub fn reject(this: &Slot, error: &JsValue);

    /// The element whose shadow root holds what an embed shows.
    #[wasm_bindgen(extends = HtmlElement)]
    pub type Host;

    /// `shadowRoot` is null where the page makes every root closed.
    #[wasm_bindgen(method, getter)]
    pub fn root(this: &Host) -> ShadowRoot;

    /// The object that the page holds.
    pub type Handle;

    #[wasm_bindgen(method, setter)]
    pub fn set_state(this: &Handle, state: &str);

    /// The server's answer (`embed_protocol::verify`), or the loader's own if the server cannot be reached.
    #[derive(Clone)]
    pub type Verdict;

    #[wasm_bindgen(method, getter)]
    fn allowed(this: &Verdict) -> bool;
    #[wasm_bindgen(method, getter)]
    pub fn token(this: &Verdict) -> JsValue;
    #[wasm_bindgen(method, getter, js_name = expiresIn)]
    pub fn expires_in(this: &Verdict) -> JsValue;
    #[wasm_bindgen(method, getter)]
    fn module(this: &Verdict) -> Module;
    #[wasm_bindgen(method, getter)]
    pub fn code(this: &Verdict) -> JsValue;
    #[wasm_bindgen(method, getter)]
    pub fn detail(this: &Verdict) -> JsValue;

    /// The part of the module's manifest in the server's answer.
    pub type Module;

    #[wasm_bindgen(method, getter)]
    pub fn name(this: &Module) -> JsValue;
    #[wasm_bindgen(method, getter)]
    pub fn launcher(this: &Module) -> Launcher;

    pub type Launcher;

    #[wasm_bindgen(method, getter)]
    pub fn label(this: &Launcher) -> JsValue;
    #[wasm_bindgen(method, getter)]
    pub fn icon(this: &Launcher) -> JsValue;
    #[wasm_bindgen(method, getter)]
    pub fn color(this: &Launcher) -> JsValue;
}

impl Verdict {
    /// The module that the page may embed; `None` if it may not, or if the answer names no module because it does not come from
    /// an embed server.
    pub fn allows(&self) -> Option<Module> {
        let module = Some(self.module()).filter(|module| self.allowed() && module.is_object())?;
        (module.name().is_string() && module.launcher().is_object()).then_some(module)
    }
}
