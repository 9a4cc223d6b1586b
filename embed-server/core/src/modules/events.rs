//! What happens to modules, and what operators do to them.

use embed_base::events::Event;
use embed_base::events::activity::Action;
use serde::Serialize;

/// What operators do to modules.
pub const ACTIONS: [Action; 3] = [MODULE_PUBLISHED, MODULE_ROLLED_BACK, MODULE_UNPUBLISHED];
pub(super) const MODULE_PUBLISHED: Action = Action("module.published");
pub(super) const MODULE_ROLLED_BACK: Action = Action("module.rolled_back");
pub(super) const MODULE_UNPUBLISHED: Action = Action("module.unpublished");

/// The kinds of events that are recorded here.
pub const EVENTS: [&str; 1] = ["module.published"];

/// A version of a module is served from now on.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Published<'a> {
    pub name: &'a str,
    pub version: &'a str,
}

impl Event for Published<'_> {
    fn kind(&self) -> &'static str {
        EVENTS[0]
    }

    fn data(&self) -> impl Serialize {
        self
    }
}
