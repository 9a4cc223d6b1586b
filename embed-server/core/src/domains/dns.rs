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

/// The most characters of a stranger's record that an error repeats.
const SHOWN: usize = 60;

/// Checks whether a TXT record at the name holds `token`; other records there are ignored. Where it does not, the error says
/// what was found, there and at the names where records often are by mistake.
pub async fn check(resolver: &Resolver, domain: &DomainPattern, token: &str) -> Result<(), ProofError> {
    let record = record_name(domain);
    let texts = match resolver.texts(&record).await {
        Ok(texts) => texts,
        Err(LookupError::Absent) => Vec::new(),
        Err(source) => {
            tracing::info!(record, error = %source, "the proof of a domain could not be looked up");
            return Err(ProofError::NotLookedUp { record, source });
        }
    };
    let (value, owned) = (record_value(token), token.to_owned());
    let any = |holds: &dyn Fn(&[u8]) -> bool| texts.iter().any(|text| holds(text.trim_ascii()));
    if any(&|text| text == value.as_bytes()) {
        return Ok(());
    }
    if any(&|text| has_quotes(text) && unquoted(text).ends_with(token)) {
        return Err(ProofError::QuotedRecord { record, token: owned });
    }
    if any(&|text| text == token.as_bytes()) {
        return Err(ProofError::BareToken { record, token: owned });
    }
    if any(&|text| unquoted(text).starts_with(NAME)) {
        return Err(ProofError::OtherRecord { record, token: owned });
    }
    for name in wrong_names(domain) {
        if let Ok(texts) = resolver.texts(&name).await
            && texts.iter().any(|text| unquoted(text.trim_ascii()).ends_with(token))
        {
            return Err(ProofError::Elsewhere { record, found: name });
        }
    }
    if texts.is_empty() {
        return Err(ProofError::NoRecord { record });
    }
    let found = texts.iter().take(3).map(|text| shown(text)).collect::<Vec<_>>().join(", ");
    Err(ProofError::OtherTexts { record, found, token: owned })
}

/// Where records often are by mistake: at the domain itself, at its zone, and, where the DNS panel appends the zone to a
/// name that has it already, below the zone again.
fn wrong_names(domain: &DomainPattern) -> Vec<String> {
    let (record, host) = (record_name(domain), domain.verification_host());
    let zone = psl::domain_str(host).unwrap_or(host);
    let mut names = vec![host.to_owned(), format!("{record}.{host}"), format!("www.{record}")];
    if zone != host {
        names.extend([format!("{record}.{zone}"), format!("_dramac-verify.{zone}"), zone.to_owned()]);
    }
    names
}

fn has_quotes(text: &[u8]) -> bool {
    text.iter().any(|byte| b"\"'".contains(byte)) || text.windows(3).any(|part| part == "\u{201c}".as_bytes())
}

/// The text without quotation marks around it, straight or typographic.
fn unquoted(text: &[u8]) -> String {
    let quotes = ['"', '\'', '\\', '\u{201c}', '\u{201d}', '\u{201e}', ' '];
    String::from_utf8_lossy(text).trim_matches(quotes).to_owned()
}

/// A stranger's text, for people.
fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let start: String = text.chars().take(SHOWN).collect();
    let more = if start.len() < text.len() { "…" } else { "" };
    format!("`{}{more}`", start.escape_default())
}
