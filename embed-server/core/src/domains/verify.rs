//! Looking for a domain's proof, and writing down what was found.

use super::proof::ProofError;
use super::schedule::{self, Outcome};
use super::{AllowedDomain, Domains, Method, dns, meta, note, store};
use embed_base::events::activity::{Action, Actor};
use embed_base::{Code, Error, Result};
use uuid::Uuid;

impl Domains {
    /// Looks for the proof now, by one method or by each that the domain may use; the error says why it was not found.
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
        let found = self.look(&domain, method).await?;
        let refused = found.as_ref().err().map(|error| {
            let detail = format!(
                "{} could not be verified: {error}. `embed-server domain instructions {id}` prints again what its owner must publish.",
                domain.domain
            );
            Error::new(Code::VerificationFailed, detail)
        });
        let domain = self.apply(Some(by), domain, &found.into()).await?;
        match refused {
            Some(error) => Err(error),
            None => Ok(domain),
        }
    }

    /// Looks for the proof where it may be; first where it was last time. Of two reasons the first
    /// decides what follows.
    pub(super) async fn look(
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

    /// Writes down what was found, and who had looked; nobody when it was time to. When somebody else has changed the domain
    /// meanwhile, his change is read and kept.
    pub(super) async fn apply(
        &self,
        by: Option<&Actor>,
        mut domain: AllowedDomain,
        outcome: &Outcome,
    ) -> Result<AllowedDomain> {
        loop {
            let read_at = domain.updated_at;
            let happened = schedule::after(&mut domain, outcome, self.context.clock.now());
            let mut tx = self.context.db.begin(domain.site_id).await?;
            if store::update(&mut tx, &domain, read_at).await? {
                if let (Some(by), Outcome::Proved(_)) = (by, outcome) {
                    note(&mut tx, by, Action::DomainVerified, &domain, domain.updated_at).await?;
                }
                self.commit(tx, &domain, &happened).await?;
                return Ok(domain);
            }
            drop(tx);
            domain = self.load(domain.site_id, domain.id).await?;
        }
    }
}
