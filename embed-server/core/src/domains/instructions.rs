//! What the owner of a domain publishes to prove it.

use super::{AllowedDomain, dns, meta};
use embed_base::Result;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// How to prove a domain, by either of two ways.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Instructions {
    /// The domain's id.
    pub id: Uuid,
    /// The domain.
    pub domain: String,
    /// The token that proves the domain in both ways, 64 hex digits.
    pub verification_token: String,
    /// The DNS record; null where no proof is needed.
    pub dns: Option<Record>,
    /// The tag for the `<head>` of the front page; null for a wildcard, which only DNS can prove.
    pub meta: Option<String>,
}

/// A DNS record.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "DnsRecord")]
pub struct Record {
    /// The record's type, `TXT`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The record's name.
    pub name: String,
    /// The record's text.
    pub value: String,
}

/// A new allowed domain, and how to prove it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddedDomain {
    #[serde(flatten)]
    pub domain: AllowedDomain,
    /// The DNS record that proves it; null where no proof is needed.
    pub dns: Option<Record>,
    /// The tag for the `<head>` of its front page; null for a wildcard, which only DNS can prove.
    pub meta: Option<String>,
}

impl AddedDomain {
    pub fn new(domain: AllowedDomain) -> Result<Self> {
        let Instructions { dns, meta, .. } = Instructions::new(&domain)?;
        Ok(Self { domain, dns, meta })
    }
}

impl Instructions {
    pub fn new(domain: &AllowedDomain) -> Result<Self> {
        let pattern = domain.pattern()?;
        let token = &domain.verification_token;
        let provable = !pattern.is_loopback();
        Ok(Self {
            id: domain.id,
            domain: domain.domain.clone(),
            verification_token: token.clone(),
            dns: provable.then(|| Record {
                kind: "TXT",
                name: dns::record_name(&pattern),
                value: dns::record_value(token),
            }),
            meta: (provable && !pattern.is_wildcard()).then(|| meta::tag(token)),
        })
    }
}
