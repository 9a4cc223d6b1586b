//! Implements the gateway's look-ups with the capabilities.

use super::App;
use chrono::{DateTime, Utc};
use embed_base::Result;
use embed_base::http::{
    AllowedPage, ApiRequest, Authenticated, Caller, CallerKind, Grant, Lookups, RequestLog, Scope, forbidden,
    unauthenticated,
};
use embed_base::limits::RateLimits;
use embed_base::secrets::{Bearer, SecretKind};
use embed_core::accounts::{Operator, Role};
use std::collections::BTreeSet;
use uuid::Uuid;

impl Lookups for App {
    async fn site_of(&self, module: Uuid) -> Result<Option<Uuid>> {
        Ok(self.0.modules.served(module).await?.map(|published| published.site))
    }

    async fn allowed_page(&self, site: Uuid, module: Uuid, origin: &str) -> Result<Option<AllowedPage>> {
        self.0.embed.api_page(site, module, origin).await
    }

    async fn caller(&self, request: &ApiRequest<'_>, credential: &str) -> Result<Authenticated> {
        match Bearer::parse(credential) {
            Some(secret) if secret.kind() == SecretKind::Live => self.0.tokens.caller(request, &secret).await,
            Some(secret) => {
                let operator = self.0.accounts.operator(&secret, request.address.0).await?;
                self.operator(request, &operator).await
            }
            // Embed tokens have no prefix, so this is a mistyped token of another kind.
            None if credential.starts_with("dram_") => Err(unauthenticated(
                "This is not a token of this server: its checksum is wrong. Check that you copied all of it.",
            )),
            None => self.0.embed.visitor(request, credential).await,
        }
    }

    fn limits(&self) -> &RateLimits {
        &self.0.limits
    }

    fn log(&self) -> &RequestLog {
        &self.0.request_log
    }

    fn now(&self) -> DateTime<Utc> {
        self.0.context.clock.now()
    }
}

impl App {
    /// Any member of the organization may read a module's data; the role decides about the rest.
    async fn operator(&self, request: &ApiRequest<'_>, operator: &Operator) -> Result<Authenticated> {
        let organization = self.0.sites.find(request.site).await?.organization_id;
        let scopes = match operator.role_in(organization) {
            None => {
                return Err(forbidden(
                    "This module belongs to an organization that you are not a member of.",
                ));
            }
            Some(Role::Member) => BTreeSet::from([Scope::Read]),
            Some(Role::Admin | Role::Owner) => BTreeSet::from(Scope::ALL),
        };
        let caller = Caller { kind: CallerKind::Operator, id: operator.user(), grant: Grant::Scopes(scopes) };
        Ok(Authenticated { caller, limit: None })
    }
}
