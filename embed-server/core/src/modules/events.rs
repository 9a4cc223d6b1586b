//! The events of modules, and what operators do to them.

use embed_base::events::Event;
use embed_base::events::activity::Action;
use serde::Serialize;

pub const ACTIONS: [Action; 4] = [MODULE_PUBLISHED, MODULE_ROLLED_BACK, MODULE_UNPUBLISHED, MODULE_CHANGED];
pub(super) const MODULE_PUBLISHED: Action = Action("module.published");
pub(super) const MODULE_ROLLED_BACK: Action = Action("module.rolled_back");
pub(super) const MODULE_UNPUBLISHED: Action = Action("module.unpublished");
pub(super) const MODULE_CHANGED: Action = Action("module.changed");

/// The kinds of events that modules record.
pub const EVENTS: [&str; 1] = ["module.published"];

/// A version of a module is served from now on.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ModulePublished<'a> {
    pub name: &'a str,
    pub version: &'a str,
}

impl Event for ModulePublished<'_> {
    fn kind(&self) -> &'static str {
        EVENTS[0]
    }

    fn data(&self) -> impl Serialize {
        self
    }
}
