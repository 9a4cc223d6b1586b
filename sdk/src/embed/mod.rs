//! The life of one embed: configuration, chrome, verdict, frame, handshake, messages, end.
//!
//! Verdict and handshake come in either order. The frame is shown as soon as one of them has come; the module gets its
//! context, and the page its `ready`, when both have.

mod mount;
mod panel;
mod talk;

use crate::bridge::Bridge;
use crate::chrome::{self, Chrome, Floating};
use crate::config::{self, Config};
use crate::dom;
use crate::fault::{self, Fault};
use crate::frame::Loads;
use crate::link::{Link, Slot, Verdict};
use crate::translations::{self, Words};
use embed_protocol::message as words;
use gloo_events::{EventListener, EventListenerOptions};
use gloo_timers::callback::Timeout;
use js_sys::{Function, Object, Promise, Reflect};
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::{Rc, Weak};
use wasm_bindgen::prelude::*;
use web_sys::{CustomEvent, CustomEventInit, Event, EventTarget, HtmlElement};

/// One embed on the page.
pub struct Embed {
    me: Weak<Embed>,
    link: Link,
    pub slot: Slot,
    config: RefCell<Rc<Config>>,
    pub bridge: Rc<Bridge>,
    chrome: OnceCell<Chrome>,
    /// Where the chrome is, once it is there.
    container: RefCell<JsValue>,
    verdict: RefCell<Option<Verdict>>,
    loads: Loads,
    /// Counts the attempts, so that the verdict of an earlier one is ignored.
    attempt: Cell<u32>,
    is_ready: Cell<bool>,
    /// How many documents of this frame have got their context.
    contexts: Cell<u32>,
    /// The error of a failed embed.
    failure: RefCell<Option<JsValue>>,
    is_over: Cell<bool>,
    /// Whether the page has opened it before it had a place.
    wants_open: Cell<bool>,
    /// Whether the pointer that opened it is still over the launcher.
    is_hovered: Cell<bool>,
    /// What `openOn` said when the embed was made.
    open_on: OnceCell<String>,
    /// Whether the visitor has been about to leave.
    has_left: Cell<bool>,
    /// Whether the frame that is to come gets the focus, which stood on what was there before.
    had_focus: Cell<bool>,
    /// Listeners for the lifetime of the embed.
    listeners: RefCell<Vec<EventListener>>,
    /// Listeners for the current frame, and for policy violations.
    frame_listeners: RefCell<Vec<EventListener>>,
    /// Listeners while the panel is open.
    open_listeners: RefCell<Vec<EventListener>>,
    /// Waits until the key that opened has been handled.
    timer: RefCell<Option<Timeout>>,
    /// The pending request for a new token.
    renewal: RefCell<Option<Promise>>,
}

impl Embed {
    /// Reads the configuration. Where it is wrong, says so and gives `None`.
    pub fn begin(link: Link, slot: Slot) -> Option<Rc<Self>> {
        let raw = slot.config();
        match Config::read(&raw, slot.element().is_some()) {
            Ok(config) => Some(Rc::new_cyclic(|me| Embed {
                me: me.clone(),
                link,
                slot,
                config: RefCell::new(Rc::new(config)),
                bridge: Bridge::new(),
                chrome: OnceCell::new(),
                container: RefCell::new(JsValue::UNDEFINED),
                verdict: RefCell::new(None),
                loads: Loads::default(),
                attempt: Cell::new(0),
                is_ready: Cell::new(false),
                contexts: Cell::new(0),
                failure: RefCell::new(None),
                is_over: Cell::new(false),
                wants_open: Cell::new(false),
                is_hovered: Cell::new(false),
                open_on: OnceCell::new(),
                has_left: Cell::new(false),
                had_focus: Cell::new(false),
                listeners: RefCell::default(),
                frame_listeners: RefCell::default(),
                open_listeners: RefCell::default(),
                timer: RefCell::new(None),
                renewal: RefCell::new(None),
            })),
            Err(fault) => {
                slot.handle().set_state("error");
                if let Some(host) = slot.host() {
                    chrome::discard(&host);
                }
                report(&slot, &fault, config::error_handler(&raw).as_ref());
                if let Some(element) = slot.element() {
                    dispatch(&element, "error", &fault.to_error());
                }
                None
            }
        }
    }

    pub fn id(&self) -> u32 {
        self.slot.id()
    }

    /// The page's element of this embed, if there is one.
    pub fn element(&self) -> Option<HtmlElement> {
        self.slot.element()
    }

    /// The namespace.
    pub fn namespace(&self) -> JsValue {
        self.config().options.get("namespace")
    }

    /// Whether it is an inline embed in this container.
    pub fn is_inline_in(&self, container: &JsValue) -> bool {
        self.floating().is_none() && *self.container.borrow() == *container
    }

    fn config(&self) -> Rc<Config> {
        self.config.borrow().clone()
    }

