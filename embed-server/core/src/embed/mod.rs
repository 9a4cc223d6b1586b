//! Whether a page may embed a module: what `POST /api/embed/verify` answers, and what the module's document tells the
//! browser, by [`Allowlist::decide`].

mod allowlist;
mod blocked;
pub mod document;
mod frame;
mod preview;
pub mod routes;
pub mod token;

pub use allowlist::{Allowlist, DecidingDomain, Refusal, Verdict};
pub use blocked::{BlockedQueue, BlockedRecorder, EVENTS, blocked_queue};
pub use preview::PreviewKey;

use crate::domains::Origin;
use crate::modules::Published;
use crate::views::{self, View};
use embed_base::Context;
use embed_base::http::{
    AllowedPage, ApiRequest, Authenticated, Caller, CallerKind, Grant, forbidden, unauthenticated,
};
use embed_base::ids;
use embed_base::limits::Limit;
use embed_base::{Code, Error, Result};
use embed_protocol::verify::{self, Allowed, Request, TOKEN_SECONDS};
use std::num::NonZeroU32;
use token::{EmbedToken, TokenKey};
use uuid::Uuid;

pub struct Embed {
    context: Context,
    allowlist: Allowlist,
    blocked: BlockedQueue,
    views: views::ViewCounter,
    key: TokenKey,
}

impl Embed {
    /// Builds the capability; fails without a secret to sign with.
    pub fn new(
        context: &Context,
        allowlist: Allowlist,
        blocked: BlockedQueue,
        views: views::ViewCounter,
    ) -> Result<Self> {
        let key = TokenKey::new(context.secret()?);
        Ok(Self { context: context.clone(), allowlist, blocked, views, key })
    }

    /// Answers a page. `browser` is the `Origin` header, which a page cannot forge; the origin in the body must equal
    /// it.
    pub async fn verify(&self, browser: Option<&str>, request: &Request) -> Result<Allowed> {
        let origin = self.origin(browser, &request.origin)?;
        let site = ids::parse("site", &request.site_id, "site list")?;
        let module = ids::parse("module", &request.module_id, "module list --site ID")?;
        let verdict = self.allowlist.decide(site, module, &origin, request.embed_type).await?;
        let (embed_type, at) = (request.embed_type, self.context.clock.now());
        let view = View { site, module, origin: origin.as_str(), embed_type, refused: None, at };
        match verdict {
            Verdict::Allowed { published, ancestors } => {
                self.views.count(&view);
                let token =
                    EmbedToken::new(self.context.random.id(at), site, module, &origin, embed_type, at);
                Ok(self.allowed(&token, &published, &ancestors))
            }
            Verdict::Refused(refusal) => {
                if refusal.concerns_a_module() {
                    self.views.count(&View { refused: Some(refusal.code()), ..view });
                    self.blocked.push(site, module, origin.as_str(), refusal.code());
                }
                Err(refusal.error(site, module, &origin))
            }
        }
    }

    /// The limit of `verify` calls per minute from one address.
    pub fn verify_limit(&self) -> NonZeroU32 {
        self.context.settings.limits.verify_limit
    }

    /// The visitor with this embed token. The token is valid on the module's own page, and on the page that embeds it
    /// while that page may use the API; and only as long as that page may embed the module.
    pub async fn visitor(&self, request: &ApiRequest<'_>, text: &str) -> Result<Authenticated> {
        let token = self.key.open(text, self.context.clock.now()).ok_or_else(|| {
            unauthenticated(
                "This is neither an API token (`dram_live_…`) nor an embed token of this server, or it has expired. Embed tokens come from `verify` and are valid for an hour.",
            )
        })?;
        if (token.site, token.module) != (request.site, request.module) {
            let detail = format!(
                "This embed token belongs to another module: use it below /api/v1/modules/{}/.",
                token.module
            );
            return Err(forbidden(detail));
        }
        if request.origin != Some(&token.origin) && request.origin != Some(&self.module_origin(token.module))
        {
            let detail =
                "An embed token is valid only in the module's own frame and on the page that embeds it.";
            return Err(Error::new(Code::OriginNotAllowed, detail));
        }
        let origin =
            Origin::parse(&token.origin, self.context.settings.server.dev).map_err(Error::internal)?;
        let verdict = self.allowlist.decide(request.site, request.module, &origin, token.embed_type).await?;
        let domain = self.allowlist.deciding_domain(request.site, request.module, &origin).await?;
        let (Verdict::Allowed { .. }, Some(domain)) = (verdict, domain) else {
            return Err(unauthenticated(format!("{origin} may no longer embed this module.")));
        };
        Ok(Authenticated {
            caller: Caller { kind: CallerKind::Visitor, id: token.id, grant: Grant::Visitors },
            limit: Some(Limit::domain(domain.id, domain.rate_limit)),
        })
    }

