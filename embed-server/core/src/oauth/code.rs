//! Authorization codes (RFC 6749, section 4.1) with PKCE (RFC 7636).
//!
//! A code is used once. The same client with the right verifier gets the same answer again for ten seconds, because an answer
//! can be lost on its way; any later use shows that the code was stolen, and ends what it gave.

use super::client_auth::TOKENS_LIMIT;
use super::families::{FamilyEnd, lifetimes};
use super::parameters::Parameters;
use super::refresh::RefreshToken;
use super::store::{self, StoredCode};
use super::token::Bearer;
use super::{Client, OAuth};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use embed_base::change::{Change, Unlisted};
use embed_base::crypto::{close_envelope, equal, open_envelope, sha256, sha256_hex};
use embed_base::http::ScopeSet;
use embed_base::limits::{Limit, RateLimits};
use embed_base::{Code, Error, Result};
use std::net::IpAddr;
use uuid::Uuid;

/// How long a code is valid.
pub(super) const CODE_LIFETIME: TimeDelta = TimeDelta::minutes(10);
/// How long its use is answered again.
const ANSWERED_AGAIN: TimeDelta = TimeDelta::seconds(10);
/// What its answer's envelope is for.
const PURPOSE: &str = "oauth code";
/// A verifier's length (RFC 7636, section 4.1).
const VERIFIER: std::ops::RangeInclusive<usize> = 43..=128;

/// What a code is made for.
pub(super) struct NewCode<'a> {
    pub client: &'a Client,
    pub grant: Uuid,
    pub scopes: &'a ScopeSet,
    pub redirect_uri: &'a str,
    pub resource: &'a str,
    pub challenge: &'a str,
}

impl OAuth {
    /// Makes a family and its code within a change; returns the code.
    pub(super) async fn insert_code<B>(&self, change: &mut Change<B>, new: &NewCode<'_>) -> Result<String> {
        let now = change.now();
        let (_, absolute) = lifetimes(new.client, new.redirect_uri);
        let family = change.id();
        let site = new.client.site_id;
        store::insert_family(change, site, (family, new.grant), new.scopes, (now, now + absolute)).await?;
        let code = self.context.random.hex_token();
        let stored = StoredCode {
            code_hash: sha256_hex(code.as_bytes()),
            site_id: site,
            family_id: family,
            redirect_uri: new.redirect_uri.to_owned(),
            resource: new.resource.to_owned(),
            challenge: new.challenge.to_owned(),
            answer: None,
            expires_at: now + CODE_LIFETIME,
            used_at: None,
        };
        store::insert_code(change, &stored).await?;
        Ok(code)
    }

