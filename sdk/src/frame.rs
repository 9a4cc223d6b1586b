//! Which handshake belongs to which load of the frame.
//!
//! A document sends its handshake while it is parsed, before its `load` event, and says on its port when it goes. So the first
//! handshake is accepted at once; a second one is kept until the document before it has gone, or a `load` shows that it came from
//! a new document. What a `load` without a handshake means is open: the two come from another process on different channels, so
//! it can overtake its handshake; a page may say nothing; and some browsers fire it where only the fragment changes.

use std::cell::{Cell, RefCell};
use web_sys::MessagePort;

/// The handshakes and loads of one frame.
#[derive(Default)]
pub struct Loads {
    /// The present document has shaken hands.
    taken: Cell<bool>,
    /// Its `load` has not come yet.
    load_is_due: Cell<bool>,
    /// A `load` has come, and no document has shaken hands: its handshake may have been overtaken.
    is_overtaken: Cell<bool>,
    next: RefCell<Option<MessagePort>>,
}

/// What a `load` event means.
pub enum Load {
    /// The document that has shaken hands is complete.
    Known,
    /// A new document, which has shaken hands before.
    New(MessagePort),
    /// Perhaps a new document.
    Unknown,
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

    /// The present document is there, and its `load` is still to come.
    pub fn expect(&self) {
        self.taken.set(true);
        self.load_is_due.set(!self.is_overtaken.replace(false));
    }

    /// A `load` event.
    pub fn loaded(&self) -> Load {
        let was_due = self.load_is_due.replace(false);
        self.is_overtaken.set(!self.taken.get());
        match self.next.take() {
            Some(port) => Load::New(port),
            None if was_due => Load::Known,
            None => Load::Unknown,
        }
    }

    /// The document that has shaken hands is gone. Returns the handshake of the one that is there, if it has shaken hands.
    pub fn gone(&self) -> Option<MessagePort> {
        let next = self.next.take();
        self.taken.set(next.is_some());
        next
    }

    /// A new frame.
    pub fn reset(&self) {
        self.gone();
        self.taken.set(false);
        self.load_is_due.set(false);
        self.is_overtaken.set(false);
    }
}
