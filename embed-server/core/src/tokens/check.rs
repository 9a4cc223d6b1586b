//! Checking the tokens that callers show, from memory.

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

/// A token as it is checked: parsed once.
pub(super) struct Known {
    token: ApiToken,
    domains: Option<Vec<DomainPattern>>,
    networks: Option<Vec<ipnet::IpNet>>,
}

impl Tokens {
    /// The caller with this secret at a module's API.
    pub async fn caller(&self, request: &ApiRequest<'_>, secret: &Bearer) -> Result<Authenticated> {
        let known = self.load(secret.hash()).await?.ok_or_else(|| {
            unauthenticated(
                "There is no such token on this server. Make one with `embed-server token create`.",
            )
        })?;
        let token = &known.token;
        if token.revoked_at.is_some() {
            return Err(unauthenticated("This token was revoked."));
        }
        if !token.counts_at(self.context.clock.now()) {
            return Err(unauthenticated("This token has expired; make a new one."));
        }
        if (token.site_id, token.module_id) != (request.site, request.module) {
            return Err(forbidden("This token is another module's."));
        }
        known.admits(request, self.context.settings.server.dev)?;
        let per_minute = u32::try_from(token.rate_limit).ok().and_then(NonZeroU32::new);
        let grant = Grant::Scopes(token.scopes.0.clone());
        Ok(Authenticated {
            caller: Caller { kind: CallerKind::Token, id: token.id, grant },
            limit: Some(Limit::token(token.id, per_minute.unwrap_or(NonZeroU32::MAX))),
        })
    }

    async fn load(&self, hash: String) -> Result<Option<Arc<Known>>> {
        let read = || async {
            let mut tx = self.context.db.read_global().await?;
            let mut dependencies = vec![(TOKENS, hash.clone())];
            let Some(token) = store::find_by_hash(&mut tx, &hash).await? else {
                return Ok((None, dependencies));
            };
            dependencies.push((SITES, token.site_id.to_string()));
            Ok((Some(Arc::new(Known::new(token)?)), dependencies))
        };
        self.checked.get(hash.clone(), read).await
    }
}

impl Known {
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

    /// Whether the token may be used from there.
    fn admits(&self, request: &ApiRequest<'_>, loopback: bool) -> Result<()> {
        if let Some(networks) = &self.networks
            && !networks.iter().any(|network| network.contains(&request.address.0))
        {
            let detail = format!(
                "This token may not be used from {}; its networks do not list it.",
                request.address.0
            );
            return Err(Error::new(Code::IpNotAllowed, detail));
        }
        if let Some(domains) = &self.domains {
            let origin = request.origin.and_then(|origin| Origin::parse(origin, loopback).ok());
            let listed = origin.is_some_and(|origin| domains.iter().any(|domain| domain.matches(&origin)));
            if !listed {
                let detail = "This token may only be used by pages of its domains, and this request comes from none of them.";
                return Err(Error::new(Code::OriginNotAllowed, detail));
            }
        }
        Ok(())
    }
}
