//! The events of the authorization server, and what people do to clients and grants.

use super::store::StoredGrant;
use embed_base::events::Event;
use embed_base::events::activity::Action;
use serde::Serialize;
use uuid::Uuid;

pub const ACTIONS: [Action; 6] =
    [CLIENT_CREATED, CLIENT_CHANGED, CLIENT_ROTATED, CLIENT_DELETED, GRANT_CREATED, GRANT_REVOKED];
pub(super) const CLIENT_CREATED: Action = Action("oauth_client.created");
pub(super) const CLIENT_CHANGED: Action = Action("oauth_client.changed");
pub(super) const CLIENT_ROTATED: Action = Action("oauth_client.rotated");
pub(super) const CLIENT_DELETED: Action = Action("oauth_client.deleted");
pub(super) const GRANT_CREATED: Action = Action("oauth_grant.created");
pub(super) const GRANT_REVOKED: Action = Action("oauth_grant.revoked");

/// The kinds of events that the authorization server records.
pub const EVENTS: [&str; 3] = ["oauth.grant_created", "oauth.grant_revoked", "oauth.client_changed"];

/// A person has allowed an app something.
#[derive(Clone, Debug)]
pub(super) struct GrantCreated<'a>(pub &'a StoredGrant);

impl Event for GrantCreated<'_> {
    fn kind(&self) -> &'static str {
        EVENTS[0]
    }

    fn data(&self) -> impl Serialize {
        let StoredGrant { id, client, client_name, user_id, scopes, .. } = self.0;
        serde_json::json!({
            "grantId": id, "clientId": client, "name": client_name, "userId": user_id, "scopes": scopes,
        })
    }
}

/// A client has another name or other redirect URIs.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClientChanged<'a> {
    pub client_id: &'a str,
    pub name: &'a str,
}

impl Event for ClientChanged<'_> {
    fn kind(&self) -> &'static str {
        EVENTS[2]
    }

    fn data(&self) -> impl Serialize {
        self
    }
}

/// What was allowed to a client has ended.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GrantRevoked<'a> {
    pub grant_id: Uuid,
    pub client_id: &'a str,
}

impl Event for GrantRevoked<'_> {
    fn kind(&self) -> &'static str {
        EVENTS[1]
    }

    fn data(&self) -> impl Serialize {
        self
    }
}