    /// Whether a page of this origin may call the module's API, and its limit. The module's own pages and this
    /// server's always may, others if their deciding domain allows it; `None` for the rest.
    pub async fn api_page(&self, site: Uuid, module: Uuid, origin: &str) -> Result<Option<AllowedPage>> {
        if origin == self.module_origin(module) || origin == self.context.settings.server.public_url {
            return Ok(Some(AllowedPage { limit: None, is_app: false }));
        }
        let Ok(origin) = Origin::parse(origin, self.context.settings.server.dev) else { return Ok(None) };
        let domain =
            self.allowlist.deciding_domain(site, module, &origin).await?.filter(|domain| domain.allow_api);
        let limit = |domain: DecidingDomain| Limit::domain(domain.id, domain.rate_limit);
        Ok(domain.map(|domain| AllowedPage { limit: Some(limit(domain)), is_app: false }))
    }

    /// The origin of a module's own pages; `null` where modules are sandboxed.
    fn module_origin(&self, module: Uuid) -> String {
        match &self.context.settings.server.module_host {
            Some(host) => host.origin(module),
            None => "null".to_owned(),
        }
    }

    /// The origin of the page, from the browser's header.
    fn origin(&self, browser: Option<&str>, body: &str) -> Result<Origin> {
        let refused = |detail: String| Error::new(Code::OriginMismatch, detail);
        let Some(browser) = browser else {
            return Err(refused(
                "There is no Origin header. Browsers send one; programs cannot embed modules.".to_owned(),
            ));
        };
        let origin = Origin::parse(browser, self.context.settings.server.dev)
            .map_err(|error| refused(format!("This page cannot embed anything: {error}.")))?;
        if body != origin.as_str() {
            return Err(refused(format!(
                "`origin` in the body differs from {origin}, which the browser sent."
            )));
        }
        Ok(origin)
    }

    fn allowed(&self, token: &EmbedToken, published: &Published, ancestors: &[String]) -> Allowed {
        let module = token.module;
        let settings = &self.context.settings;
        let mut embed_url = match &settings.server.module_host {
            Some(host) => host.origin(module),
            None => settings.server.public_url.clone(),
        };
        embed_url.push_str(&embed_protocol::frame::path(&module.to_string()));
        Allowed {
            allowed: true,
            token: self.key.seal(token),
            expires_in: TOKEN_SECONDS,
            embed_url,
            module: verify::Module {
                name: published.name().to_owned(),
                launcher: published.launcher().clone(),
            },
            ancestors: ancestors.to_vec(),
        }
    }
}

impl Refusal {
    fn concerns_a_module(&self) -> bool {
        !matches!(self, Refusal::NoSite | Refusal::NoModule)
    }

    pub fn code(&self) -> Code {
        match self {
            Refusal::NoSite => Code::SiteNotFound,
            Refusal::NoModule => Code::ModuleNotFound,
            Refusal::NotAllowed(_) => Code::OriginNotAllowed,
            Refusal::NotVerified(_) => Code::DomainNotVerified,
            Refusal::WrongType(_) => Code::TypeNotAllowed,
        }
    }

    /// The error for the page, in words that its owner can pass on to the site's operator.
    fn error(&self, site: Uuid, module: Uuid, origin: &Origin) -> Error {
        let at = format!("--site {site} --module {module}");
        let host = origin.host();
        let detail = match self {
            Refusal::NoSite => {
                format!("There is no site {site} on this server. Check the site id of the snippet.")
            }
            Refusal::NoModule => format!(
                "Site {site} has no published module {module}. Check the module id of the snippet, or publish it with `embed-server module publish DIR --site {site}`."
            ),
            Refusal::NotAllowed(name) => {
                let domain = match origin.port() {
                    Some(port) if origin.is_loopback() => format!("{host}:{port}"),
                    _ => host.to_owned(),
                };
                format!(
                    "{origin} is not allowed to embed module {name}. Add it with `embed-server domain add {domain} {at}`."
                )
            }
            Refusal::NotVerified(domain) => format!(
                "{domain} is on the list, but not verified yet. `embed-server domain instructions {domain} {at}` says what to publish, `embed-server domain verify {domain} {at}` checks it."
            ),
            Refusal::WrongType(types) if types.is_empty() => format!(
                "{origin} may not embed the module as any type that it supports. Allow one of its types."
            ),
            Refusal::WrongType(types) => {
                let types: Vec<_> = types.iter().map(|embed_type| embed_type.as_str()).collect();
                format!("{origin} may embed the module only as {}.", types.join(" or "))
            }
        };
        Error::new(self.code(), detail)
    }
}
