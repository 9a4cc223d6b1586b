//! Allowed domains: which websites may embed a module, and the proof that their owners agree.
//!
//! A domain is added by the site's owner and is active once the domain's owner has published a token, in DNS or
//! (except for a wildcard) on its front page. The proof is checked again daily, as [`schedule`] says. Loopback
//! domains, which exist in development only, need no proof.

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
pub use input::{DomainChanges, DomainToAllow, Verification};
pub use instructions::{AddedDomain, Instructions, Record};
pub use managed::ManagedDomain;
pub use pattern::{DomainPattern, Origin};
pub use verify::VERIFICATIONS_PER_MINUTE;

use crate::sites::Sites;
use chrono::{DateTime, Utc};
use embed_base::db::Topic;
use embed_base::events::activity::Actor;
use embed_base::http::{Listed, Paged, Paging};
use embed_base::{Code, Context, Error, Result, Tenant};

use embed_protocol::EmbedType;
use events::{DomainEvent, DomainEventKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use sqlx::types::Json;
use uuid::Uuid;

/// The allowed domains of a module, by its id.
pub const DOMAINS: Topic = Topic("domains");

/// The default limit of API requests per hour for the pages of a domain (seed EM-31).
pub const RATE_LIMIT: i64 = 1000;
/// The most ancestors of a domain, because browsers get them in a header.
pub const MOST_ANCESTORS: usize = 10;

/// A domain on a module's list.
#[derive(Clone, Debug, PartialEq, FromRow, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllowedDomain {
    pub id: Uuid,
    /// The site that the module belongs to.
    pub site_id: Uuid,
    /// The module that may be embedded.
    pub module_id: Uuid,
    /// The domain, such as `example.com` or `*.example.com`.
    pub domain: String,
    /// Whether its owner has proved it.
    pub verified: bool,
    /// The token that its owner publishes, 64 hex digits.
    pub verification_token: String,
    /// When it was verified.
    pub verified_at: Option<DateTime<Utc>>,
    /// How it was verified: `dns`, `meta`, or `loopback`, which needs no proof.
    pub verification_method: Option<String>,
    /// Whether its pages may embed the module.
    pub allow_embed: bool,
    /// Whether its pages may call the module's API.
    pub allow_api: bool,
    /// The types as which its pages may embed it; empty means all.
    #[schemars(with = "Vec<EmbedType>")]
    pub embed_types: Json<Vec<EmbedType>>,
    /// The number of API requests that its pages may make per hour.
    pub rate_limit: i64,
    /// The origins of websites that may frame its pages with the module in them, each as long as a verified domain of the
    /// module covers it.
    #[schemars(with = "Vec<String>")]
    pub ancestors: Json<Vec<String>>,
    /// When the proof was last found.
    pub last_proved_at: Option<DateTime<Utc>>,
    /// When the proof was last checked.
    pub last_checked_at: Option<DateTime<Utc>>,
    /// Why the last check did not find it.
    pub last_error: Option<String>,
    /// Since when the proof of a verified domain is missing.
    pub missing_since: Option<DateTime<Utc>>,
    /// The number of consecutive days on which it was missing.
    pub missing_days: i64,
    /// When it is checked next; null for loopback.
    pub next_check_at: Option<DateTime<Utc>>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl AllowedDomain {
    /// The parsed pattern; an error for a row that this version would not have written.
    pub fn pattern(&self) -> Result<DomainPattern> {
        DomainPattern::parse(&self.domain, true).map_err(Error::internal)
    }

    fn event(&self, kind: DomainEventKind) -> DomainEvent {
        DomainEvent { domain_id: self.id, domain: self.domain.clone(), kind }
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
    pub pattern: DomainPattern,
    pub allow_embed: bool,
    pub allow_api: bool,
    /// The types as which their pages may embed it; empty means all.
    pub embed_types: Vec<EmbedType>,
    pub rate_limit: i64,
    /// The origins of websites that may frame these pages with the module in them.
    pub ancestors: Vec<String>,
}

/// A way to prove a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// A TXT record in DNS.
    Dns,
    /// A meta tag on the front page.
    Meta,
}

impl Method {
    /// Its name in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Dns => "dns",
            Method::Meta => "meta",
        }
    }
}

/// Allowed domains. Cheap to clone.
#[derive(Clone)]
pub struct Domains {
    context: Context,
}

impl Domains {
    pub fn new(context: &Context) -> Self {
        Self { context: context.clone() }
    }

    /// Parses a domain as a person types it.
    pub fn pattern(&self, text: &str) -> Result<DomainPattern> {
        DomainPattern::parse(text, self.context.settings.server.dev).map_err(|error| {
            let detail = format!("This domain cannot be allowed: {error}.");
            Error::new(Code::InvalidDomain, detail)
        })
    }

    /// Adds a domain to a module's list. It is active once it is verified.
    pub async fn add(&self, by: &Actor, site: Uuid, module: Uuid, new: NewDomain) -> Result<AllowedDomain> {
        let now = self.context.clock.now();
        let loopback = new.pattern.is_loopback();
        let ancestors = self.ancestors(site, module, &new.ancestors).await?;
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
            ancestors: Json(ancestors),
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
        change.event(&domain.event(DomainEventKind::Added {}))?;
        if loopback {
            change.event(&domain.event(DomainEventKind::Active {}))?;
        }
        change.forget(DOMAINS, module);
        change.commit(events::DOMAIN_ADDED, &domain.domain).await?;
        Ok(domain)
    }

