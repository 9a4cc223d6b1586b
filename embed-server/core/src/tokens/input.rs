//! The input of operators for API tokens, and its checks.

use crate::domains::DomainPattern;
use chrono::{DateTime, Utc};
use embed_base::db;
use embed_base::http::{MAX_SCOPES, Scope, ScopeSet};
use embed_base::names;
use embed_base::net::parse_network;
use embed_base::{Error, Result};
use schemars::JsonSchema;
use serde::Deserialize;
use std::num::NonZeroU32;
use uuid::Uuid;

const LIST_LENGTH: usize = 100;
/// The default limit of requests per minute (seed: `module_external_tokens.rate_limit`).
pub const RATE_LIMIT: NonZeroU32 = NonZeroU32::new(100).expect("100 is not zero");

/// A token to create.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewToken {
    /// The module whose API the token may call.
    pub module_id: Uuid,
    /// The token's name, 1 to 200 characters.
    pub name: String,
    /// What the token may do: 1 to 50 scopes, without `profile`.
    pub scopes: Vec<Scope>,
    /// The domains whose pages may use it, such as example.com or *.example.com; if left out, any page that may call
    /// the API, and programs.
    #[serde(default)]
    pub allowed_domains: Option<Vec<String>>,
    /// The addresses and networks (CIDR) that it may be used from; if left out, any.
    #[serde(default)]
    pub allowed_ips: Option<Vec<String>>,
    /// Requests per minute; 100 by default.
    #[serde(default)]
    pub rate_limit: Option<NonZeroU32>,
    /// When it expires; if left out, never.
    #[serde(default)]
    pub expires_at: Option<DateTime<Utc>>,
}

/// How to rotate a token.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenToRotate {
    /// The number of seconds that the old token stays valid; a day by default.
    #[serde(default)]
    pub overlap_seconds: Option<u32>,
}

/// A [`NewToken`], checked and normalised.
pub(super) struct ValidToken {
    pub name: String,
    pub scopes: ScopeSet,
    pub allowed_domains: Option<Vec<String>>,
    pub allowed_ips: Option<Vec<String>>,
    pub rate_limit: NonZeroU32,
    pub expires_at: Option<DateTime<Utc>>,
}

impl NewToken {
    pub(super) fn check(self, loopback: bool, now: DateTime<Utc>) -> Result<ValidToken> {
        let name = names::checked("A token's `name`", &self.name)?;
        let scopes = valid_scopes(self.scopes)?;
        if self.expires_at.is_some_and(|end| end <= now) {
            return Err(Error::invalid(
                "`expiresAt` is in the past; leave it out for a token that does not expire.",
            ));
        }
        if self.expires_at.is_some_and(|end| !db::holds(end)) {
            return Err(Error::invalid(
                "`expiresAt` is beyond the year 9999; leave it out for a token that does not expire.",
            ));
        }
        let domain = |text: &String| {
            DomainPattern::parse(text, loopback)
                .map(|pattern| pattern.to_string())
                .map_err(|error| Error::invalid(format!("`allowedDomains` lists {text:?}: {error}.")))
        };
        let network = |text: &String| {
            parse_network(text).map(|network| network.to_string()).ok_or_else(|| {
                Error::invalid(format!(
                    "`allowedIps` lists {text:?}; expected an address or a network, such as 192.0.2.0/24 or 2001:db8::/32."
                ))
            })
        };
        Ok(ValidToken {
            name,
            scopes,
            allowed_domains: list("allowedDomains", self.allowed_domains, domain)?,
            allowed_ips: list("allowedIps", self.allowed_ips, network)?,
            rate_limit: self.rate_limit.unwrap_or(RATE_LIMIT),
            expires_at: self.expires_at,
        })
    }
}

fn valid_scopes(given: Vec<Scope>) -> Result<ScopeSet> {
    let scopes: ScopeSet = given.into_iter().collect();
    if scopes.is_empty() {
        return Err(Error::invalid(
            "`scopes` is empty, so the token could do nothing; expected some of read, write, delete.",
        ));
    }
    if scopes.len() > MAX_SCOPES {
        let given = scopes.len();
        return Err(Error::invalid(format!("`scopes` has {given} scopes; expected at most {MAX_SCOPES}.")));
    }
    if scopes.covers(&Scope::Profile) {
        return Err(Error::invalid(
            "`scopes` lists `profile`, which is a person's; an API token acts for nobody, so it can have read, write and delete only.",
        ));
    }
    Ok(scopes)
}

fn list(
    name: &str,
    given: Option<Vec<String>>,
    item: impl Fn(&String) -> Result<String>,
) -> Result<Option<Vec<String>>> {
    let Some(given) = given else { return Ok(None) };
    if given.is_empty() || given.len() > LIST_LENGTH {
        return Err(Error::invalid(format!(
            "`{name}` has {} entries; expected 1 to {LIST_LENGTH}, or leave it out to allow any.",
            given.len()
        )));
    }
    given.iter().map(item).collect::<Result<_>>().map(Some)
}
