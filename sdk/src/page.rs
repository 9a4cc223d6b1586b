//! Watches the page for elements that are added and removed, as in single-page apps.

use crate::dom;
use crate::link::Link;
use wasm_bindgen::prelude::*;
use web_sys::{MutationObserver, MutationObserverInit};

/// From now on, elements with `data-dramac-embed` that appear are embedded, embeds whose element has left the page are
/// destroyed, and what floats above the page goes on where the page replaces its body. Nothing runs while the page does
/// not change.
pub fn watch(link: &Link) {
    let link = link.clone();
    let changed = Closure::<dyn FnMut()>::new(move || {
        link.scan();
        for embed in crate::embeds() {
            if let Some(element) = embed.element().filter(|element| !element.is_connected()) {
                embed.destroy();
                // If it is added again, it gets a new embed.
                link.seen().delete(&element);
            } else {
                embed.stay();
            }
        }
    });
    if let Ok(observer) = MutationObserver::new(&changed.into_js_value().unchecked_into()) {
        let what = MutationObserverInit::new();
        what.set_child_list(true);
        what.set_subtree(true);
        let _ = observer.observe_with_options(&dom::document(), &what);
    }
}
