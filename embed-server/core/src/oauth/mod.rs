//! The OAuth 2.1 authorization server (RFC 9700): external apps act for a person on a module's data.
//!
//! A *client* is an app that a module's admins have registered. What a person allows it is a *grant*; each time that it
//! asks, it gets a *family*: one code, the refresh tokens that follow from it, and their access tokens. Each of the three
//! can be ended, and every server sees that within two seconds.

mod answer;
mod client_auth;
mod client_credentials;
mod client_input;
mod clients;
mod code;
mod consent;
mod ended;
mod errors;
mod events;
mod families;
mod grants;
mod inspect;
mod keys;
pub mod manage;
mod managed;
mod metadata;
mod origins;
mod parameters;
mod prune;
mod redirect_uri;
mod refresh;
mod request;
pub mod routes;
mod store;
mod token;

pub use answer::Answered;
pub use client_auth::{CLIENT_LIMIT, FAILURES, TOKENS_LIMIT};
pub use client_input::{ClientChanges, ClientToRotate, MOST_ORIGINS, MOST_REDIRECT_URIS, NewClient};
pub use clients::{Client, CreatedClient, MOST_CLIENTS, SECRET_PREFIX};
pub use consent::{Decision, Question, SignedIn, Step};
pub use ended::GrantEnder;
pub use errors::oauth_error;
pub use events::{ACTIONS, EVENTS};
pub use grants::AppGrant;
pub use keys::RotatedKeys;
pub use managed::ManagedClient;
pub use redirect_uri::{MAX_REDIRECT_URI, RedirectUri, Target};
pub use request::{AuthorizationRequest, Begun, WAITING};
pub use routes::STRANGERS;
pub use token::GRANT_LIMIT;

use crate::accounts::Accounts;
use crate::modules::Modules;
use crate::sites::Sites;
use embed_base::Context;
use embed_base::cache::RevisionCache;
use embed_base::db::Topic;
use keys::Keys;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use token::VerifiedToken;
use uuid::Uuid;

/// A client, by its client id; and the clients of a module, by the module's id.
pub const CLIENTS: Topic = Topic("oauth clients");
/// What a client was allowed, by the grant's id.
pub const GRANTS: Topic = Topic("oauth grants");
/// What one authorization gave, by the family's id.
pub const FAMILIES: Topic = Topic("oauth families");
/// The signing keys, all under one key.
const KEY_SET: Topic = Topic("oauth keys");

/// Clients in the cache, about a kilobyte each.
const CLIENT_ENTRIES: u64 = 10_000;
/// Access tokens in the cache, about a kilobyte each.
const TOKEN_ENTRIES: u64 = 50_000;
/// The longest time that a cached value is used while the database does not answer.
const CACHE_LIFETIME: Duration = Duration::from_secs(30);

/// The authorization server. Cheap to clone; clones share their caches.
#[derive(Clone)]
pub struct OAuth {
    context: Context,
    accounts: Accounts,
    modules: Modules,
    sites: Sites,
    clients: RevisionCache<String, Option<Arc<Client>>>,
    /// By the SHA-256 of the token, so that only its first use verifies the signature.
    tokens: RevisionCache<String, Arc<VerifiedToken>>,
    /// By module, the origins of its clients.
    origins: RevisionCache<Uuid, Arc<HashSet<String>>>,
    keys: Keys,
}

impl OAuth {
    pub fn new(context: &Context, accounts: Accounts, modules: Modules, sites: Sites) -> Self {
        let metrics = context.metrics.cache("oauth clients");
        let clients = RevisionCache::new(&context.changes, metrics, CLIENT_ENTRIES, CACHE_LIFETIME);
        let metrics = context.metrics.cache("oauth tokens");
        let tokens = RevisionCache::new(&context.changes, metrics, TOKEN_ENTRIES, CACHE_LIFETIME);
        let metrics = context.metrics.cache("oauth origins");
        let origins = RevisionCache::new(&context.changes, metrics, CLIENT_ENTRIES, CACHE_LIFETIME);
        let keys = Keys::new(context);
        Self { context: context.clone(), accounts, modules, sites, clients, tokens, origins, keys }
    }

    /// The issuer: the public URL, the same to the byte wherever it stands.
    pub fn issuer(&self) -> &str {
        &self.context.settings.server.public_url
    }

    /// Lets the next key sign access tokens; with `compromised`, ends the key of that id and all that it signed.
    pub async fn rotate_keys(&self, compromised: Option<&str>) -> embed_base::Result<RotatedKeys> {
        self.keys.rotate(compromised).await
    }
}
