//! Checks API tokens, from a cache.

use super::{ApiToken, TOKENS, Tokens, store};
use crate::domains::{DomainPattern, Origin};
use crate::sites::SITES;
use embed_base::http::{ApiRequest, Authenticated, Caller, CallerKind, Grant, forbidden, unauthenticated};
use embed_base::limits::Limit;
use embed_base::net::parse_network;
use embed_base::secrets::Bearer;
use embed_base::{Code, Error, Result};
use std::num::NonZeroU32;
use std::sync::Arc;

/// A cached token with its parsed domains and networks.
pub(super) struct CheckedToken {
    token: ApiToken,
    domains: Option<Vec<DomainPattern>>,
    networks: Option<Vec<ipnet::IpNet>>,
}

impl Tokens {
    /// The caller with this token.
    pub async fn caller(&self, request: &ApiRequest<'_>, secret: &Bearer) -> Result<Authenticated> {
        let checked = self.load(secret.hash()).await?.ok_or_else(|| {
            unauthenticated(
                "There is no such token on this server. Make one with `embed-server token create`.",
            )
        })?;
        let token = &checked.token;
        if token.revoked_at.is_some() {
            return Err(unauthenticated("This token was revoked."));
        }
        if !token.is_valid_at(self.context.clock.now()) {
            return Err(unauthenticated("This token has expired; make a new one."));
        }
        if (token.site_id, token.module_id) != (request.site, request.module) {
            let detail = format!(
                "This token belongs to another module: use it below /api/v1/modules/{}/, or make one for this module.",
                token.module_id
            );
            return Err(forbidden(detail));
        }
        checked.admits(request, self.context.settings.server.dev)?;
        let per_minute = u32::try_from(token.rate_limit).ok().and_then(NonZeroU32::new);
        let grant = Grant::Scopes(token.scopes.0.clone());
        Ok(Authenticated {
            caller: Caller { kind: CallerKind::Token, id: token.id, grant },
            limit: Some(Limit::token(token.id, per_minute.unwrap_or(NonZeroU32::MAX))),
        })
    }

    async fn load(&self, hash: String) -> Result<Option<Arc<CheckedToken>>> {
        let read = || async {
            let mut tx = self.context.db.read_global().await?;
            let mut dependencies = vec![(TOKENS, hash.clone())];
            let Some(token) = store::find_by_hash(&mut tx, &hash).await? else {
                return Ok((None, dependencies));
            };
            dependencies.push((SITES, token.site_id.to_string()));
            Ok((Some(Arc::new(CheckedToken::new(token)?)), dependencies))
        };
        self.checked.get(hash.clone(), read).await
    }
}

impl CheckedToken {
    fn new(token: ApiToken) -> Result<Self> {
        let domains = token.allowed_domains.as_ref().map(|list| {
            list.iter().map(|text| DomainPattern::parse(text, true).map_err(Error::internal)).collect()
        });
        let networks = token.allowed_ips.as_ref().map(|list| {
            let wrong = |text| Error::internal(format!("token {} lists the network {text}", token.id));
            list.iter().map(|text| parse_network(text).ok_or_else(|| wrong(text))).collect()
        });
        Ok(Self { domains: domains.transpose()?, networks: networks.transpose()?, token })
    }

    /// Refuses a request that the token's networks or domains exclude.
    fn admits(&self, request: &ApiRequest<'_>, loopback: bool) -> Result<()> {
        if let Some(networks) = &self.networks
            && !networks.iter().any(|network| network.contains(&request.address.0))
        {
            let detail = format!(
                "This token may not be used from {}, which is in none of its networks.",
                request.address.0
            );
            return Err(Error::new(Code::IpNotAllowed, detail));
        }
        if let Some(domains) = &self.domains {
            let origin = request.origin.and_then(|origin| Origin::parse(origin, loopback).ok());
            let listed = origin.is_some_and(|origin| domains.iter().any(|domain| domain.matches(&origin)));
            if !listed {
                let names: Vec<_> = domains.iter().map(ToString::to_string).collect();
                let from = request.origin.map_or_else(
                    || "has no `Origin`, so no page sent it".to_owned(),
                    |origin| format!("comes from {origin}"),
                );
                let detail = format!(
                    "This token may only be used by pages of {}, and this request {from}.",
                    names.join(", ")
                );
                return Err(Error::new(Code::OriginNotAllowed, detail));
            }
        }
        Ok(())
    }
}
