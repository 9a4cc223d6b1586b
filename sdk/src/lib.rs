//! The part of the SDK that the loader loads into a host page: the chrome around a module's iframe, the bridge to the module,
//! and the life cycle of each embed.
//!
//! The loader (`cdn/loader/embed.js`) calls three functions: [`start`] once, [`take`] for each embed, and [`call`] for
//! each method that a page calls on a handle. Everything else handles browser events.
//!
//! Nothing in this crate may panic: a trap would end every embed of the page. And no `RefCell` is borrowed while
//! JavaScript runs, since a page's handler may call back into any method, `destroy` included.

#![forbid(unsafe_code)]

mod bridge;
mod chrome;
mod config;
mod dom;
mod embed;
mod fault;
mod frame;
mod handlers;
mod link;
mod message;
mod policy;
mod translations;

use embed::Embed;
use js_sys::Promise;
use link::{Handle, Link, Slot};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// The standard library's allocator would weigh 6 KB before compression.
#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

thread_local! {
    /// The loader's functions, since [`start`].
    static LINK: RefCell<Option<Link>> = const { RefCell::new(None) };
    /// Every embed that was taken over and not destroyed.
    static EMBEDS: RefCell<Vec<Rc<Embed>>> = const { RefCell::new(Vec::new()) };
}

/// The methods of a handle, in the order of the loader's list.
#[derive(Clone, Copy)]
enum Method {
    Open,
    Close,
    Toggle,
    Send,
    Request,
    On,
    Once,
    Off,
    Update,
    Destroy,
    /// Not for pages: the time has come to load the frame.
    Load,
}

impl Method {
    const ALL: [Method; 11] = {
        use Method::*;
        [Open, Close, Toggle, Send, Request, On, Once, Off, Update, Destroy, Load]
    };
}

/// Called once by the loader, before any [`take`].
#[wasm_bindgen]
pub fn start(link: Link) {
    LINK.with_borrow_mut(|slot| *slot = Some(link));
}

/// Takes over one embed from the loader, with whatever the loader has started for it.
#[wasm_bindgen]
pub fn take(slot: Slot) {
    let Some(link) = LINK.with_borrow(Clone::clone) else { return };
    if let Some(embed) = Embed::begin(link, slot) {
        EMBEDS.with_borrow_mut(|embeds| embeds.push(Rc::clone(&embed)));
        embed.mount_soon();
    }
}

/// Calls a method of the handle with this id. Calls on a destroyed embed do nothing.
#[wasm_bindgen]
pub fn call(id: u32, method: usize, a: JsValue, b: JsValue, c: JsValue) -> Result<JsValue, JsValue> {
    let Some(&method) = Method::ALL.get(method) else { return Ok(JsValue::UNDEFINED) };
    let embed = EMBEDS.with_borrow(|embeds| embeds.iter().find(|embed| embed.id() == id).cloned());
    let Some(embed) = embed else {
        return Ok(match method {
            Method::Request => Promise::reject(&fault::gone().to_error()).into(),
            _ => JsValue::UNDEFINED,
        });
    };
    match method {
        Method::Open => embed.open(),
        Method::Close => embed.close(),
        Method::Toggle => embed.toggle(),
        Method::Send => embed.bridge.send(a, b)?,
        Method::Request => return Ok(embed.request(&a, &b, c).into()),
        Method::On => embed.bridge.handlers.add(a, b, false)?,
        Method::Once => embed.bridge.handlers.add(a, b, true)?,
        Method::Off => embed.bridge.handlers.remove(&a, &b),
        Method::Update => embed.update(&a)?,
        Method::Destroy => embed.destroy(),
        Method::Load => embed.ensure_frame(),
    }
    Ok(JsValue::UNDEFINED)
}

/// `Dramac.get(namespace)`: the handle of the embed with this namespace.
#[wasm_bindgen]
pub fn find(namespace: JsValue) -> Option<Handle> {
    let is_it = |embed: &&Rc<Embed>| namespace.is_string() && embed.namespace() == namespace;
    EMBEDS.with_borrow(|embeds| embeds.iter().find(is_it).map(|embed| embed.slot.handle()))
}

/// Whether this container has an embed already.
fn is_taken(container: &JsValue) -> bool {
    EMBEDS.with_borrow(|embeds| embeds.iter().any(|embed| embed.is_inline_in(container)))
}

/// Removes an embed that has ended from the list.
fn forget(id: u32) {
    EMBEDS.with_borrow_mut(|embeds| embeds.retain(|embed| embed.id() != id));
}
