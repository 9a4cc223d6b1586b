//! What `embed-server domain` prints.

use crate::output::Readable;
use embed_core::domains::{AllowedDomain, Instructions, Record};
use serde::Serialize;
use std::fmt;

impl Readable for Instructions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Record { kind, name, value }) = &self.dns else {
            return write!(f, "{} is this computer and needs no proof.", self.domain);
        };
        writeln!(f, "The owner of {} proves ownership with a DNS record:\n", self.domain)?;
        writeln!(f, "  {kind}    {name}\n  value  {value}\n")?;
        if let Some(tag) = &self.meta {
            writeln!(f, "or with a tag in the <head> of its home page:\n\n  {tag}\n")?;
        }
        write!(f, "Then:\n  embed-server domain verify {}", self.id)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Added(pub(super) Instructions);

impl Readable for Added {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Added {} to the module's list.\n\n{}", self.0.domain, self.0.text())
    }
}

#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Changed(pub(super) AllowedDomain);

impl Readable for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AllowedDomain { domain, allow_embed, allow_api, embed_types, rate_limit, ancestors, .. } =
            &self.0;
        let can = |allowed: bool| if allowed { "can" } else { "cannot" };
        write!(f, "Pages of {domain} {} embed the module", can(*allow_embed))?;
        if *allow_embed && !embed_types.is_empty() {
            let types: Vec<_> = embed_types.iter().map(|known| known.as_str()).collect();
            write!(f, " (as {})", types.join(" or "))?;
        }
        write!(f, " and {} call its API, at most {rate_limit} times an hour.", can(*allow_api))?;
        if !ancestors.is_empty() {
            write!(f, " {} may frame them.", ancestors.join(" and "))?;
        }
        Ok(())
    }
}

#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Verified(pub(super) AllowedDomain);

impl Readable for Verified {
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

#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Removed(pub(super) AllowedDomain);

impl Readable for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Removed {}. Its pages can no longer embed the module.", self.0.domain)
    }
}

/// A line of `domain list`.
impl Readable for AllowedDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match (self.verified, &self.last_error) {
            (true, None) => "verified".to_owned(),
            (true, Some(error)) => format!("verified, but at the last check {error}"),
            (false, None) => "pending".to_owned(),
            (false, Some(error)) => format!("pending: {error}"),
        };
        write!(f, "{}  {}{}  {state}", self.id, self.domain, in_owner_script(self))
    }
}

/// A domain's name in its owner's script, where it has one, in brackets.
fn in_owner_script(domain: &AllowedDomain) -> String {
    let name = domain.pattern().ok().and_then(|pattern| pattern.in_owner_script());
    name.map_or_else(String::new, |name| format!(" ({name})"))
}
