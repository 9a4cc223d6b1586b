//! Proof by DNS: a TXT record that only the domain's owner can publish.

use super::{
    pattern::DomainPattern,
    proof::{NAME, ProofError},
};
use embed_base::outbound::{LookupError, Resolver};

/// The name of the record: `_dramac-verify.` and the domain's host.
pub fn record_name(domain: &DomainPattern) -> String {
    format!("_dramac-verify.{}", domain.verification_host())
}

/// The text of the record.
pub fn record_value(token: &str) -> String {
    format!("{NAME}={token}")
}

/// Checks whether a TXT record at the name holds `token`; other records there are ignored.
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
