//! Refresh tokens (RFC 6749, section 6): each is used once and followed by another; a later use ends the family
//! (RFC 9700, section 4.14).
//!
//! A client whose answer was lost may send the same token again for thirty seconds, as long as what it did not receive is
//! unused, and gets the same bytes; there is one child at any time.

use super::client_auth::TOKENS_LIMIT;
use super::code::grant;
use super::families::{FamilyEnd, lifetimes};
use super::keys::KeySet;
use super::parameters::Parameters;
use super::store;
use super::token::{ACCESS_SECONDS, Bearer};
use super::{Client, OAuth};
use chrono::TimeDelta;
use embed_base::change::{Change, Unlisted};
use embed_base::crypto::{Random, close_envelope, open_envelope};
use embed_base::http::ScopeSet;
use embed_base::limits::{Limit, RateLimits};
use embed_base::secrets::{Bearer as Secret, SecretKind};
use embed_base::{Code, Error, Result};
use serde_json::json;
use std::net::IpAddr;

/// How long the use of a token is answered again.
const ANSWERED_AGAIN: TimeDelta = TimeDelta::seconds(30);
/// What its answer's envelope is for.
const PURPOSE: &str = "oauth refresh";

/// A refresh token in its format.
pub(super) struct RefreshToken(Secret);

impl RefreshToken {
    pub fn random(random: &Random) -> Self {
        Self(Secret::random(SecretKind::Refresh, random))
    }

    /// Parses a token; `None` for text in another format.
    pub fn parse(text: &str) -> Option<Self> {
        Secret::parse(text).filter(|secret| secret.kind() == SecretKind::Refresh).map(Self)
    }

    pub fn hash(&self) -> String {
        self.0.hash()
    }
}

impl OAuth {
    /// The answer to `grant_type=refresh_token`, as JSON text.
    pub(super) async fn refresh(
        &self,
        limits: &RateLimits,
        client: &Client,
        form: &Parameters,
        address: IpAddr,
    ) -> Result<String> {
        let presented = form.required("refresh_token")?;
        let token = RefreshToken::parse(presented).ok_or_else(unknown)?;
        let (site, hash) = (client.site_id, token.hash());
        self.check_resource(client, form)?;
        let now = self.context.clock.now();
        // What is read before the transaction needs no second connection within it.
        let mut tx = self.context.db.read(site).await?;
        let found = store::refresh(&mut tx, site, &hash).await?.ok_or_else(unknown)?;
        let standing = store::standing_of_family(&mut tx, site, found.family_id).await?;
        drop(tx);
        let standing = standing.filter(|standing| standing.client == client.client_id).ok_or_else(unknown)?;
        limits.count(vec![Limit::grant_tokens(standing.grant_id, TOKENS_LIMIT)]).await.check()?;
        if !standing.counts() {
            return Err(grant("The access was revoked; ask for it again."));
        }
        // A used one is judged by its use, however late it comes again.
        let is_over = found.used_at.is_none() && found.expires_at <= now;
        if is_over || standing.expires_at <= now {
            return Err(grant("The refresh token has expired; ask the person for access again."));
        }
        let tenant = self.sites.tenant(site, Some(client.module_id)).await?;
        let scopes = self.scopes_now(client, &tenant, standing.user_id, &standing.scopes).await?;
        if scopes.is_empty() {
            return Err(grant("The person may no longer allow anything that was granted."));
        }
        let scopes = narrowed(&standing.scopes, &scopes, form.one("scope")?)?;
        let keys = self.keys.current().await?;
        let mut change = self.context.change_unlisted(site, Some(client.module_id)).await?;
        if !store::use_refresh(&mut change, site, &hash, now).await? {
            return self.refresh_again(change, client, (presented, &hash)).await;
        }
        let still = store::standing_of_family(&mut change, site, found.family_id).await?;
        if !still.is_some_and(|standing| standing.counts()) {
            return Err(grant("The access was revoked; ask for it again."));
        }
        let next = RefreshToken::random(&self.context.random);
        let (idle, _) = lifetimes(client, &standing.redirect_uri);
        let end = (now + idle).min(standing.expires_at);
        store::insert_refresh(&mut change, (site, found.family_id), &next.hash(), Some(&hash), end).await?;
        let bearer = Bearer {
            client,
            grant: standing.grant_id,
            family: found.family_id,
            user: standing.user_id,
            scopes: &scopes,
        };
        let answer = self.token_answer(&bearer, &keys, Some(&next))?;
        let closed = close_envelope(PURPOSE, presented, &answer, &self.context.random)?;
        store::answer_refresh(&mut change, site, &hash, &closed).await?;
        store::use_grant(&mut change, site, standing.grant_id, now, address).await?;
        change.commit_unlisted().await?;
        Ok(answer)
    }

    /// Answers a token that was used before: for a moment as the first time, then by ending the family.
    async fn refresh_again(
        &self,
        mut change: Change<Unlisted>,
        client: &Client,
        (presented, hash): (&str, &str),
    ) -> Result<String> {
        let site = client.site_id;
        let found = store::refresh(&mut change, site, hash).await?.ok_or_else(unknown)?;
        let recent = found.used_at.is_some_and(|used| change.now() - used <= ANSWERED_AGAIN);
        if recent && store::child_is_unused(&mut change, site, hash).await? {
            let answer = found.answer.and_then(|closed| open_envelope(PURPOSE, presented, &closed));
            return answer.ok_or_else(|| grant("The refresh token was used already."));
        }
        self.end_family(change, site, found.family_id, FamilyEnd::RefreshTokenReplayed).await?;
        Err(grant(
            "The refresh token was used before. Because it may have been stolen, the access was revoked; ask for it again.",
        ))
    }

    /// What the token endpoint answers, as JSON text, so that it can be repeated byte for byte.
    pub(super) fn token_answer(
        &self,
        bearer: &Bearer<'_>,
        keys: &KeySet,
        refresh: Option<&RefreshToken>,
    ) -> Result<String> {
        let mut answer = json!({
            "access_token": self.access_token(bearer, keys)?,
            "token_type": "Bearer",
            "expires_in": ACCESS_SECONDS,
            "scope": bearer.scopes.to_string(),
        });
        if let Some(refresh) = refresh {
            answer["refresh_token"] = refresh.0.reveal().into();
        }
        Ok(answer.to_string())
    }
}

/// The scopes of the next access token: what is left of the granted ones, or of those that the client names.
fn narrowed(granted: &ScopeSet, left: &ScopeSet, asked: Option<&str>) -> Result<ScopeSet> {
    let Some(asked) = asked else { return Ok(left.clone()) };
    let asked = super::request::scopes(asked)?;
    if !granted.covers_all(&asked) {
        let detail = format!("`scope` has {}, which was not granted.", asked.beyond(granted));
        return Err(Error::new(Code::InvalidScope, detail));
    }
    let left = left.shared_with(&asked);
    if left.is_empty() {
        return Err(Error::new(Code::InvalidScope, "The person may no longer allow any of these scopes."));
    }
    Ok(left)
}

fn unknown() -> Error {
    grant("There is no such refresh token of this client.")
}
