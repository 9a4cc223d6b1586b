//! API tokens, with which external apps call a module's API.
//!
//! A token is shown once, when it is created; only its hash is stored. Tokens are checked from a cache, and every
//! server refuses a revoked one within two seconds. What a token may do, from where and how often never changes;
//! another token is created for that.

mod check;
mod events;
mod input;
mod managed;
mod prune;
pub mod routes;
mod store;

pub use events::{ACTIONS, EVENTS};
pub use input::{NewToken, RATE_LIMIT, TokenToRotate};
pub use managed::ManagedToken;

use crate::modules;
use crate::sites::Sites;
use check::CheckedToken;
use chrono::{DateTime, TimeDelta, Utc};
use embed_base::Context;
use embed_base::cache::RevisionCache;
use embed_base::change::{Change, Listed as ListedChange};
use embed_base::db::{Topic, Tx};
use embed_base::events::activity::{Action, Actor};
use embed_base::http::{Listed, Paged, Paging, Scope, ScopeSet};
use embed_base::secrets::{Bearer, SecretKind};
use embed_base::{Code, Error, Result, Tenant};
use events::TokenEvent;
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::FromRow;
use sqlx::types::Json;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// A token, by its hash.
pub const TOKENS: Topic = Topic("tokens");

/// Tokens in the cache, about 500 bytes each.
const CACHE_ENTRIES: u64 = 50_000;
/// The longest time that a cached token is used while the database does not answer.
const CACHE_LIFETIME: Duration = Duration::from_secs(30);
/// The default time that the old secret stays valid after a rotation.
const OVERLAP: TimeDelta = TimeDelta::hours(24);

/// An API token, without its secret.
#[derive(Clone, Debug, PartialEq, FromRow, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiToken {
    /// The token's id.
    pub id: Uuid,
    /// The site that it belongs to.
    pub site_id: Uuid,
    /// The module whose API it may call.
    pub module_id: Uuid,
    /// The token's name.
    pub name: String,
    /// SHA-256 of the secret.
    #[serde(skip)]
    pub token_hash: String,
    /// The first eight random characters of the secret, which tell tokens apart.
    #[serde(rename = "prefix")]
    pub token_prefix: String,
    /// What it may do.
    #[schemars(with = "ScopeSet")]
    pub scopes: Json<ScopeSet>,
    /// The domains whose pages may use it; null for any page that may call the API, and for programs.
    #[schemars(with = "Option<Vec<String>>")]
    pub allowed_domains: Option<Json<Vec<String>>>,
    /// The networks (CIDR) that it may be used from; null for any.
    #[schemars(with = "Option<Vec<String>>")]
    pub allowed_ips: Option<Json<Vec<String>>>,
    /// Requests per minute.
    pub rate_limit: i64,
    /// When it was last used, a few seconds late.
    pub last_used_at: Option<DateTime<Utc>>,
    /// How often it was used, a few seconds late.
    pub usage_count: i64,
    /// When it expires; null for never.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was rotated; it stays valid until `expiresAt`.
    pub replaced_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// The person that created it; null for the command line.
    pub created_by: Option<Uuid>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
}

impl Listed for ApiToken {
    const LIST: &'static str = "tokens";

    fn id(&self) -> Uuid {
        self.id
    }
}

/// A new token: the only response that contains its secret.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CreatedToken {
    /// The secret.
    pub token: String,
    /// The token without its secret.
    #[serde(flatten)]
    pub details: ApiToken,
}

/// API tokens. Cheap to clone; clones share one cache.
#[derive(Clone)]
pub struct Tokens {
    context: Context,
    /// By the secret's hash.
    checked: RevisionCache<String, Option<Arc<CheckedToken>>>,
}

impl Tokens {
    pub fn new(context: &Context) -> Self {
        let metrics = context.metrics.cache("tokens");
        let checked = RevisionCache::new(&context.changes, metrics, CACHE_ENTRIES, CACHE_LIFETIME);
        Self { context: context.clone(), checked }
    }

    /// Creates a token for a module of a site. While the module is published, scopes can only name collections that it
    /// has.
    pub async fn create(&self, by: &Actor, site: Uuid, new: NewToken) -> Result<CreatedToken> {
        let (now, module) = (self.context.clock.now(), new.module_id);
        let checked = new.check(self.context.settings.server.dev, now)?;
        let secret = Bearer::random(SecretKind::Live, &self.context.random);
        let token = ApiToken {
            id: self.context.ids.next(),
            site_id: site,
            module_id: module,
            name: checked.name,
            token_hash: secret.hash(),
            token_prefix: secret.shown_prefix().to_owned(),
            scopes: Json(checked.scopes),
            allowed_domains: checked.allowed_domains.map(Json),
            allowed_ips: checked.allowed_ips.map(Json),
            rate_limit: checked.rate_limit.get().into(),
            last_used_at: None,
            usage_count: 0,
            expires_at: checked.expires_at,
            replaced_at: None,
            revoked_at: None,
            created_by: by.person(),
            created_at: now,
        };
        let tenant = Sites::new(&self.context).tenant(site, Some(module)).await?;
        let mut change = self.context.change(&tenant, by).await?;
        if let Some(manifest) = modules::served_manifest(&mut change, site, module).await? {
            let mut named = token.scopes.iter().filter_map(Scope::collection);
            if let Some(unknown) = named.find(|name| !manifest.collections.contains_key(*name)) {
                return Err(Error::invalid(manifest.no_collection(unknown)));
            }
        }
        insert(change, secret, token, events::TOKEN_CREATED).await
    }

