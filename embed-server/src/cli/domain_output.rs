//! What `embed-server domain` prints.

use crate::domains::{AllowedDomain, dns, meta};
use crate::error::Result;
use serde::Serialize;
use std::fmt::{self, Display};
use uuid::Uuid;

/// What a domain's owner publishes: one of the two.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Instructions {
    id: Uuid,
    domain: String,
    verification_token: String,
    /// Absent where nothing needs to be proved.
    dns: Option<Record>,
    /// Absent for a wildcard, which only DNS can prove.
    meta: Option<String>,
}

#[derive(Serialize)]
struct Record {
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
    value: String,
}

impl Instructions {
    pub(super) fn new(domain: &AllowedDomain) -> Result<Self> {
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

impl Display for Instructions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Record { kind, name, value }) = &self.dns else {
            return write!(f, "{} is this computer and needs no proof.", self.domain);
        };
        writeln!(f, "Whoever owns {} proves it with a DNS record:\n", self.domain)?;
        writeln!(f, "  {kind}    {name}\n  value  {value}\n")?;
        if let Some(tag) = &self.meta {
            writeln!(f, "or with a tag in the <head> of its front page:\n\n  {tag}\n")?;
        }
        write!(f, "Then:\n  embed-server domain verify {}", self.id)
    }
}

/// A domain that was added.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Added(pub(super) Instructions);

impl Display for Added {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Added {} to the module's list.\n\n{}", self.0.domain, self.0)
    }
}

/// A domain whose proof was found.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Verified(pub(super) AllowedDomain);

impl Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AllowedDomain { domain, verification_method, .. } = &self.0;
        write!(f, "{domain} is verified")?;
        match verification_method {
            Some(method) => write!(f, " by {method}.")?,
            None => f.write_str(".")?,
        }
        if self.0.allow_embed {
            f.write_str(" Its pages can embed the module now.")?;
        }
        Ok(())
    }
}

/// A domain that was taken off.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Removed(pub(super) AllowedDomain);

impl Display for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Removed {}. Its pages can no longer embed the module.", self.0.domain)
    }
}

/// A line of `domain list`.
impl Display for AllowedDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match (self.verified, &self.last_error) {
            (true, None) => "verified".to_owned(),
            (true, Some(error)) => format!("verified, but at the last look {error}"),
            (false, None) => "pending".to_owned(),
            (false, Some(error)) => format!("pending: {error}"),
        };
        write!(f, "{}  {}  {state}", self.id, self.domain)
    }
}
