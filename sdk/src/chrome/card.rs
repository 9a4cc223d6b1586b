//! The card that stands in for a frame that could not come.

use crate::dom;
use crate::fault::Fault;
use gloo_events::EventListener;
use web_sys::{HtmlElement, Node};

/// Says to the visitor that there is nothing to see, and offers to try again. What the site's developer has to do is
/// said in the console, not here; the code is there so that a visitor can report it.
pub fn build(parent: &Node, fault: &Fault, mut retry: impl FnMut() + 'static) -> Option<HtmlElement> {
    let card = dom::append(parent, "div", "cover card")?;
    dom::set(&card, "role", "alert");
    let text = dom::append(&card, "p", "")?;
    text.set_text_content(Some("This content could not be loaded."));
    let code = dom::append(&card, "code", "")?;
    code.set_text_content(Some(&fault.code));
    let button = dom::append(&card, "button", "retry")?;
    dom::set(&button, "type", "button");
    button.set_text_content(Some("Retry"));
    // The listener goes when the button does: nothing else holds it.
    EventListener::new(&button, "click", move |_| retry()).forget();
    Some(card)
}
