//! Every capability, built once: the state of this crate's routes, and what the gateway looks up.
//!
//! Routes and extractors name this type and nothing else of this file, so that no capability is built on all the others.

use crate::accounts::{Accounts, Operator, Role};
use crate::activity::Activity;
use crate::domains::Domains;
use crate::embed::document::Documents;
use crate::embed::{Allowlist, BlockedRecorder, Embed, blocked_queue};
use crate::modules::Modules;
use crate::oauth::OAuth;
use crate::records::Records;
use crate::requests::{RequestLogWriter, Requests};
use crate::sign_in::SignIn;
use crate::sites::Sites;
use crate::tokens::Tokens;
use crate::views::{ViewWriter, Views, counting};
use chrono::{DateTime, Utc};
use embed_base::Context;
use embed_base::Result;
use embed_base::config::SecretText;
use embed_base::http::{
    AllowedPage, ApiRequest, Authenticated, Caller, CallerKind, Grant, Lookups, RequestLog, Scope, ScopeSet,
    Verb, forbidden, origin_not_allowed, unauthenticated,
};
use embed_base::limits::RateLimits;
use embed_base::secrets::{Bearer, SecretKind};
use std::num::NonZeroU32;
use std::ops::Deref;
use std::sync::Arc;
use uuid::Uuid;

/// The capabilities of a running server. It is one pointer, because each request clones it.
#[derive(Clone)]
pub struct Services(Arc<Capabilities>);

/// The fields of [`Services`].
pub struct Capabilities {
    pub context: Context,
    pub accounts: Accounts,
    pub activity: Activity,
    pub documents: Documents,
    pub domains: Domains,
    pub embed: Embed,
    pub limits: RateLimits,
    pub modules: Modules,
    pub oauth: OAuth,
    pub records: Records,
    pub request_log: RequestLog,
    pub requests: Requests,
    pub sign_in: SignIn,
    pub sites: Sites,
    pub tokens: Tokens,
    pub views: Views,
}

/// The receiving ends of the queues that requests fill.
pub struct Queues {
    pub blocked: BlockedRecorder,
    pub requests: RequestLogWriter,
    pub views: ViewWriter,
}

impl Services {
    /// Fails without a secret to sign with, and where a setting names what cannot be used.
    pub fn new(context: Context) -> Result<(Self, Queues)> {
        let modules = Modules::new(&context)?;
        let domains = Domains::new(&context);
        let sites = Sites::new(&context);
        let allowlist = Allowlist::new(&context, sites.clone(), modules.clone(), domains.clone());
        let (blocked, blocked_recorder) = blocked_queue(&context);
        let (counter, views) = counting(&context);
        let (request_log, lines) = RequestLog::new(context.metrics.clone());
        let requests = RequestLogWriter::new(&context, lines);
        let redis = context.settings.limits.redis_url.as_ref().map(SecretText::expose);
        let accounts = Accounts::new(&context);
        let capabilities = Capabilities {
            activity: Activity::new(&context),
            documents: Documents::new(&context, modules.clone(), allowlist.clone())?,
            domains,
            embed: Embed::new(&context, allowlist, blocked, counter)?,
            limits: RateLimits::new(redis, context.clock.clone(), context.metrics.clone())?,
            oauth: OAuth::new(&context, accounts.clone(), modules.clone(), sites.clone()),
            modules,
            records: Records::new(&context),
            request_log,
            requests: Requests::new(&context),
            sign_in: SignIn::new(&context, accounts.clone())?,
            accounts,
            sites,
            tokens: Tokens::new(&context),
            views: Views::new(&context),
            context,
        };
        Ok((Self(Arc::new(capabilities)), Queues { blocked: blocked_recorder, requests, views }))
    }

    /// Any member of the organization may read a module's data; the role decides about the rest.
    async fn operator(&self, request: &ApiRequest<'_>, operator: &Operator) -> Result<Authenticated> {
        let organization = self.sites.find(request.site).await?.organization_id;
        let scopes = match operator.role_in(organization) {
            None => {
                return Err(forbidden(
                    "This module belongs to an organization that you are not a member of.",
                ));
            }
            Some(Role::Member) => [Scope::Records(Verb::Read)].into_iter().collect(),
            Some(Role::Admin | Role::Owner) => ScopeSet::all_records(),
        };
        let caller = Caller { kind: CallerKind::Operator, id: operator.user(), grant: Grant::Scopes(scopes) };
        Ok(Authenticated { caller, limit: None })
    }
}

/// Whether a credential looks like an OAuth access token: three parts, and a header in JSON.
fn is_jwt(credential: &str) -> bool {
    credential.starts_with("ey") && credential.bytes().filter(|byte| *byte == b'.').count() == 2
}

impl Deref for Services {
    type Target = Capabilities;

    fn deref(&self) -> &Capabilities {
        &self.0
    }
}

impl Lookups for Services {
    async fn site_of(&self, module: Uuid) -> Result<Option<Uuid>> {
        Ok(self.modules.served(module).await?.map(|published| published.site))
    }

    async fn allowed_page(&self, site: Uuid, module: Uuid, origin: &str) -> Result<Option<AllowedPage>> {
        if let Some(page) = self.embed.api_page(site, module, origin).await? {
            return Ok(Some(page));
        }
        let is_app = self.oauth.is_app_origin(module, origin).await?;
        Ok(is_app.then_some(AllowedPage { limit: None, is_app }))
    }

    async fn caller(&self, request: &ApiRequest<'_>, credential: &str) -> Result<Authenticated> {
        if request.is_app_page && !is_jwt(credential) {
            return Err(origin_not_allowed(request.origin.unwrap_or_default()));
        }
        match Bearer::parse(credential) {
            Some(secret) if secret.kind() == SecretKind::Live => self.tokens.caller(request, &secret).await,
            Some(secret) if secret.kind() == SecretKind::Refresh => Err(unauthenticated(
                "This is a refresh token, which is for the token endpoint alone; send the access token.",
            )),
            Some(secret) => {
                let operator = self.accounts.operator(&secret, request.address.0).await?;
                self.operator(request, &operator).await
            }
            // Embed tokens have no prefix, so this is a mistyped token of another kind.
            None if credential.starts_with("dram_") => Err(unauthenticated(
                "This is not a token of this server: its checksum is wrong. Check that you copied all of it.",
            )),
            None if is_jwt(credential) => self.oauth.caller(request, credential).await,
            None => self.embed.visitor(request, credential).await,
        }
    }

    fn resource_metadata(&self, module: Uuid) -> String {
        self.oauth.resource_metadata_address(module)
    }

    fn anonymous_limit(&self) -> NonZeroU32 {
        self.context.settings.limits.anonymous_limit
    }

    fn limits(&self) -> &RateLimits {
        &self.limits
    }

    fn log(&self) -> &RequestLog {
        &self.request_log
    }

    fn now(&self) -> DateTime<Utc> {
        self.context.clock.now()
    }
}
