//! The OAuth 2.1 authorization server (RFC 9700): external apps act for a person on a module's data.
//!
//! A *client* is an app that a module's admins have registered. What a person allows it is a *grant*; each time that it
//! asks, it gets a *family*: one code, the refresh tokens that follow from it, and their access tokens. Each of the three
//! can be ended, and every server sees that within two seconds.

mod client_input;
mod clients;
mod events;
pub mod manage;
mod managed;
mod redirect_uri;
mod store;

pub use client_input::{ClientChanges, ClientToRotate, MOST_ORIGINS, MOST_REDIRECT_URIS, NewClient};
pub use clients::{Client, CreatedClient, MOST_CLIENTS, SECRET_PREFIX};
pub use events::{ACTIONS, EVENTS};
pub use managed::ManagedClient;
pub use redirect_uri::{MAX_REDIRECT_URI, RedirectUri, Target};

use crate::accounts::Accounts;
use crate::modules::Modules;
use crate::sites::Sites;
use embed_base::Context;
use embed_base::cache::RevisionCache;
use embed_base::db::Topic;
use std::sync::Arc;
use std::time::Duration;

/// A client, by its client id.
pub const CLIENTS: Topic = Topic("oauth clients");
/// What a client was allowed, by the grant's id.
pub const GRANTS: Topic = Topic("oauth grants");

/// Clients in the cache, about a kilobyte each.
const CLIENT_ENTRIES: u64 = 10_000;
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
}

impl OAuth {
    pub fn new(context: &Context, accounts: Accounts, modules: Modules, sites: Sites) -> Self {
        let cache = context.metrics.cache("oauth clients");
        let clients = RevisionCache::new(&context.changes, cache, CLIENT_ENTRIES, CACHE_LIFETIME);
        Self { context: context.clone(), accounts, modules, sites, clients }
    }
}
