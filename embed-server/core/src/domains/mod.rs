//! Allowed domains: which websites may embed a module, and the proof that they are whose they should be.
//!
//! A domain is added by the site's owner and counts once the domain's owner has published a token, in DNS or (not for a
//! wildcard) on its front page. The proof is looked for again daily; see [`schedule`] for what follows from what is
//! found. Loopback domains, which exist in development only, need no proof.

pub mod dns;
mod events;
mod input;
mod instructions;
mod managed;
pub mod meta;
pub mod pattern;
pub mod proof;
mod recheck;
pub mod routes;
pub mod schedule;
mod store;
mod verify;

pub use events::{ACTIONS, EVENTS};
pub use input::{DomainChanges, DomainToAllow, Look};
pub use instructions::{AddedDomain, Instructions, Record};
pub use managed::ManagedDomain;
pub use pattern::{DomainPattern, Origin};

use crate::sites::Sites;
use chrono::{DateTime, Utc};
use embed_base::db::Topic;
use embed_base::events::activity::Actor;
use embed_base::http::{Listed, Paged, Paging};
use embed_base::{Code, Context, Error, Result, Tenant};

use embed_protocol::EmbedType;
use events::{DomainEvent, What};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use sqlx::types::Json;
use uuid::Uuid;

/// The allowed domains of a module, by its id.
pub const DOMAINS: Topic = Topic("domains");

/// API requests per hour that pages of a domain may make, unless set (seed EM-31).
pub const RATE_LIMIT: i64 = 1000;

/// One domain on a module's list.
#[derive(Clone, Debug, PartialEq, FromRow, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllowedDomain {
    /// Its id.
    pub id: Uuid,
    /// The tenant.
    pub site_id: Uuid,
    /// The module that may be embedded.
    pub module_id: Uuid,
    /// A [`DomainPattern`]'s text.
    pub domain: String,
    /// Whether its owner has proved it.
    pub verified: bool,
    /// What its owner publishes, 64 hex digits.
    pub verification_token: String,
    /// When it was proved.
    pub verified_at: Option<DateTime<Utc>>,
    /// How it was proved: `dns`, `meta`, or `loopback`, which needs no proof.
    pub verification_method: Option<String>,
    /// Whether its pages may embed the module.
    pub allow_embed: bool,
    /// Whether its pages may call the module's API.
    pub allow_api: bool,
    /// The ways in which they may embed it; empty means all.
    #[schemars(with = "Vec<EmbedType>")]
    pub embed_types: Json<Vec<EmbedType>>,
    /// API requests per hour.
    pub rate_limit: i64,
    /// When the proof was last seen.
    pub last_proved_at: Option<DateTime<Utc>>,
    /// When the proof was last looked for.
    pub last_checked_at: Option<DateTime<Utc>>,
    /// Why it was not found then.
    pub last_error: Option<String>,
    /// Since when the proof of a verified domain is missing.
    pub missing_since: Option<DateTime<Utc>>,
    /// On how many days in a row it was missing.
    pub missing_days: i64,
    /// When it is looked for next; never for loopback.
    pub next_check_at: Option<DateTime<Utc>>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl AllowedDomain {
    /// The pattern that its text is, or an error for a row that this version would not have written.
    pub fn pattern(&self) -> Result<DomainPattern> {
        DomainPattern::parse(&self.domain, true).map_err(Error::internal)
    }

    fn event(&self, what: What) -> DomainEvent {
        DomainEvent { domain_id: self.id, domain: self.domain.clone(), what }
    }
}

impl Listed for AllowedDomain {
    const LIST: &'static str = "domains";

    fn id(&self) -> Uuid {
        self.id
    }
}

/// A domain to add.
#[derive(Clone, Debug)]
pub struct NewDomain {
    /// Which hosts.
    pub pattern: DomainPattern,
    /// Whether their pages may embed the module.
    pub allow_embed: bool,
    /// Whether they may call its API.
    pub allow_api: bool,
    /// In which ways they may embed it; empty means all.
    pub embed_types: Vec<EmbedType>,
    /// API requests per hour.
    pub rate_limit: i64,
}

/// How a domain can be proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// A TXT record.
    Dns,
    /// A meta tag on the front page.
    Meta,
}

impl Method {
    /// The word for it in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Dns => "dns",
            Method::Meta => "meta",
        }
    }
}

/// The allowed domains. Cheap to clone.
#[derive(Clone)]
pub struct Domains {
    context: Context,
}

impl Domains {
    /// Builds the capability.
    pub fn new(context: &Context) -> Self {
        Self { context: context.clone() }
    }

    /// Reads a domain as a person writes it.
    pub fn pattern(&self, text: &str) -> Result<DomainPattern> {
        DomainPattern::parse(text, self.context.settings.server.dev).map_err(|error| {
            let detail = format!("This domain cannot be allowed: {error}.");
            Error::new(Code::InvalidDomain, detail)
        })
    }

