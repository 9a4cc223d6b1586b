//! The messages of the bridge as JavaScript objects, read without trusting them.
//!
//! Only objects are looked into. What arrives is a structured clone, which has no getters, so that reading a property
//! cannot throw; a property of the wrong type is treated as absent.

use js_sys::{Array, JsString, Object};
use wasm_bindgen::prelude::*;
use web_sys::MessagePort;

#[wasm_bindgen]
extern "C" {
    /// A `message` event of the window or of the port.
    #[wasm_bindgen(extends = web_sys::Event)]
    pub type Received;

    #[wasm_bindgen(method, getter)]
    pub fn data(this: &Received) -> JsValue;
    #[wasm_bindgen(method, getter)]
    pub fn origin(this: &Received) -> JsValue;
    #[wasm_bindgen(method, getter)]
    pub fn source(this: &Received) -> JsValue;
    #[wasm_bindgen(method, getter)]
    pub fn ports(this: &Received) -> Array;
    #[wasm_bindgen(method, getter, js_name = timeStamp)]
    pub fn time_stamp(this: &Received) -> f64;

    /// `{id, type, payload, result, error}`, each of them optional.
    #[derive(Clone)]
    #[wasm_bindgen(extends = Object)]
    pub type Message;

    #[wasm_bindgen(method, getter)]
    pub fn id(this: &Message) -> JsValue;
    #[wasm_bindgen(method, setter)]
    pub fn set_id(this: &Message, id: &JsValue);
    #[wasm_bindgen(method, getter, js_name = type)]
    pub fn kind(this: &Message) -> JsValue;
    #[wasm_bindgen(method, setter, js_name = type)]
    pub fn set_kind(this: &Message, kind: &JsValue);
    #[wasm_bindgen(method, getter)]
    pub fn payload(this: &Message) -> JsValue;
    #[wasm_bindgen(method, setter)]
    pub fn set_payload(this: &Message, payload: &JsValue);
    #[wasm_bindgen(method, getter)]
    pub fn result(this: &Message) -> JsValue;
    #[wasm_bindgen(method, setter)]
    pub fn set_result(this: &Message, result: &JsValue);
    #[wasm_bindgen(method, getter)]
    pub fn error(this: &Message) -> JsValue;
    #[wasm_bindgen(method, setter)]
    pub fn set_error(this: &Message, error: &JsValue);

    /// The members of payloads, options and outcomes, each optional.
    #[wasm_bindgen(extends = Object)]
    pub type Loose;

    #[wasm_bindgen(method, getter)]
    pub fn protocol(this: &Loose) -> JsValue;
    #[wasm_bindgen(method, getter)]
    pub fn nonce(this: &Loose) -> JsValue;
    #[wasm_bindgen(method, getter)]
    pub fn code(this: &Loose) -> JsValue;
    #[wasm_bindgen(method, getter)]
    pub fn message(this: &Loose) -> JsValue;
    #[wasm_bindgen(method, getter)]
    pub fn height(this: &Loose) -> JsValue;
    #[wasm_bindgen(method, getter)]
    pub fn count(this: &Loose) -> JsValue;
    #[wasm_bindgen(method, getter)]
    pub fn reason(this: &Loose) -> JsValue;
    #[wasm_bindgen(method, getter)]
    pub fn status(this: &Loose) -> JsValue;
    #[wasm_bindgen(method, getter)]
    pub fn value(this: &Loose) -> JsValue;
    /// The one member that is read of a page's own object, whose getter may throw.
    #[wasm_bindgen(method, getter, catch)]
    fn then(this: &Loose) -> Result<JsValue, JsValue>;
}

/// `value` as an object, or `None`.
pub fn object(value: JsValue) -> Option<Loose> {
    value.is_object().then(|| value.unchecked_into())
}

/// Whether a page's value is one that will be there later.
pub fn is_promise(value: &JsValue) -> bool {
    value.is_object() && value.unchecked_ref::<Loose>().then().is_ok_and(|then| then.is_function())
}

/// A message from the module.
pub enum Incoming {
    /// The answer to one of our requests.
    Answer { id: f64, message: Message },
    /// An event of the module, or a request if it has an id.
    Told { kind: JsValue, message: Message },
}

/// The maximum of characters that are read from a text of the module.
const BRIEF: u32 = 1000;

/// The beginning of what is a text; `None` for everything else.
pub fn brief(text: &JsValue) -> Option<String> {
    text.is_string().then(|| text.unchecked_ref::<JsString>().slice(0, BRIEF).into())
}

/// Reads the data of a message event; `None` for what is no message of the bridge.
pub fn read(data: JsValue) -> Option<Incoming> {
    if !data.is_object() {
        return None;
    }
    let message: Message = data.unchecked_into();
    let kind = message.kind();
    if kind.is_string() {
        if kind.unchecked_ref::<JsString>().length() > BRIEF {
            return None;
        }
        return Some(Incoming::Told { kind, message });
    }
    let id = message.id().as_f64().filter(|_| kind.is_undefined())?;
    Some(Incoming::Answer { id, message })
}

/// The port and nonce of a handshake; `None` where the message is not one.
pub fn handshake(event: &Received) -> Option<(MessagePort, JsValue)> {
    let data = object(event.data())?;
    if data.protocol().as_f64() != Some(f64::from(embed_protocol::PROTOCOL)) {
        return None;
    }
    let port = event.ports().get(0);
    port.is_object().then(|| (port.unchecked_into(), data.nonce()))
}

/// A new `{type, payload}`.
pub fn new(kind: &JsValue, payload: &JsValue) -> Message {
    let message: Message = Object::new().unchecked_into();
    message.set_kind(kind);
    message.set_payload(payload);
    message
}
