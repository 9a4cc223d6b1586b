//! Which handshake belongs to which load of the frame.
//!
//! A document sends its handshake while it is parsed, before its `load` event. So the first handshake is accepted at once; a
//! second one is kept until a `load` shows that it came from a new document, and is never accepted otherwise. The two come from
//! another process on different channels, so a `load` can overtake its handshake, which is then accepted at once.

use std::cell::{Cell, RefCell};
use web_sys::MessagePort;

/// The handshakes and loads of one frame.
#[derive(Default)]
pub struct Loads {
    /// The present document has shaken hands.
    taken: Cell<bool>,
    /// Its `load` has not come yet.
    load_is_due: Cell<bool>,
    /// The present document has not shaken hands, and its `load` has come: messages of another process may be overtaken.
    is_overtaken: Cell<bool>,
    next: RefCell<Option<MessagePort>>,
}

impl Loads {
    /// Returns the port if the handshake is accepted now.
    pub fn admit(&self, port: MessagePort) -> Option<MessagePort> {
        if self.taken.get() {
            self.next.replace(Some(port));
            return None;
        }
        self.expect();
        Some(port)
    }

    /// The present document is there, and its `load` is still to come, unless that has come first.
    pub fn expect(&self) {
        self.taken.set(true);
        self.load_is_due.set(!self.is_overtaken.replace(false));
    }

    /// A `load` event: whether it belongs to the document that has shaken hands, and otherwise the handshake of the new
    /// one, where there was one.
    pub fn loaded(&self) -> (bool, Option<MessagePort>) {
        let next = self.next.take();
        let was_due = self.load_is_due.replace(false);
        if next.is_none() && was_due {
            return (true, None);
        }
        self.taken.set(next.is_some());
        self.is_overtaken.set(next.is_none());
        (false, next)
    }

    /// A new frame.
    pub fn reset(&self) {
        self.taken.set(false);
        self.load_is_due.set(false);
        self.is_overtaken.set(false);
        self.next.take();
    }
}
