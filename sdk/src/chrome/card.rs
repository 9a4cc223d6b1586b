//! The error card that replaces a frame.

use crate::dom;
use crate::fault::Fault;
use crate::translations::Words;
use web_sys::{HtmlElement, Node};

/// Tells the visitor that the module cannot be shown, and offers to retry. Advice for the site's developer is in the console, not
/// here; the code is shown so that a visitor can report it. Returns the card and its button.
pub fn build(parent: &Node, fault: &Fault, words: &Words) -> Option<(HtmlElement, HtmlElement)> {
    let card = dom::append(parent, "div", "cover card")?;
    dom::set(&card, "role", "alert");
    dom::append(&card, "p", "")?.set_text_content(Some(words.failed));
    dom::append(&card, "code", "")?.set_text_content(Some(&fault.code));
    let button = dom::append(&card, "button", "retry")?;
    dom::set(&button, "type", "button");
    button.set_text_content(Some(words.retry));
    Some((card, button))
}
