//! What people say when they allow a domain, or change what it may.

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
    /// Such as example.com, or *.example.com for everything below it.
    domain: String,
    /// Whether its pages may embed the module.
    #[serde(default = "yes")]
    allow_embed: bool,
    /// Whether they may call the module's API.
    #[serde(default = "yes")]
    allow_api: bool,
    /// In which ways they may embed it; empty means all.
    #[serde(default)]
    embed_types: Vec<EmbedType>,
    /// API requests per hour that they may make.
    #[serde(default = "usual_limit")]
    rate_limit: NonZeroU32,
}

/// What changes about a domain; what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DomainChanges {
    /// Whether its pages may embed the module.
    pub allow_embed: Option<bool>,
    /// Whether they may call the module's API.
    pub allow_api: Option<bool>,
    /// In which ways they may embed it; empty means all.
    pub embed_types: Option<Vec<EmbedType>>,
    /// API requests per hour that they may make.
    pub rate_limit: Option<NonZeroU32>,
}

/// Where to look for the proof.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Look {
    /// By one way; left out, by each that the domain may use.
    pub method: Option<Method>,
}

impl DomainToAllow {
    /// The same with the domain understood, or 400 `invalid_domain`.
    pub fn check(self, domains: &Domains) -> Result<NewDomain> {
        Ok(NewDomain {
            pattern: domains.pattern(&self.domain)?,
            allow_embed: self.allow_embed,
            allow_api: self.allow_api,
            embed_types: self.embed_types,
            rate_limit: self.rate_limit.get().into(),
        })
    }
}

fn yes() -> bool {
    true
}

fn usual_limit() -> NonZeroU32 {
    u32::try_from(RATE_LIMIT).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN)
}
