//! Decides from a cache which pages may embed which modules.
//!
//! A cached decision is valid until the module, its domains or its site change.

use crate::domains::{AllowedDomain, DOMAINS, Domains, Origin};
use crate::modules::{MODULES, Modules, Published};
use crate::sites::{SITES, Sites};
use embed_base::Context;
use embed_base::Result;
use embed_base::cache::RevisionCache;
use embed_protocol::EmbedType;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// Decisions in the cache, about 500 bytes each.
const CACHE_ENTRIES: u64 = 100_000;
/// The longest time that a cached decision is used while the database does not answer.
const CACHE_LIFETIME: Duration = Duration::from_secs(30);

/// Whether a page may embed a module.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It may, and gets this version. The proved origins that may frame its pages with the module in them.
    Allowed {
        published: Arc<Published>,
        ancestors: Arc<[String]>,
    },
    Refused(Refusal),
}

/// Why a page may not embed a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such site.
    NoSite,
    /// The site has no such module, or it is not published.
    NoModule,
    /// No allowed domain covers the origin, or the one that does may not embed. Holds the module's name.
    NotAllowed(String),
    /// The domain that covers the origin is not verified. Holds the domain.
    NotVerified(String),
    /// The origin may embed the module, but only as one of these types.
    WrongType(Vec<EmbedType>),
}

/// The allowlist of every module. Cheap to clone; clones share one cache.
#[derive(Clone)]
pub struct Allowlist {
    sites: Sites,
    modules: Modules,
    domains: Domains,
    answers: RevisionCache<Key, Arc<Entry>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    site: Uuid,
    module: Uuid,
    origin: Origin,
}

enum Entry {
    NoSite,
    NoModule,
    Module {
        published: Arc<Published>,
        status: OriginStatus,
        deciding: Option<DecidingDomain>,
        ancestors: Arc<[String]>,
    },
}

/// The most specific verified domain that covers an origin, which decides about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecidingDomain {
    pub id: Uuid,
    /// Whether its pages may call the module's API.
    pub allow_api: bool,
    /// The number of API requests that its pages may make per hour.
    pub rate_limit: NonZeroU32,
}

/// What an origin may do with a module.
enum OriginStatus {
    NotListed,
    Unverified(String),
    /// It may embed the module as these types, all of which the module supports.
    Allowed(Vec<EmbedType>),
}

impl Allowlist {
    pub fn new(context: &Context, sites: Sites, modules: Modules, domains: Domains) -> Self {
        let metrics = context.metrics.cache("allowlist");
        let answers = RevisionCache::new(&context.changes, metrics, CACHE_ENTRIES, CACHE_LIFETIME);
        Self { sites, modules, domains, answers }
    }

    /// Whether a page of this origin may embed the module as this type, or as any type where none is given.
    pub async fn decide(
        &self,
        site: Uuid,
        module: Uuid,
        origin: &Origin,
        embed_type: Option<EmbedType>,
    ) -> Result<Verdict> {
        Ok(match &*self.entry(site, module, origin).await? {
            Entry::NoSite => Verdict::Refused(Refusal::NoSite),
            Entry::NoModule => Verdict::Refused(Refusal::NoModule),
            Entry::Module { published, status, ancestors, .. } => match status {
                OriginStatus::NotListed => Verdict::Refused(Refusal::NotAllowed(published.name().to_owned())),
                OriginStatus::Unverified(domain) => Verdict::Refused(Refusal::NotVerified(domain.clone())),
                OriginStatus::Allowed(types)
                    if embed_type.map_or(types.is_empty(), |embed_type| !types.contains(&embed_type)) =>
                {
                    Verdict::Refused(Refusal::WrongType(types.clone()))
                }
                OriginStatus::Allowed(_) => {
                    Verdict::Allowed { published: published.clone(), ancestors: ancestors.clone() }
                }
            },
        })
    }

    /// The verified domain that decides about an origin.
    pub async fn deciding_domain(
        &self,
        site: Uuid,
        module: Uuid,
        origin: &Origin,
    ) -> Result<Option<DecidingDomain>> {
        Ok(match &*self.entry(site, module, origin).await? {
            Entry::NoSite | Entry::NoModule => None,
            Entry::Module { deciding, .. } => *deciding,
        })
    }

    async fn entry(&self, site: Uuid, module: Uuid, origin: &Origin) -> Result<Arc<Entry>> {
        let read = || async {
            let entry = self.read(site, module, origin).await?;
            let (module, site) = (module.to_string(), site.to_string());
            Ok((Arc::new(entry), vec![(MODULES, module.clone()), (DOMAINS, module), (SITES, site)]))
        };
        self.answers.get(Key { site, module, origin: origin.clone() }, read).await
    }

    async fn read(&self, site: Uuid, module: Uuid, origin: &Origin) -> Result<Entry> {
        let Some(published) = self.modules.published(site, module).await? else {
            return Ok(if self.sites.exists(site).await? { Entry::NoModule } else { Entry::NoSite });
        };
        let covering = self.domains.covering(site, module, origin).await?;
        let status = status_of(&covering, published.embed_types());
        let domain = covering.iter().find(|domain| domain.verified);
        let mut ancestors = Vec::new();
        for text in domain.map_or(&[][..], |domain| &domain.ancestors) {
            if let Ok(ancestor) = Origin::parse(text, true)
                && self.domains.covering(site, module, &ancestor).await?.iter().any(|domain| domain.verified)
            {
                ancestors.push(ancestor.to_string());
            }
        }
        Ok(Entry::Module {
            published,
            status,
            deciding: domain.map(DecidingDomain::of),
            ancestors: ancestors.into(),
        })
    }
}

impl DecidingDomain {
    fn of(domain: &AllowedDomain) -> Self {
        let rate_limit = u32::try_from(domain.rate_limit).ok().and_then(NonZeroU32::new);
        // A row holds at least 1; a number beyond 32 bits is no limit in practice.
        Self { id: domain.id, allow_api: domain.allow_api, rate_limit: rate_limit.unwrap_or(NonZeroU32::MAX) }
    }
}

/// The most specific verified domain decides, so that `shop.example.com` can be an exception to `*.example.com`.
/// `covering` is ordered from the most specific to the least.
fn status_of(covering: &[AllowedDomain], supported: &[EmbedType]) -> OriginStatus {
    match covering.iter().find(|domain| domain.verified) {
        Some(domain) if domain.allow_embed => {
            let allowed = |embed_type: &&EmbedType| {
                domain.embed_types.is_empty() || domain.embed_types.contains(embed_type)
            };
            OriginStatus::Allowed(supported.iter().filter(allowed).copied().collect())
        }
        Some(_) => OriginStatus::NotListed,
        None => match covering.iter().find(|domain| domain.allow_embed) {
            Some(domain) => OriginStatus::Unverified(domain.domain.clone()),
            None => OriginStatus::NotListed,
        },
    }
}
