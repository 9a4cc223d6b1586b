//! What proves a domain, and why a proof was not accepted.

use embed_base::outbound::{LookupError, OutboundError};

/// The name of the proof: the start of the DNS text, and the name of the meta tag.
pub const NAME: &str = "dramac-site-verification";

/// Why a domain is not proved: either the proof is missing ([`ProofError::is_absence`]), or the check failed, which
/// says nothing about an earlier proof.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    #[error(
        "there is no TXT record {NAME}=… at {record} yet: publish it, and try again when DNS has it (minutes, at times an hour)"
    )]
    NoRecord { record: String },
    #[error("the TXT record at {record} holds another token: replace it with {NAME}={token}")]
    OtherRecord { record: String, token: String },
    #[error(
        "the value of the TXT record at {record} has quotation marks in it: replace it with {NAME}={token}, without any"
    )]
    QuotedRecord { record: String, token: String },
    #[error("the TXT record at {record} is the token alone: replace it with {NAME}={token}")]
    BareToken { record: String, token: String },
    #[error("the TXT records at {record} are others ({found}): add one more with the value {NAME}={token}")]
    OtherTexts { record: String, found: String, token: String },
    #[error("the TXT record is at {found} instead of {record}: {}", moved(record, found))]
    Elsewhere { record: String, found: String },
    #[error("{record} could not be looked up: {}; try again later", source.public())]
    NotLookedUp { record: String, source: LookupError },
    #[error(
        "https://{host}/ has no <meta name=\"{NAME}\"> in its head: put it before the body, and try again"
    )]
    NoTag { host: String },
    #[error("the meta tag of https://{host}/ holds another token: its content must be {token}")]
    OtherTag { host: String, token: String },
    #[error("https://{host}/ answered with status {status} instead of a page: try again when it works")]
    NoPage { host: String, status: u16 },
    #[error("{0}; try again later")]
    NotFetched(#[from] OutboundError),
    #[error("a wildcard can only be proved by DNS: publish the TXT record, and verify with the method dns")]
    WildcardNeedsDns,
    #[error("{first}. The other proof was not found either: {second}")]
    Neither { first: Box<ProofError>, second: Box<ProofError> },
}

impl ProofError {
    /// This error, preceded by that of the method that was tried before.
    pub(super) fn after(self, first: Option<Self>) -> Self {
        match first {
            Some(first) => Self::Neither { first: first.into(), second: self.into() },
            None => self,
        }
    }

    /// Whether the proof is certainly missing.
    pub fn is_absence(&self) -> bool {
        match self {
            Self::NoRecord { .. }
            | Self::OtherRecord { .. }
            | Self::QuotedRecord { .. }
            | Self::BareToken { .. }
            | Self::OtherTexts { .. }
            | Self::Elsewhere { .. }
            | Self::NoTag { .. }
            | Self::OtherTag { .. } => true,
            Self::NoPage { status, .. } => matches!(status, 404 | 410),
            Self::Neither { first, .. } => first.is_absence(),
            Self::NotLookedUp { .. } | Self::NotFetched(_) | Self::WildcardNeedsDns => false,
        }
    }
}

/// How a record gets from where it is to where it belongs.
fn moved(record: &str, found: &str) -> String {
    match found.strip_prefix(record).and_then(|appended| appended.strip_prefix('.')) {
        Some(zone) => {
            let name = record.strip_suffix(zone).map_or(record, |name| name.trim_end_matches('.'));
            format!("the DNS panel appends {zone} by itself, so enter {name} as the record's name")
        }
        None => format!("move it to the name {record}"),
    }
}
