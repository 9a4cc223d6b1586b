//! Who may embed what, answered from memory.
//!
//! An answer counts until the module, its domains or its site change; what nobody asks for any more makes room for what
//! is asked.

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

/// Origins that are remembered, at some 500 bytes each.
const ORIGINS: u64 = 100_000;
/// How long an answer is believed when nothing is heard from the database.
const BELIEVED: Duration = Duration::from_secs(30);

/// What is decided about a page that wants to embed a module.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It may; this is what is served.
    Allowed(Arc<Published>),
    /// It may not.
    Refused(Refusal),
}

/// Why a page may not embed a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such site.
    NoSite,
    /// The site has no such module, or no version of it is published.
    NoModule,
    /// No allowed domain covers the origin, or it may not embed. The module's name, for the sentence.
    NotAllowed(String),
    /// The domain that covers the origin is not verified.
    NotVerified(String),
    /// The origin may embed the module, but only as one of these.
    WrongType(Vec<EmbedType>),
}

/// The allowlist of every module. Cheap to clone; clones share what they remember.
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
    Module { published: Arc<Published>, standing: Standing, decisive: Option<Decisive> },
}

/// The verified domain that decides about an origin, because no other that covers it is more specific.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decisive {
    /// Its id.
    pub id: Uuid,
    /// Whether its pages may call the module's API.
    pub allow_api: bool,
    /// How many API requests they may make per hour.
    pub rate_limit: NonZeroU32,
}

/// How an origin stands with a module.
enum Standing {
    Stranger,
    Unverified(String),
    /// May embed it in these ways, which are some of those that the module knows.
    Allowed(Vec<EmbedType>),
}

impl Allowlist {
    /// Builds it on the capabilities that it asks.
    pub fn new(context: &Context, sites: Sites, modules: Modules, domains: Domains) -> Self {
        let looks = context.metrics.cache("allowlist");
        let answers = RevisionCache::new(&context.changes, looks, ORIGINS, BELIEVED);
        Self { sites, modules, domains, answers }
    }

    /// Whether a page of this origin may embed the module as this type, or as any.
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
            Entry::Module { published, standing, .. } => match standing {
                Standing::Stranger => Verdict::Refused(Refusal::NotAllowed(published.name().to_owned())),
                Standing::Unverified(domain) => Verdict::Refused(Refusal::NotVerified(domain.clone())),
                Standing::Allowed(types)
                    if embed_type.map_or(types.is_empty(), |wanted| !types.contains(&wanted)) =>
                {
                    Verdict::Refused(Refusal::WrongType(types.clone()))
                }
                Standing::Allowed(_) => Verdict::Allowed(published.clone()),
            },
        })
    }

    /// The verified domain that decides about an origin.
    pub async fn decisive(&self, site: Uuid, module: Uuid, origin: &Origin) -> Result<Option<Decisive>> {
        Ok(match &*self.entry(site, module, origin).await? {
            Entry::NoSite | Entry::NoModule => None,
            Entry::Module { decisive, .. } => *decisive,
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
        let standing = standing(&covering, published.embed_types());
        let decisive = covering.iter().find(|domain| domain.verified).map(Decisive::of);
        Ok(Entry::Module { published, standing, decisive })
    }
}

impl Decisive {
    fn of(domain: &AllowedDomain) -> Self {
        let rate_limit = u32::try_from(domain.rate_limit).ok().and_then(NonZeroU32::new);
        // A row says at least 1; what is beyond 32 bits is no limit worth the name.
        Self { id: domain.id, allow_api: domain.allow_api, rate_limit: rate_limit.unwrap_or(NonZeroU32::MAX) }
    }
}

/// Of the domains that cover an origin the most specific verified one decides, so that `shop.example.com` can be an
/// exception to `*.example.com`. `covering` is in that order.
fn standing(covering: &[AllowedDomain], known: &[EmbedType]) -> Standing {
    match covering.iter().find(|domain| domain.verified) {
        Some(domain) if domain.allow_embed => {
            let allowed =
                |wanted: &&EmbedType| domain.embed_types.is_empty() || domain.embed_types.contains(wanted);
            Standing::Allowed(known.iter().filter(allowed).copied().collect())
        }
        Some(_) => Standing::Stranger,
        None => match covering.iter().find(|domain| domain.allow_embed) {
            Some(domain) => Standing::Unverified(domain.domain.clone()),
            None => Standing::Stranger,
        },
    }
}
