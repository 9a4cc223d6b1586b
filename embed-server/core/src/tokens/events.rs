//! The events of API tokens, and what operators do to them.

use embed_base::events::Event;
use embed_base::events::activity::Action;
use serde::Serialize;
use uuid::Uuid;

pub const ACTIONS: [Action; 3] = [TOKEN_CREATED, TOKEN_ROTATED, TOKEN_REVOKED];
pub(super) const TOKEN_CREATED: Action = Action("token.created");
pub(super) const TOKEN_ROTATED: Action = Action("token.rotated");
pub(super) const TOKEN_REVOKED: Action = Action("token.revoked");

/// The kinds of events that tokens record.
pub const EVENTS: [&str; 2] = ["token.created", "token.revoked"];

/// A token was created or revoked.
#[derive(Clone, Debug)]
pub(super) struct TokenEvent<'a> {
    pub token_id: Uuid,
    pub name: &'a str,
    pub revoked: bool,
}

impl Event for TokenEvent<'_> {
    fn kind(&self) -> &'static str {
        EVENTS[usize::from(self.revoked)]
    }

    fn data(&self) -> impl Serialize {
        serde_json::json!({ "tokenId": self.token_id, "name": self.name })
    }
}