    /// The answer to `grant_type=authorization_code`, as JSON text.
    pub(super) async fn redeem_code(
        &self,
        limits: &RateLimits,
        client: &Client,
        form: &Parameters,
        address: IpAddr,
    ) -> Result<String> {
        let code = form.required("code")?;
        let verifier = form.required("code_verifier")?;
        let redirect_uri = form.one("redirect_uri")?;
        let hash = sha256_hex(code.as_bytes());
        let now = self.context.clock.now();
        // What is read before the transaction needs no second connection within it.
        let mut tx = self.context.db.read(client.site_id).await?;
        let found = store::code(&mut tx, client.site_id, &hash).await?.ok_or_else(unknown)?;
        let standing = store::standing_of_family(&mut tx, client.site_id, found.family_id).await?;
        drop(tx);
        // What does not prove the client's right to this code neither uses nor ends anything.
        let standing = standing.filter(|standing| standing.client == client.client_id).ok_or_else(unknown)?;
        if redirect_uri.is_some_and(|uri| uri != found.redirect_uri) {
            return Err(grant("`redirect_uri` is not the one that the code was sent to."));
        }
        if !is_verified(verifier, &found.challenge) {
            return Err(grant(
                "`code_verifier` does not fit the `code_challenge` of the authorization request.",
            ));
        }
        limits.count(vec![Limit::grant_tokens(standing.grant_id, TOKENS_LIMIT)]).await.check()?;
        self.check_resource(client, form)?;
        // A used one is judged by its use, however late it comes again.
        if found.used_at.is_none() && found.expires_at <= now {
            return Err(grant("The code has expired; ask for another."));
        }
        let tenant = self.sites.tenant(client.site_id, Some(client.module_id)).await?;
        let scopes = self.scopes_now(client, &tenant, standing.user_id, &standing.scopes).await?;
        let keys = self.keys.current().await?;
        let mut change = self.context.change_unlisted(client.site_id, Some(client.module_id)).await?;
        if !store::use_code(&mut change, client.site_id, &hash, now).await? {
            return self.redeem_again(change, client, (code, &hash)).await;
        }
        let still = store::standing_of_family(&mut change, client.site_id, found.family_id).await?;
        if !still.is_some_and(|standing| standing.counts()) {
            return Err(grant("What the code was made for was revoked; ask for access again."));
        }
        if scopes.is_empty() {
            return Err(grant("The person may no longer allow anything that the code was made for."));
        }
        let (idle, _) = lifetimes(client, &found.redirect_uri);
        let refresh = RefreshToken::random(&self.context.random);
        let end = (now + idle).min(standing.expires_at);
        store::insert_refresh(&mut change, (client.site_id, found.family_id), &refresh.hash(), None, end)
            .await?;
        let bearer = Bearer {
            client,
            grant: standing.grant_id,
            family: found.family_id,
            user: standing.user_id,
            scopes: &scopes,
        };
        let answer = self.token_answer(&bearer, &keys, Some(&refresh))?;
        let closed = close_envelope(PURPOSE, code, &answer, &self.context.random)?;
        store::answer_code(&mut change, client.site_id, &hash, &closed).await?;
        store::use_grant(&mut change, client.site_id, standing.grant_id, now, address).await?;
        change.commit_unlisted().await?;
        Ok(answer)
    }

    /// Answers a code that was used before: for a moment as the first time, then by ending what it gave.
    async fn redeem_again(
        &self,
        mut change: Change<Unlisted>,
        client: &Client,
        (code, hash): (&str, &str),
    ) -> Result<String> {
        let site = client.site_id;
        let found = store::code(&mut change, site, hash).await?.ok_or_else(unknown)?;
        let standing = store::standing_of_family(&mut change, site, found.family_id).await?;
        let recent = found.used_at.is_some_and(|used| change.now() - used <= ANSWERED_AGAIN);
        let untouched = store::first_refresh_is_unused(&mut change, site, found.family_id).await?;
        if recent && untouched && standing.is_some_and(|standing| standing.counts()) {
            let answer = found.answer.and_then(|closed| open_envelope(PURPOSE, code, &closed));
            return answer.ok_or_else(|| grant("The code was used already."));
        }
        self.end_family(change, site, found.family_id, FamilyEnd::CodeReplayed).await?;
        Err(grant("The code was used before. Because it may have been stolen, what it gave was revoked."))
    }
}

/// Whether the verifier's SHA-256 is the challenge (RFC 7636, section 4.6).
fn is_verified(verifier: &str, challenge: &str) -> bool {
    let fits = VERIFIER.contains(&verifier.len())
        && verifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    let made = BASE64_URL_SAFE_NO_PAD.encode(sha256(verifier.as_bytes()));
    fits && equal(made.as_bytes(), challenge.as_bytes())
}

/// Whether a text can be the challenge of a verifier: SHA-256 in base64url.
pub(super) fn is_challenge(text: &str) -> bool {
    BASE64_URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

/// 400 `invalid_grant`.
pub(super) fn grant(detail: &str) -> Error {
    Error::new(Code::InvalidGrant, detail)
}

fn unknown() -> Error {
    grant("There is no such code for this client; each is valid for ten minutes and one use.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verifier_of_the_rfc_fits_its_challenge() {
        let (verifier, challenge) =
            ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!(is_verified(verifier, challenge) && is_challenge(challenge));
        assert!(!is_verified(challenge, challenge), "plain");
        assert!(!is_verified(&verifier[1..], challenge));
        assert!(!is_verified("", challenge));
        for text in ["", "short", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=", verifier.get(..42).unwrap()]
        {
            assert!(!is_challenge(text), "{text}");
        }
    }
}
