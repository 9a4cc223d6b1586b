//! What operators do to organizations, people and their own credentials, as the list of activity names it.

use embed_base::events::activity::Action;

pub const ACTIONS: [Action; 9] = [
    ORGANIZATION_CREATED,
    ORGANIZATION_RENAMED,
    MEMBER_INVITED,
    MEMBER_ROLE_CHANGED,
    MEMBER_REMOVED,
    SIGNED_IN,
    SESSION_ENDED,
    PERSONAL_TOKEN_CREATED,
    PERSONAL_TOKEN_REVOKED,
];
pub(super) const ORGANIZATION_CREATED: Action = Action("organization.created");
pub(super) const ORGANIZATION_RENAMED: Action = Action("organization.renamed");
pub(super) const MEMBER_INVITED: Action = Action("member.invited");
pub(super) const MEMBER_ROLE_CHANGED: Action = Action("member.role_changed");
pub(super) const MEMBER_REMOVED: Action = Action("member.removed");
pub(super) const SIGNED_IN: Action = Action("session.started");
pub(super) const SESSION_ENDED: Action = Action("session.ended");
pub(super) const PERSONAL_TOKEN_CREATED: Action = Action("personal_token.created");
pub(super) const PERSONAL_TOKEN_REVOKED: Action = Action("personal_token.revoked");
