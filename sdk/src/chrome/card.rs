//! The card that stands in for a frame that could not come.

use crate::dom;
use crate::fault::Fault;
use crate::wording::Words;
use web_sys::{HtmlElement, Node};

/// Says to the visitor that there is nothing to see, and offers to try again. What the site's developer has to do is
/// said in the console, not here; the code is there so that a visitor can report it. Gives the card and its button.
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