    /// The chrome's words in the embed's language, or else the page's.
    fn words(&self) -> &'static Words {
        match self.config().options.text("locale") {
            Some(locale) => translations::in_language(&locale),
            None => translations::in_language(&dom::language()),
        }
    }

    /// Runs with this embed, or not at all where it has ended meanwhile.
    fn later(&self, act: fn(&Embed)) -> impl Fn() + use<> {
        let me = self.me.clone();
        move || {
            if let Some(embed) = me.upgrade().filter(|embed| !embed.is_over.get()) {
                act(&embed);
            }
        }
    }

    /// Calls `act` with this embed and the event each time that it happens, until the listener is dropped. All listeners are
    /// made here, since each kind of closure would bring its own copy of what makes it one of JavaScript's.
    fn on(&self, target: &EventTarget, kind: &'static str, act: fn(&Embed, &Event)) -> EventListener {
        let me = self.me.clone();
        let options = EventListenerOptions::enable_prevent_default();
        EventListener::new_with_options(target, kind, options, move |event| {
            if let Some(embed) = me.upgrade().filter(|embed| !embed.is_over.get()) {
                act(&embed, event);
            }
        })
    }

    fn floating(&self) -> Option<&Floating> {
        self.chrome.get()?.floating.as_ref()
    }

    /// Gives the chrome what the configuration, the language and the module's manifest say.
    fn dress(&self) {
        let Some(chrome) = self.chrome.get() else { return };
        let verdict = self.verdict.borrow().clone();
        let module = verdict.and_then(|verdict| verdict.allows());
        let (config, words) = (self.config(), self.words());
        // A frame and a dialog need a name even before the server has sent the module's.
        let name = module.as_ref().and_then(|module| module.name().as_string());
        let label = config.launcher.text("label").filter(|label| !label.is_empty());
        let name = name.or(label).unwrap_or_else(|| words.content.into());
        let frame = self.slot.frame();
        chrome.apply(&config, words, &name, module.as_ref(), frame.as_ref());
        if let Some(frame) = frame {
            frame.set_title(&name);
        }
    }

    /// `handle.update(partial)`: changes what can change while the frame stays.
    pub fn update(&self, partial: &JsValue) -> Result<(), JsValue> {
        let old = self.config();
        config::refuse_unknown(partial).map_err(|fault| fault.to_error())?;
        let merged = merge(&merge(&Object::new(), &self.slot.config()), partial);
        let new = Config::read(&merged, self.element().is_some()).map_err(|fault| fault.to_error())?;
        if !new.is_same_embed(&old) {
            let text =
                "siteId, moduleId, type and container cannot change: destroy the embed and make another.";
            return Err(Fault::new("invalid_option", &[text]).to_error());
        }
        let has_new_theme = new.theme != old.theme;
        self.slot.set_config(&merged);
        self.config.replace(Rc::new(new));
        let is_named = |option: &str| Reflect::has(partial, &option.into()).unwrap_or(false);
        if is_named("launcher")
            && let Some(launcher) = self.floating().and_then(|floating| floating.launcher.as_ref())
        {
            launcher.forget_badge_of_page();
        }
        self.dress();
        if has_new_theme {
            self.tell_theme();
        }
        // A module may fill its form with them, so it gets them only when they change.
        if is_named("params") || is_named("locale") {
            let payload = Change::from(Object::new());
            let config = self.config();
            payload.set_params(&self.params());
            let locale = config.options.text("locale");
            payload.set_dir(locale.as_deref().map(translations::direction));
            payload.set_locale(locale.as_deref());
            self.bridge.tell(words::UPDATE, &payload);
        }
        Ok(())
    }

    /// What the page gives its module. Without an origin of its own, any page to which the module leads its frame could pass for
    /// the module: then the first document alone gets them.
    fn params(&self) -> JsValue {
        match self.contexts.get() > 1 && self.slot.origin() == *"" {
            true => Object::new().into(),
            false => self.config().options.object("params"),
        }
    }

    fn tell_theme(&self) {
        let payload = Change::from(Object::new());
        payload.set_theme(self.config().theme.as_str());
        self.bridge.tell(words::THEME, &payload);
    }

    /// `handle.request(action, data, options)`: rejected at once if the embed has failed.
    pub fn request(&self, action: &JsValue, data: &JsValue, options: JsValue) -> Promise {
        match &*self.failure.borrow() {
            Some(error) => Promise::reject(error),
            None => self.bridge.request(action, data, options),
        }
    }

    /// Passes a module's message to the page's handlers and to the embed's element. A request is answered with their result.
    fn fire(&self, kind: &JsValue, payload: &JsValue) -> Option<Result<JsValue, JsValue>> {
        if let Some(element) = self.element()
            // Browser events have no colon in their name, so a module cannot fake a click.
            && let Some(name) = kind.as_string().filter(|kind| kind.contains(':'))
        {
            dispatch(&element, &name, payload);
        }
        self.bridge.handlers.fire(kind, payload)
    }

    /// The same for one of the SDK's events, which the element fires by its short name.
    fn fire_own(&self, kind: &str, payload: &JsValue) {
        if let (Some(element), Some(name)) = (self.element(), kind.strip_prefix(words::PREFIX)) {
            dispatch(&element, name, payload);
        }
        self.bridge.handlers.fire(&kind.into(), payload);
    }

    /// Reports that the embed has failed, and shows the card with Retry.
    fn fail(&self, fault: Fault) {
        let error = fault.to_error();
        self.failure.replace(Some(error.clone()));
        self.link.rest(self.id());
        self.is_ready.set(false);
        self.bridge.disconnect(&fault);
        let had_focus = self.chrome.get().is_some_and(Chrome::has_focus) || self.had_focus.take();
        self.drop_frame();
        match (self.chrome.get(), self.slot.host()) {
            (Some(chrome), _) => {
                if let Some(button) = chrome.show_card(&fault, self.words(), had_focus) {
                    // The listener goes when the button does: nothing else holds it.
                    self.on(&button, "click", |embed, _| embed.retry()).forget();
                }
                self.dress();
            }
            (None, Some(host)) => chrome::discard(&host),
            (None, None) => {}
        }
        self.show_state();
        report(&self.slot, &fault, self.config().options.function("onError").as_ref());
        self.fire_own("dramac:error", &error);
    }

    /// The card's button: everything from the verdict on, once more.
    fn retry(&self) {
        self.attempt.set(self.attempt.get() + 1);
        self.failure.take();
        self.verdict.take();
        self.slot.set_verdict(&self.link.ask(&self.slot.config()));
        self.show_state();
        if let Some(chrome) = self.chrome.get() {
            self.had_focus.set(chrome.has_focus());
            chrome.uncover();
        }
        self.ensure_frame();
        self.follow_verdict();
    }

    fn drop_frame(&self) {
        self.frame_listeners.take();
        self.loads.reset();
        self.contexts.set(0);
        if let Some(frame) = self.slot.frame() {
            frame.remove();
            self.slot.set_frame(&JsValue::UNDEFINED);
        }
    }

    fn show_state(&self) {
        self.slot.handle().set_state(match () {
            _ if self.is_over.get() => "destroyed",
            _ if self.failure.borrow().is_some() => "error",
            _ if !self.is_ready.get() => "loading",
            _ if self.is_open() => "open",
            _ => "ready",
        });
    }

    /// `handle.destroy()`: leaves no listener, timer, observer, style or node behind.
    pub fn destroy(&self) {
        if self.is_over.replace(true) {
            return;
        }
        crate::forget(self.id());
        self.show_state();
        self.fire_own("dramac:destroy", &JsValue::UNDEFINED);
        self.slot.reject(&fault::gone().to_error());
        self.bridge.destroy();
        self.link.rest(self.id());
        self.timer.take();
        self.open_listeners.take();
        self.listeners.take();
        panel::forget(self.id());
        self.drop_frame();
        match (self.chrome.get(), self.slot.host()) {
            (Some(chrome), _) => chrome.remove(),
            (None, Some(host)) => chrome::discard(&host),
            (None, None) => {}
        }
    }
}

