//! API tokens: with one an external app calls a module's API.
//!
//! A token is shown once, when it is made; only its hash is kept. It is checked from memory, and a revoked one is refused
//! by every server within two seconds. What it may do, from where and how often is fixed when it is made; to change that,
//! make another.

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

use crate::sites::Sites;
use check::Known;
use chrono::{DateTime, TimeDelta, Utc};
use embed_base::Context;
use embed_base::cache::RevisionCache;
use embed_base::change::{Change, Listed as ListedChange};
use embed_base::db::{Topic, Tx};
use embed_base::events::activity::{Action, Actor};
use embed_base::http::{Listed, Paged, Paging, Scope};
use embed_base::secrets::{Bearer, Kind};
use embed_base::{Code, Error, Result, Tenant};
use events::TokenEvent;
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::FromRow;
use sqlx::types::Json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// A token, by its hash.
pub const TOKENS: Topic = Topic("tokens");

/// Tokens that are remembered, at some 500 bytes each.
const REMEMBERED: u64 = 50_000;
/// How long an answer is believed when nothing is heard from the database.
const BELIEVED: Duration = Duration::from_secs(30);
/// How long the old secret of a token that is rotated goes on to count, unless said otherwise: a day.
const OVERLAP: TimeDelta = TimeDelta::hours(24);

/// An API token, without its secret.
#[derive(Clone, Debug, PartialEq, FromRow, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiToken {
    /// Its id.
    pub id: Uuid,
    /// The tenant.
    pub site_id: Uuid,
    /// The module whose API it opens.
    pub module_id: Uuid,
    /// What people call it.
    pub name: String,
    /// SHA-256 of the secret.
    #[serde(skip)]
    pub token_hash: String,
    /// The first eight random characters of the secret, to tell tokens apart.
    #[serde(rename = "prefix")]
    pub token_prefix: String,
    /// What it may do.
    #[schemars(with = "BTreeSet<Scope>")]
    pub scopes: Json<BTreeSet<Scope>>,
    /// The domains whose pages may use it; null for any page that may use the API, and for programs.
    #[schemars(with = "Option<Vec<String>>")]
    pub allowed_domains: Option<Json<Vec<String>>>,
    /// The networks (CIDR) that it may be used from; null for any.
    #[schemars(with = "Option<Vec<String>>")]
    pub allowed_ips: Option<Json<Vec<String>>>,
    /// Requests per minute.
    pub rate_limit: i64,
    /// When it was last used; some seconds late.
    pub last_used_at: Option<DateTime<Utc>>,
    /// How often it was used; some seconds late.
    pub usage_count: i64,
    /// When it ends; null for never.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was given a successor, if it was; it goes on to count until `expiresAt`.
    pub replaced_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Who made it; null for the command line.
    pub created_by: Option<Uuid>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl Listed for ApiToken {
    const LIST: &'static str = "tokens";

    fn id(&self) -> Uuid {
        self.id
    }
}

/// A token that was just made: the only time that its secret is seen.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CreatedToken {
    /// The secret.
    pub token: String,
    /// Everything else.
    #[serde(flatten)]
    pub details: ApiToken,
}

/// The API tokens. Cheap to clone; clones share what they remember.
#[derive(Clone)]
pub struct Tokens {
    context: Context,
    /// By hash.
    checked: RevisionCache<String, Option<Arc<Known>>>,
}

impl Tokens {
    /// Builds the capability.
    pub fn new(context: &Context) -> Self {
        let looks = context.metrics.cache("tokens");
        let checked = RevisionCache::new(&context.changes, looks, REMEMBERED, BELIEVED);
        Self { context: context.clone(), checked }
    }

    /// Makes a token for a module of a site.
    pub async fn create(&self, by: &Actor, site: Uuid, new: NewToken) -> Result<CreatedToken> {
        let (now, module) = (self.context.clock.now(), new.module_id);
        let checked = new.check(self.context.settings.server.dev, now)?;
        let secret = Bearer::random(Kind::Live, &self.context.random);
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
        let change = self.context.change(&tenant, by).await?;
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

    /// One token of a site, or 404 `token_not_found`.
    pub async fn find(&self, site: Uuid, id: Uuid) -> Result<ApiToken> {
        let mut tx = self.context.db.read(site).await?;
        store::find(&mut tx, site, id).await?.ok_or_else(|| not_found(id))
    }

    /// The token that has this id, whatever its site: for an operator of the whole installation.
    pub async fn find_anywhere(&self, id: Uuid) -> Result<ApiToken> {
        let mut tx = self.context.db.read_global().await?;
        store::find_anywhere(&mut tx, id).await?.ok_or_else(|| not_found(id))
    }

    /// Ends a token at once. To revoke it again is no change.
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

    /// Makes a token that may do the same for as long, with a new secret. The old one goes on to count for `overlap`, so
    /// that an app can be moved without a gap, and no longer than it would have; it can be rotated no second time.
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
        if !old.counts_at(now) {
            return Err(ended(&old));
        }
        let end = now + overlap.unwrap_or(OVERLAP).max(TimeDelta::zero());
        let end = old.expires_at.map_or(end, |expires| expires.min(end));
        if !store::replace(&mut change, site, id, (now, end)).await? {
            // Revoked or rotated by somebody else, maybe since it was read.
            let old = store::find(&mut change, site, id).await?.ok_or_else(|| not_found(id))?;
            return Err(if old.counts_at(now) { replaced(&old) } else { ended(&old) });
        }
        change.forget(TOKENS, &old.token_hash);
        let secret = Bearer::random(Kind::Live, &self.context.random);
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

    /// Whom a change of a token belongs to.
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
    pub fn counts_at(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| end > now)
    }
}

/// How often a token was used, and when last.
#[derive(Clone, Copy, Debug)]
pub struct TokenUses {
    /// Calls.
    pub times: i64,
    /// The last of them.
    pub last: DateTime<Utc>,
}

/// Adds up what a token was used for, in a transaction that crosses sites.
pub async fn count_uses(tx: &mut Tx, token: Uuid, uses: &TokenUses) -> Result<()> {
    store::count_uses(tx, token, uses).await
}

fn ended(token: &ApiToken) -> Error {
    let detail = format!("Token {} has ended, so there is nothing to rotate; make a new one.", token.name);
    Error::new(Code::TokenEnded, detail)
}

fn replaced(token: &ApiToken) -> Error {
    let detail = format!(
        "Token {} was rotated already; rotate its successor, or make a new one where that is lost.",
        token.name
    );
    Error::new(Code::TokenReplaced, detail)
}

fn not_found(id: Uuid) -> Error {
    let detail = format!(
        "There is no token {id} there. `embed-server token list --site … --module …` prints those that are."
    );
    Error::new(Code::TokenNotFound, detail)
}
