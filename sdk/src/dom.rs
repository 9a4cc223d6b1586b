//! Thin wrappers of `web-sys` that several modules use.

use gloo_timers::callback::Timeout;
use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use web_sys::{Document, Element, HtmlElement, Node, Window};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = window)]
    static WINDOW: Window;
    #[wasm_bindgen(thread_local_v2, js_name = document)]
    static DOCUMENT: Document;
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    pub fn log_error(text: &str);
    /// Hands an exception to the page's `error` event, as if it had been thrown there.
    #[wasm_bindgen(js_name = reportError)]
    pub fn report_error(error: &JsValue);
    #[wasm_bindgen(js_namespace = performance)]
    pub fn now() -> f64;
    /// The structured clone of a payload; throws if it cannot be cloned.
    #[wasm_bindgen(js_name = structuredClone, catch)]
    pub fn clone_of(value: &JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(extends = Promise)]
    type Thenable;
    #[wasm_bindgen(method, js_name = then)]
    fn when_resolved(this: &Thenable, settled: &Function);
    #[wasm_bindgen(js_name = Number)]
    fn number_of(text: &JsValue) -> f64;
    #[wasm_bindgen(js_name = parseFloat)]
    fn number_at_start_of(text: &JsValue) -> f64;
    /// Whether the browser takes this for a value of the property.
    #[wasm_bindgen(js_namespace = CSS)]
    pub fn supports(property: &str, value: &str) -> bool;
    #[wasm_bindgen(js_name = String, catch)]
    fn text_of(value: &JsValue) -> Result<String, JsValue>;

    // The methods of the document, which markup cannot answer for when they are taken from its prototype.
    #[wasm_bindgen(js_namespace = ["Document", "prototype", "createElement"], js_name = call, catch)]
    fn create_in(document: &Document, tag: &str) -> Result<Element, JsValue>;
    #[wasm_bindgen(js_namespace = ["Document", "prototype", "createElementNS"], js_name = call, catch)]
    fn create_svg_in(document: &Document, namespace: &str, tag: &str) -> Result<Element, JsValue>;
    #[wasm_bindgen(js_namespace = ["Document", "prototype", "querySelector"], js_name = call, catch)]
    fn find_in(document: &Document, selector: &str) -> Result<Option<Element>, JsValue>;
}

/// A new element.
pub fn create(tag: &str) -> Option<Element> {
    create_in(&document(), tag).ok()
}

/// A new element of an icon.
pub fn create_svg(tag: &str) -> Option<Element> {
    create_svg_in(&document(), "http://www.w3.org/2000/svg", tag).ok()
}

/// The first element of the page that a selector matches; none where it is no selector.
pub fn find(selector: &str) -> Option<Element> {
    find_in(&document(), selector).ok().flatten()
}

/// Whether a text is a selector.
pub fn is_selector(text: &str) -> bool {
    find_in(&document(), text).is_ok()
}

/// The page's body.
pub fn body() -> Option<Element> {
    find("body")
}

/// The number that this is, or that this text spells; `NaN` for everything else.
pub fn number(value: &JsValue) -> f64 {
    value.as_f64().unwrap_or_else(|| {
        // To `Number`, a text without anything in it is 0.
        let is_number = value.is_string() && !number_at_start_of(value).is_nan();
        if is_number { number_of(value) } else { f64::NAN }
    })
}

/// A value as JavaScript's `String()` writes it; empty for values that it cannot write.
pub fn text(value: &JsValue) -> String {
    text_of(value).unwrap_or_default()
}

pub fn window() -> Window {
    WINDOW.with(Clone::clone)
}

/// Whether this is a node of a page, of any window.
pub fn is_node(value: &JsValue) -> bool {
    value.is_object() && value.unchecked_ref::<Node>().node_type() > 0
}

/// The language that the page says it is in, or else the browser's.
pub fn language() -> String {
    let root = find(":root").map(|root| root.unchecked_into::<HtmlElement>().lang());
    root.filter(|lang| !lang.is_empty()).or_else(|| window().navigator().language()).unwrap_or_default()
}

/// Whether nothing on the page has the focus.
pub fn focus_is_nowhere() -> bool {
    let (active, body) = (document().active_element(), document().body());
    active.is_none_or(|active| body.is_some_and(|body| active == *body))
}

pub fn document() -> Document {
    DOCUMENT.with(Clone::clone)
}

/// Concatenates texts: formatting would cost 3 KB, and `concat` half a KB.
pub fn joined(parts: &[&str]) -> String {
    listed(parts, "")
}

/// Joins texts with a separator.
pub fn listed(parts: &[&str], between: &str) -> String {
    let mut text = String::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            text.push_str(between);
        }
        text.push_str(part);
    }
    text
}

/// A function for JavaScript that is called at most once. Boxed, so that one conversion serves all of them.
pub fn once(act: Box<dyn FnOnce(JsValue)>) -> Function {
    Closure::once_into_js(act).unchecked_into()
}

/// Calls `settled` when the promise resolves.
pub fn then(promise: &Promise, settled: &Function) {
    promise.unchecked_ref::<Thenable>().when_resolved(settled);
}

/// Calls `act` after so many milliseconds, unless the timer is dropped before. Boxed for the same reason.
pub fn after(milliseconds: u32, act: Box<dyn FnOnce()>) -> Timeout {
    Timeout::new(milliseconds, act)
}

/// A new element with a class, at the end of `parent`.
pub fn append(parent: &Node, tag: &str, class: &str) -> Option<HtmlElement> {
    let element: HtmlElement = create(tag)?.unchecked_into();
    if !class.is_empty() {
        element.set_class_name(class);
    }
    parent.append_child(&element).ok()?;
    Some(element)
}

/// Sets an attribute; only a malformed name could fail.
pub fn set(element: &Element, name: &str, value: &str) {
    let _ = element.set_attribute(name, value);
}

/// Sets a property of an element's own style, which a strict `style-src` allows from script.
pub fn style(element: &HtmlElement, property: &str, value: &str) {
    let _ = element.style().set_property(property, value);
}
