//! Looking for a domain's proof, and recording the outcome.

use super::events::{self as actions, DomainEvent};
use super::proof::ProofError;
use super::schedule::{self, Outcome};
use super::{AllowedDomain, DOMAINS, Domains, Method, dns, meta, store};
use crate::sites::Sites;
use chrono::{DateTime, Utc};
use embed_base::change::Change;
use embed_base::events::activity::Actor;
use embed_base::{Code, Error, Result};
use std::num::NonZeroU32;
use uuid::Uuid;

/// How many searches for proofs a site's operators may start per minute: each calls hosts of other people.
pub const VERIFICATIONS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(30).expect("30 is not zero");

impl Domains {
    /// Looks for the proof now, by one method or by each that the domain may use; the error says why it was not
    /// found.
    pub async fn verify(
        &self,
        by: &Actor,
        site: Uuid,
        id: Uuid,
        method: Option<Method>,
    ) -> Result<AllowedDomain> {
        let domain = self.load(site, id).await?;
        if domain.pattern()?.is_loopback() {
            return Ok(domain);
        }
        let found = self.find_proof(&domain, method).await?;
        let refused = found.as_ref().err().map(|error| {
            let detail = format!(
                "{} could not be verified: {error}. `embed-server domain instructions {id}` prints what its owner must publish.",
                domain.domain
            );
            Error::new(Code::VerificationFailed, detail)
        });
        let domain = self.record_outcome(Some(by), domain, &found.into()).await?;
        match refused {
            Some(error) => Err(error),
            None => Ok(domain),
        }
    }

    /// Looks for the proof by each method, first by the one that found it last time. If none finds it, the error of
    /// the first one decides the outcome.
    pub(super) async fn find_proof(
        &self,
        domain: &AllowedDomain,
        method: Option<Method>,
    ) -> Result<Result<Method, ProofError>> {
        let pattern = domain.pattern()?;
        let token = &domain.verification_token;
        let methods: &[Method] = match method {
            Some(Method::Dns) => &[Method::Dns],
            Some(Method::Meta) => &[Method::Meta],
            None if pattern.is_wildcard() => &[Method::Dns],
            None if domain.verification_method.as_deref() == Some("meta") => &[Method::Meta, Method::Dns],
            None => &[Method::Dns, Method::Meta],
        };
        let mut reason: Option<ProofError> = None;
        for &method in methods {
            let found = match method {
                Method::Dns => dns::check(&self.context.resolver, &pattern, token).await,
                Method::Meta => meta::check(&self.context.outbound, &pattern, token).await,
            };
            match found {
                Ok(()) => return Ok(Ok(method)),
                Err(error) => reason = Some(error.after(reason)),
            }
        }
        Ok(Err(reason.unwrap_or(ProofError::WildcardNeedsDns)))
    }

    /// Records the outcome of a check that an operator asked for, or that was due. Where the domain has changed since
    /// it was read, the outcome is applied to the new row.
    pub(super) async fn record_outcome(
        &self,
        by: Option<&Actor>,
        mut domain: AllowedDomain,
        outcome: &Outcome,
    ) -> Result<AllowedDomain> {
        let tenant = Sites::new(&self.context).tenant(domain.site_id, Some(domain.module_id)).await?;
        loop {
            let read_at = domain.updated_at;
            let events = schedule::apply(&mut domain, outcome, self.context.clock.now());
            let written = match (by, outcome) {
                (Some(by), Outcome::Proved(_)) => {
                    let mut change = self.context.change(&tenant, by).await?;
                    let written = write(&mut change, &domain, read_at, &events).await?;
                    if written {
                        change.commit(actions::DOMAIN_VERIFIED, &domain.domain).await?;
                    }
                    written
                }
                // A check that found nothing is no operator's change, so it has no entry.
                _ => {
                    let mut change = self.context.change_unlisted(tenant.site, tenant.module).await?;
                    let written = write(&mut change, &domain, read_at, &events).await?;
                    if written {
                        change.commit_unlisted().await?;
                    }
                    written
                }
            };
            if written {
                return Ok(domain);
            }
            domain = self.load(domain.site_id, domain.id).await?;
        }
    }
}

/// Writes the domain and its events; `false` where the domain has changed since it was read.
async fn write<B>(
    change: &mut Change<B>,
    domain: &AllowedDomain,
    read_at: DateTime<Utc>,
    events: &[DomainEvent],
) -> Result<bool> {
    if !store::update(change, domain, read_at).await? {
        return Ok(false);
    }
    for event in events {
        change.event(event)?;
    }
    if !events.is_empty() {
        change.forget(DOMAINS, domain.module_id);
    }
    Ok(true)
}
