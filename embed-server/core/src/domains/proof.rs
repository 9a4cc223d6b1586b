//! What proves that a domain is its claimant's, and what can be said when it does not.

use embed_base::outbound::{LookupError, OutboundError};

/// The name of the proof: what a DNS text starts with, and the name of the meta tag.
pub const NAME: &str = "dramac-site-verification";

/// Why a domain is not proved. Either the proof is not there ([`ProofError::is_absence`]), or it could not be looked
/// for, which says nothing about a proof that was there yesterday.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each variant's sentence is its documentation")]
pub enum ProofError {
    #[error(
        "there is no TXT record {NAME}=… at {record} yet: publish it, and try again when DNS has it (minutes, at times an hour)"
    )]
    NoRecord { record: String },
    #[error("the TXT record at {record} holds another token: replace it with {NAME}={token}")]
    OtherRecord { record: String, token: String },
    #[error("{record} could not be looked up: {source}; try again later")]
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
    #[error("{first}; nor was the other proof found: {second}")]
    Neither { first: Box<ProofError>, second: Box<ProofError> },
}

impl ProofError {
    /// This reason, told after the one of the method that was tried before.
    pub(super) fn after(self, first: Option<Self>) -> Self {
        match first {
            Some(first) => Self::Neither { first: first.into(), second: self.into() },
            None => self,
        }
    }

    /// Whether it is certain that the proof is not there.
    pub fn is_absence(&self) -> bool {
        match self {
            Self::NoRecord { .. } | Self::OtherRecord { .. } | Self::NoTag { .. } | Self::OtherTag { .. } => {
                true
            }
            Self::NoPage { status, .. } => matches!(status, 404 | 410),
            Self::Neither { first, .. } => first.is_absence(),
            Self::NotLookedUp { .. } | Self::NotFetched(_) | Self::WildcardNeedsDns => false,
        }
    }
}
