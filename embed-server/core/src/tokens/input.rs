//! What a person says when he makes a token, and what is wrong with it.

use crate::domains::DomainPattern;
use chrono::{DateTime, Utc};
use embed_base::db;
use embed_base::http::Scope;
use embed_base::names;
use embed_base::net::parse_network;
use embed_base::{Error, Result};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::num::NonZeroU32;
use uuid::Uuid;

const LIST_LENGTH: usize = 100;
/// Requests per minute, unless said otherwise (seed: `module_external_tokens.rate_limit`).
pub const RATE_LIMIT: NonZeroU32 = NonZeroU32::new(100).expect("100 is not zero");

/// A token to make.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewToken {
    /// The module whose API it opens.
    pub module_id: Uuid,
    /// What people call it, 1 to 200 characters.
    pub name: String,
    /// What it may do; at least one.
    pub scopes: Vec<Scope>,
    /// The domains whose pages may use it, such as example.com or *.example.com; without, any page that may use the API,
    /// and programs.
    #[serde(default)]
    pub allowed_domains: Option<Vec<String>>,
    /// The addresses and networks (CIDR) that it may be used from; without, any.
    #[serde(default)]
    pub allowed_ips: Option<Vec<String>>,
    /// Requests per minute; 100 if not said.
    #[serde(default)]
    pub rate_limit: Option<NonZeroU32>,
    /// When it ends; without, never.
    #[serde(default)]
    pub expires_at: Option<DateTime<Utc>>,
}

/// What a token's successor is like.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenToRotate {
    /// For how many seconds the old token goes on to count; a day if not said.
    #[serde(default)]
    pub overlap_seconds: Option<u32>,
}

/// The same, checked and normalised.
pub(super) struct Checked {
    pub name: String,
    pub scopes: BTreeSet<Scope>,
    pub allowed_domains: Option<Vec<String>>,
    pub allowed_ips: Option<Vec<String>>,
    pub rate_limit: NonZeroU32,
    pub expires_at: Option<DateTime<Utc>>,
}

impl NewToken {
    pub(super) fn check(self, loopback: bool, now: DateTime<Utc>) -> Result<Checked> {
        let name = names::checked("A token's `name`", &self.name)?;
        if self.scopes.is_empty() {
            return Err(Error::invalid(
                "A token without `scopes` could do nothing; give it some of read, write, delete.",
            ));
        }
        if self.expires_at.is_some_and(|end| end <= now) {
            return Err(Error::invalid(
                "`expiresAt` is in the past; leave it out for a token that does not end.",
            ));
        }
        if self.expires_at.is_some_and(|end| !db::holds(end)) {
            return Err(Error::invalid(
                "`expiresAt` is beyond the year 9999; leave it out for a token that does not end.",
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
        Ok(Checked {
            name,
            scopes: self.scopes.into_iter().collect(),
            allowed_domains: list("allowedDomains", self.allowed_domains, domain)?,
            allowed_ips: list("allowedIps", self.allowed_ips, network)?,
            rate_limit: self.rate_limit.unwrap_or(RATE_LIMIT),
            expires_at: self.expires_at,
        })
    }
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