/// Fires an event on the page's element.
fn dispatch(element: &HtmlElement, name: &str, detail: &JsValue) {
    let init = CustomEventInit::new();
    init.set_detail(detail);
    if let Ok(event) = CustomEvent::new_with_event_init_dict(name, &init) {
        let _ = element.dispatch_event(&event);
    }
}

/// Reports a fault in the console, to the handle's `ready`, and to the page's `onError`.
fn report(slot: &Slot, fault: &Fault, on_error: Option<&Function>) {
    fault.log();
    let error = fault.to_error();
    slot.reject(&error);
    if let Some(on_error) = on_error {
        call_page(on_error, &error);
    }
}

/// Calls a function of the page, and reports what it throws as the page's own error.
fn call_page(function: &Function, argument: &JsValue) {
    if let Err(error) = function.call1(&JsValue::UNDEFINED, argument) {
        dom::report_error(&error);
    }
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = Object, js_name = assign)]
    fn merge(target: &Object, source: &JsValue) -> Object;

    /// The payload of the module's `update` event.
    #[wasm_bindgen(extends = Object)]
    type Change;
    #[wasm_bindgen(method, setter)]
    fn set_theme(this: &Change, theme: &str);
    #[wasm_bindgen(method, setter)]
    fn set_params(this: &Change, params: &JsValue);
    #[wasm_bindgen(method, setter)]
    fn set_locale(this: &Change, locale: Option<&str>);
    #[wasm_bindgen(method, setter)]
    fn set_dir(this: &Change, dir: Option<&str>);
}

impl From<Object> for Change {
    fn from(object: Object) -> Self {
        object.unchecked_into()
    }
}
