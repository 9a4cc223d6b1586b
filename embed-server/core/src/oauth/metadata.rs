//! What the server says of itself: RFC 8414 for apps, RFC 9728 for those who meet a module's API first.

use super::OAuth;
use crate::modules::Published;
use embed_base::http::{Scope, Verb};
use serde_json::{Value, json};
use uuid::Uuid;

impl OAuth {
    /// The authorization server's metadata (RFC 8414). What is not named here is not supported.
    pub(super) fn metadata(&self) -> Value {
        let issuer = self.issuer();
        let authentication = ["client_secret_basic", "client_secret_post", "none"];
        json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/oauth/authorize"),
            "token_endpoint": format!("{issuer}/oauth/token"),
            "revocation_endpoint": format!("{issuer}/oauth/revoke"),
            "introspection_endpoint": format!("{issuer}/oauth/introspect"),
            "userinfo_endpoint": format!("{issuer}/oauth/userinfo"),
            "jwks_uri": format!("{issuer}/oauth/jwks"),
            "scopes_supported": ["read", "write", "delete", "profile"],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "prompt_values_supported": ["none", "login", "consent", "select_account"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": authentication,
            "revocation_endpoint_auth_methods_supported": authentication,
            "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "authorization_response_iss_parameter_supported": true,
            "request_parameter_supported": false,
            "request_uri_parameter_supported": false,
        })
    }

    /// The address of a module's metadata.
    pub fn resource_metadata_address(&self, module: Uuid) -> String {
        format!("{}/.well-known/oauth-protected-resource/api/v1/modules/{module}", self.issuer())
    }

    /// The metadata of a module's API (RFC 9728), with the scopes of its collections.
    pub(super) fn resource_metadata(&self, published: &Published) -> Value {
        let verbs = Verb::ALL.map(Scope::Records);
        let collections = published.manifest.collections.keys();
        let of_collections =
            collections.flat_map(|name| Verb::ALL.map(|verb| Scope::Collection(verb, name.clone())));
        let scopes: Vec<_> = verbs.into_iter().chain(of_collections).map(|scope| scope.to_string()).collect();
        json!({
            "resource": self.resource(published.module),
            "resource_name": published.name(),
            "authorization_servers": [self.issuer()],
            "bearer_methods_supported": ["header"],
            "scopes_supported": scopes,
        })
    }
}
