//! Proof by DNS: a TXT record that only the domain's owner can publish.

use super::{
    pattern::DomainPattern,
    proof::{NAME, ProofError},
};
use embed_base::outbound::{LookupError, Resolver};

/// Where the record of a domain belongs: `_dramac-verify.` before its host.
pub fn record_name(domain: &DomainPattern) -> String {
    format!("_dramac-verify.{}", domain.verification_host())
}

/// What the record must hold.
pub fn record_value(token: &str) -> String {
    format!("{NAME}={token}")
}

/// Looks whether the domain's record holds `token`. Other records at the name are no obstacle.
pub async fn check(resolver: &Resolver, domain: &DomainPattern, token: &str) -> Result<(), ProofError> {
    let record = record_name(domain);
    let texts = match resolver.texts(&record).await {
        Ok(texts) => texts,
        Err(LookupError::Absent) => Vec::new(),
        Err(source) => return Err(ProofError::NotLookedUp { record, source }),
    };
    if texts.iter().any(|text| text.trim_ascii() == record_value(token).as_bytes()) {
        Ok(())
    } else if texts.iter().any(|text| text.starts_with(NAME.as_bytes())) {
        Err(ProofError::OtherRecord { record, token: token.to_owned() })
    } else {
        Err(ProofError::NoRecord { record })
    }
}
