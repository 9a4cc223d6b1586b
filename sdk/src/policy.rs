//! Detects that the page's Content-Security-Policy refuses a frame.
//!
//! A frame that the policy refuses shows the browser's own error page and fires `load` like any other: only the event
//! `securitypolicyviolation` distinguishes them.

use wasm_bindgen::prelude::*;
use web_sys::{Event, HtmlIFrameElement};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(extends = Event)]
    type Violation;
    #[wasm_bindgen(method, getter, js_name = blockedURI)]
    fn blocked_uri(this: &Violation) -> String;
    #[wasm_bindgen(method, getter, js_name = effectiveDirective)]
    fn effective_directive(this: &Violation) -> JsValue;
    #[wasm_bindgen(method, getter)]
    fn disposition(this: &Violation) -> JsValue;
}

/// The name of the event, and of the directive that decides about frames.
pub const VIOLATION: &str = "securitypolicyviolation";
pub const FRAME_SRC: &str = "frame-src";

/// Whether the event says that this frame was refused. A policy that only reports refuses nothing. Browsers report
/// the URL without its fragment.
pub fn refuses(event: &Event, frame: &HtmlIFrameElement) -> bool {
    let event: &Violation = event.unchecked_ref();
    event.effective_directive() == *FRAME_SRC
        && event.disposition() == *"enforce"
        && frame.src().starts_with(&event.blocked_uri())
}