    /// A module's domains, oldest first.
    pub async fn list(&self, site: Uuid, module: Uuid) -> Result<Vec<AllowedDomain>> {
        let mut tx = self.context.db.read(site).await?;
        store::page(&mut tx, site, module, Uuid::nil(), i64::MAX).await
    }

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

    /// The domain of a module with this id.
    pub async fn find_by_id(&self, site: Uuid, module: Uuid, id: Uuid) -> Result<Option<AllowedDomain>> {
        let mut tx = self.context.db.read(site).await?;
        Ok(store::find(&mut tx, site, id).await?.filter(|domain| domain.module_id == module))
    }

    /// The domain with this id in any site, for an operator of the whole installation.
    pub async fn find_anywhere(&self, id: Uuid) -> Result<AllowedDomain> {
        let mut tx = self.context.db.read_global().await?;
        store::find_anywhere(&mut tx, id).await?.ok_or_else(|| not_found(&id.to_string()))
    }

    /// The domain of a module with this pattern.
    pub async fn find(&self, site: Uuid, module: Uuid, pattern: &DomainPattern) -> Result<AllowedDomain> {
        let text = pattern.to_string();
        let mut tx = self.context.db.read(site).await?;
        let found = store::covering(&mut tx, site, module, std::slice::from_ref(&text)).await?;
        found.into_iter().next().ok_or_else(|| not_found(&text))
    }

    /// Every domain of the module that covers the origin, verified or not, the most specific first.
    pub async fn covering(&self, site: Uuid, module: Uuid, origin: &Origin) -> Result<Vec<AllowedDomain>> {
        let candidates = DomainPattern::candidates(origin);
        let mut tx = self.context.db.read(site).await?;
        let mut found = store::covering(&mut tx, site, module, &candidates).await?;
        found.retain(|domain| domain.pattern().is_ok_and(|pattern| pattern.matches(origin)));
        found.sort_by_key(|domain| candidates.iter().position(|candidate| *candidate == domain.domain));
        Ok(found)
    }

    /// Changes the permissions of a domain's pages.
    pub async fn change(
        &self,
        by: &Actor,
        site: Uuid,
        id: Uuid,
        changes: &DomainChanges,
    ) -> Result<AllowedDomain> {
        let module = self.load(site, id).await?.module_id;
        let ancestors = match &changes.ancestors {
            Some(ancestors) => Some(self.ancestors(site, module, ancestors).await?),
            None => None,
        };
        let tenant = Sites::new(&self.context).tenant(site, Some(module)).await?;
        let mut change = self.context.change(&tenant, by).await?;
        let before = store::find(&mut change, site, id).await?;
        let now = change.now();
        let changed = store::change(&mut change, site, id, (changes, ancestors), now).await?;
        let (Some(before), Some(domain)) = (before, changed) else { return Err(not_found(&id.to_string())) };
        if domain.verified && domain.allow_embed && !before.allow_embed {
            change.event(&domain.event(DomainEventKind::Active {}))?;
        }
        change.forget(DOMAINS, domain.module_id);
        change.commit(events::DOMAIN_CHANGED, &domain.domain).await?;
        Ok(domain)
    }

    /// Removes a domain from its module's list.
    pub async fn remove(&self, by: &Actor, site: Uuid, id: Uuid) -> Result<AllowedDomain> {
        let mut change = self.context.change(&self.tenant(site, id).await?, by).await?;
        let domain = store::delete(&mut change, site, id).await?.ok_or_else(|| not_found(&id.to_string()))?;
        change.event(&domain.event(DomainEventKind::Removed {}))?;
        change.forget(DOMAINS, domain.module_id);
        change.commit(events::DOMAIN_REMOVED, &domain.domain).await?;
        Ok(domain)
    }

    /// The origins of ancestors as a person types them. A domain on the module's list must cover each, so that its owner
    /// proves it.
    async fn ancestors(&self, site: Uuid, module: Uuid, texts: &[String]) -> Result<Vec<String>> {
        if texts.len() > MOST_ANCESTORS {
            return Err(Error::new(
                Code::InvalidDomain,
                format!("A domain has at most {MOST_ANCESTORS} ancestors."),
            ));
        }
        let mut origins = Vec::new();
        for text in texts {
            let text = text.trim().trim_end_matches('/');
            let origin = Origin::parse(text, self.context.settings.server.dev).map_err(|error| {
                Error::new(Code::InvalidDomain, format!("`{text}` cannot be an ancestor: {error}."))
            })?;
            if self.covering(site, module, &origin).await?.is_empty() {
                let host = origin.host();
                let detail = format!(
                    "{origin} cannot be an ancestor, because no domain on the module's list covers it. Add {host} to the list first, and let its owner prove it."
                );
                return Err(Error::new(Code::InvalidDomain, detail));
            }
            let origin = origin.to_string();
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        Ok(origins)
    }

    async fn load(&self, site: Uuid, id: Uuid) -> Result<AllowedDomain> {
        let mut tx = self.context.db.read(site).await?;
        store::find(&mut tx, site, id).await?.ok_or_else(|| not_found(&id.to_string()))
    }

    /// The tenant of a domain's module.
    async fn tenant(&self, site: Uuid, id: Uuid) -> Result<Tenant> {
        let domain = self.load(site, id).await?;
        Sites::new(&self.context).tenant(site, Some(domain.module_id)).await
    }
}

fn not_found(domain: &str) -> Error {
    let detail = format!(
        "There is no allowed domain {domain} here. `embed-server domain list --site … --module …` lists the allowed domains."
    );
    Error::new(Code::DomainNotFound, detail)
}
