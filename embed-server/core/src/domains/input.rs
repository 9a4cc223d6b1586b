//! The input of operators for allowed domains.

use super::{Domains, Method, NewDomain, RATE_LIMIT};
use embed_base::Result;
use embed_protocol::EmbedType;
use schemars::JsonSchema;
use serde::Deserialize;
use std::num::NonZeroU32;

/// A domain to allow.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DomainToAllow {
    /// The domain, such as example.com, or *.example.com for everything below it too.
    domain: String,
    /// Whether its pages may embed the module.
    #[serde(default = "default_true")]
    allow_embed: bool,
    /// Whether its pages may call the module's API.
    #[serde(default = "default_true")]
    allow_api: bool,
    /// The types as which its pages may embed it; empty means all.
    #[serde(default)]
    embed_types: Vec<EmbedType>,
    /// The number of API requests that its pages may make per hour.
    #[serde(default = "default_rate_limit")]
    rate_limit: NonZeroU32,
    /// The origins of websites that may frame its pages with the module in them, such as `https://portal.example.com`; at
    /// most 10, each of which a domain of the module covers.
    #[serde(default)]
    ancestors: Vec<String>,
}

/// Changes of a domain; members that are left out stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DomainChanges {
    /// Whether its pages may embed the module.
    pub allow_embed: Option<bool>,
    /// Whether its pages may call the module's API.
    pub allow_api: Option<bool>,
    /// The types as which its pages may embed it; empty means all.
    pub embed_types: Option<Vec<EmbedType>>,
    /// The number of API requests that its pages may make per hour.
    pub rate_limit: Option<NonZeroU32>,
    /// The origins of websites that may frame its pages with the module in them; at most 10, each of which a domain of the
    /// module covers.
    pub ancestors: Option<Vec<String>>,
}

/// A request to look for a domain's proof now.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Look")]
pub struct Verification {
    /// The method to check; if left out, each that the domain may use.
    pub method: Option<Method>,
}

impl DomainToAllow {
    /// Parses the domain; 400 `invalid_domain` where it cannot be allowed.
    pub fn check(self, domains: &Domains) -> Result<NewDomain> {
        Ok(NewDomain {
            pattern: domains.pattern(&self.domain)?,
            allow_embed: self.allow_embed,
            allow_api: self.allow_api,
            embed_types: self.embed_types,
            rate_limit: self.rate_limit.get().into(),
            ancestors: self.ancestors,
        })
    }
}

fn default_true() -> bool {
    true
}

fn default_rate_limit() -> NonZeroU32 {
    u32::try_from(RATE_LIMIT).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN)
}