    /// A module's tokens, newest first.
    pub async fn list(&self, site: Uuid, module: Uuid) -> Result<Vec<ApiToken>> {
        let mut tx = self.context.db.read(site).await?;
        store::list(&mut tx, site, module).await
    }

    /// A site's tokens, newest first.
    pub async fn page(&self, site: Uuid, paging: &Paging<ApiToken>) -> Result<Paged<ApiToken>> {
        let mut tx = self.context.db.read(site).await?;
        store::page(&mut tx, site, paging).await.map(|found| paging.page(found))
    }

    /// A token of a site, or 404 `token_not_found`.
    pub async fn find(&self, site: Uuid, id: Uuid) -> Result<ApiToken> {
        let mut tx = self.context.db.read(site).await?;
        store::find(&mut tx, site, id).await?.ok_or_else(|| not_found(id))
    }

    /// The token with this id in any site, for an operator of the whole installation.
    pub async fn find_anywhere(&self, id: Uuid) -> Result<ApiToken> {
        let mut tx = self.context.db.read_global().await?;
        store::find_anywhere(&mut tx, id).await?.ok_or_else(|| not_found(id))
    }

    /// Revokes a token at once. Revoking it again changes nothing.
    pub async fn revoke(&self, by: &Actor, site: Uuid, id: Uuid) -> Result<ApiToken> {
        let mut change = self.context.change(&self.tenant(site, id).await?, by).await?;
        let now = change.now();
        let token = store::find(&mut change, site, id).await?.ok_or_else(|| not_found(id))?;
        if token.revoked_at.is_some() {
            return Ok(token);
        }
        store::revoke(&mut change, site, id, now).await?;
        change.event(&TokenEvent { token_id: id, name: &token.name, revoked: true })?;
        change.forget(TOKENS, &token.token_hash);
        change.commit(events::TOKEN_REVOKED, &token.name).await?;
        Ok(ApiToken { revoked_at: Some(now), ..token })
    }

    /// Creates a token with the same permissions and expiry, and a new secret. The old token stays valid for
    /// `overlap`, but not beyond its own expiry, so that an app can switch without a gap; it cannot be rotated again.
    pub async fn rotate(
        &self,
        by: &Actor,
        site: Uuid,
        id: Uuid,
        overlap: Option<TimeDelta>,
    ) -> Result<CreatedToken> {
        let mut change = self.context.change(&self.tenant(site, id).await?, by).await?;
        let now = change.now();
        let old = store::find(&mut change, site, id).await?.ok_or_else(|| not_found(id))?;
        if !old.is_valid_at(now) {
            return Err(ended(&old));
        }
        let end = now + overlap.unwrap_or(OVERLAP).max(TimeDelta::zero());
        let end = old.expires_at.map_or(end, |expires| expires.min(end));
        if !store::replace(&mut change, site, id, (now, end)).await? {
            // Another operator may have revoked or rotated it since it was read.
            let old = store::find(&mut change, site, id).await?.ok_or_else(|| not_found(id))?;
            return Err(if old.is_valid_at(now) { replaced(&old) } else { ended(&old) });
        }
        change.forget(TOKENS, &old.token_hash);
        let secret = Bearer::random(SecretKind::Live, &self.context.random);
        let token = ApiToken {
            id: change.id(),
            token_hash: secret.hash(),
            token_prefix: secret.shown_prefix().to_owned(),
            last_used_at: None,
            usage_count: 0,
            created_by: by.person(),
            created_at: now,
            ..old
        };
        insert(change, secret, token, events::TOKEN_ROTATED).await
    }

    /// The tenant of a token's module.
    async fn tenant(&self, site: Uuid, id: Uuid) -> Result<Tenant> {
        let token = self.find(site, id).await?;
        Sites::new(&self.context).tenant(site, Some(token.module_id)).await
    }
}

async fn insert(
    mut change: Change<ListedChange>,
    secret: Bearer,
    token: ApiToken,
    action: Action,
) -> Result<CreatedToken> {
    store::insert(&mut change, &token).await?;
    change.event(&TokenEvent { token_id: token.id, name: &token.name, revoked: false })?;
    change.forget(TOKENS, &token.token_hash);
    change.commit(action, &token.name).await?;
    Ok(CreatedToken { token: secret.reveal().to_owned(), details: token })
}

impl ApiToken {
    /// Whether it is neither revoked nor expired.
    pub fn is_valid_at(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| end > now)
    }
}

/// The use of a token since it was last counted.
#[derive(Clone, Copy, Debug)]
pub struct TokenUses {
    /// The number of calls.
    pub times: i64,
    /// The time of the last call.
    pub last: DateTime<Utc>,
}

/// Adds to the use count of a token, in a transaction that crosses sites.
pub async fn count_uses(tx: &mut Tx, token: Uuid, uses: &TokenUses) -> Result<()> {
    store::count_uses(tx, token, uses).await
}

fn ended(token: &ApiToken) -> Error {
    let detail = format!(
        "Token {} has expired or was revoked, so it cannot be rotated; create a new one.",
        token.name
    );
    Error::new(Code::TokenEnded, detail)
}

fn replaced(token: &ApiToken) -> Error {
    let detail = format!(
        "Token {} was already rotated; rotate its successor, or create a new token if that is lost.",
        token.name
    );
    Error::new(Code::TokenReplaced, detail)
}

fn not_found(id: Uuid) -> Error {
    let detail = format!(
        "There is no token {id} here. `embed-server token list --site … --module …` lists the tokens."
    );
    Error::new(Code::TokenNotFound, detail)
}