    /// Puts a domain on a module's list. It counts once it is verified.
    pub async fn add(&self, by: &Actor, site: Uuid, module: Uuid, new: NewDomain) -> Result<AllowedDomain> {
        let now = self.context.clock.now();
        let loopback = new.pattern.is_loopback();
        let tenant = Sites::new(&self.context).tenant(site, Some(module)).await?;
        let domain = AllowedDomain {
            id: self.context.ids.next(),
            site_id: site,
            module_id: module,
            domain: new.pattern.to_string(),
            verified: loopback,
            verification_token: self.context.random.hex_token(),
            verified_at: loopback.then_some(now),
            verification_method: loopback.then(|| "loopback".to_owned()),
            allow_embed: new.allow_embed,
            allow_api: new.allow_api,
            embed_types: Json(new.embed_types),
            rate_limit: new.rate_limit,
            last_proved_at: None,
            last_checked_at: None,
            last_error: None,
            missing_since: None,
            missing_days: 0,
            next_check_at: (!loopback).then(|| schedule::first_check(now)),
            created_at: now,
            updated_at: now,
        };
        let mut change = self.context.change(&tenant, by).await?;
        store::insert(&mut change, &domain).await?;
        change.event(&domain.event(What::Added {}))?;
        if loopback {
            change.event(&domain.event(What::Active {}))?;
        }
        change.forget(DOMAINS, module);
        change.commit(events::DOMAIN_ADDED, &domain.domain).await?;
        Ok(domain)
    }

    /// A module's list, oldest first.
    pub async fn list(&self, site: Uuid, module: Uuid) -> Result<Vec<AllowedDomain>> {
        let mut tx = self.context.db.read(site).await?;
        store::page(&mut tx, site, module, Uuid::nil(), i64::MAX).await
    }

    /// A page of it.
    pub async fn page(
        &self,
        site: Uuid,
        module: Uuid,
        paging: &Paging<AllowedDomain>,
    ) -> Result<Paged<AllowedDomain>> {
        let mut tx = self.context.db.read(site).await?;
        let domains = store::page(&mut tx, site, module, paging.after(), paging.reads()).await?;
        Ok(paging.page(domains))
    }

    /// The domain of a module that has this id.
    pub async fn find_by_id(&self, site: Uuid, module: Uuid, id: Uuid) -> Result<Option<AllowedDomain>> {
        let mut tx = self.context.db.read(site).await?;
        Ok(store::find(&mut tx, site, id).await?.filter(|domain| domain.module_id == module))
    }

    /// The domain that has this id, whatever its site: for an operator of the whole installation.
    pub async fn find_anywhere(&self, id: Uuid) -> Result<AllowedDomain> {
        let mut tx = self.context.db.read_global().await?;
        store::find_anywhere(&mut tx, id).await?.ok_or_else(|| not_found(&id.to_string()))
    }

    /// The domain of a module that has this text.
    pub async fn find(&self, site: Uuid, module: Uuid, pattern: &DomainPattern) -> Result<AllowedDomain> {
        let text = pattern.to_string();
        let mut tx = self.context.db.read(site).await?;
        let found = store::covering(&mut tx, site, module, std::slice::from_ref(&text)).await?;
        found.into_iter().next().ok_or_else(|| not_found(&text))
    }

    /// Every domain of the module that covers the origin, the most specific first, verified or not.
    pub async fn covering(&self, site: Uuid, module: Uuid, origin: &Origin) -> Result<Vec<AllowedDomain>> {
        let candidates = DomainPattern::candidates(origin);
        let mut tx = self.context.db.read(site).await?;
        let mut found = store::covering(&mut tx, site, module, &candidates).await?;
        found.retain(|domain| domain.pattern().is_ok_and(|pattern| pattern.matches(origin)));
        found.sort_by_key(|domain| candidates.iter().position(|candidate| *candidate == domain.domain));
        Ok(found)
    }

    /// Changes what a domain's pages may; what is left out of the changes stays.
    pub async fn change(
        &self,
        by: &Actor,
        site: Uuid,
        id: Uuid,
        changes: &DomainChanges,
    ) -> Result<AllowedDomain> {
        let mut change = self.context.change(&self.tenant(site, id).await?, by).await?;
        let before = store::find(&mut change, site, id).await?;
        let now = change.now();
        let changed = store::change(&mut change, site, id, changes, now).await?;
        let (Some(before), Some(domain)) = (before, changed) else { return Err(not_found(&id.to_string())) };
        if domain.verified && domain.allow_embed && !before.allow_embed {
            change.event(&domain.event(What::Active {}))?;
        }
        change.forget(DOMAINS, domain.module_id);
        change.commit(events::DOMAIN_CHANGED, &domain.domain).await?;
        Ok(domain)
    }

    /// Takes a domain off its list.
    pub async fn remove(&self, by: &Actor, site: Uuid, id: Uuid) -> Result<AllowedDomain> {
        let mut change = self.context.change(&self.tenant(site, id).await?, by).await?;
        let domain = store::delete(&mut change, site, id).await?.ok_or_else(|| not_found(&id.to_string()))?;
        change.event(&domain.event(What::Removed {}))?;
        change.forget(DOMAINS, domain.module_id);
        change.commit(events::DOMAIN_REMOVED, &domain.domain).await?;
        Ok(domain)
    }

    async fn load(&self, site: Uuid, id: Uuid) -> Result<AllowedDomain> {
        let mut tx = self.context.db.read(site).await?;
        store::find(&mut tx, site, id).await?.ok_or_else(|| not_found(&id.to_string()))
    }

    /// Whom a change of a domain belongs to.
    async fn tenant(&self, site: Uuid, id: Uuid) -> Result<Tenant> {
        let domain = self.load(site, id).await?;
        Sites::new(&self.context).tenant(site, Some(domain.module_id)).await
    }
}

fn not_found(domain: &str) -> Error {
    let detail = format!(
        "There is no allowed domain {domain} there. `embed-server domain list --site … --module …` prints those that are."
    );
    Error::new(Code::DomainNotFound, detail)
}
