//! Errors on a host page, for its developer.

use crate::dom;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = Error)]
    type CodedError;
    #[wasm_bindgen(constructor, js_class = "Error")]
    fn new(message: &str) -> CodedError;
    #[wasm_bindgen(method, setter)]
    fn set_code(this: &CodedError, code: &str);
}

/// A stable code and a sentence that says what to do.
pub struct Fault {
    pub code: String,
    pub detail: String,
}

impl Fault {
    /// A fault whose sentence is concatenated from parts.
    pub fn new(code: &str, detail: &[&str]) -> Self {
        Fault { code: code.into(), detail: dom::joined(detail) }
    }

    /// The fault as a JavaScript `Error` with a `code`.
    pub fn to_error(&self) -> JsValue {
        let error = CodedError::new(&self.detail);
        error.set_code(&self.code);
        error.into()
    }

    /// Prints it in the browser's console.
    pub fn log(&self) {
        dom::log_error(&["[Dramac] ", &self.detail].concat());
    }
}

/// The fault of a request on an embed that was destroyed.
pub fn gone() -> Fault {
    Fault::new(embed_protocol::message::DISCONNECTED, &["The embed was destroyed."])
}
