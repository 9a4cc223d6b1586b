//! What a client, or an app with its token, may ask about tokens: revocation (RFC 7009), introspection (RFC 7662), and whose
//! they are.

use super::families::FamilyEnd;
use super::parameters::Parameters;
use super::refresh::RefreshToken;
use super::store;
use super::token::{ACCESS_SECONDS, GRANT_LIMIT};
use super::{Client, FAMILIES, OAuth};
use chrono::TimeDelta;
use embed_base::http::{Scope, forbidden};
use embed_base::limits::{Limit, RateLimits};
use embed_base::{Code, Error, Result};
use serde_json::{Value, json};

impl OAuth {
    /// Ends the family of a token of this client. A token of another client, an unknown and an expired one change nothing,
    /// and the answer does not tell.
    pub(super) async fn revoke(&self, client: &Client, form: &Parameters) -> Result<()> {
        let token = form.required("token")?;
        if let Some(token) = RefreshToken::parse(token) {
            return self.revoke_refresh(client, &token).await;
        }
        let verified = match self.verified(token).await {
            Ok(verified) => verified,
            Err(error) if error.code() == Code::Unauthenticated => return Ok(()),
            Err(error) => return Err(error),
        };
        let claims = &verified.claims;
        if claims.client_id != client.client_id {
            return Ok(());
        }
        let mut change = self.context.change_unlisted(client.site_id, Some(client.module_id)).await?;
        if verified.user.is_some() {
            return self.end_family(change, client.site_id, claims.family, FamilyEnd::Revoked).await;
        }
        let now = change.now();
        let end = now + TimeDelta::seconds(ACCESS_SECONDS.into());
        let family = (claims.family, claims.grant);
        store::insert_revoked_family(&mut change, client.site_id, family, (now, end)).await?;
        change.forget(FAMILIES, claims.family);
        change.commit_unlisted().await
    }

    async fn revoke_refresh(&self, client: &Client, token: &RefreshToken) -> Result<()> {
        let site = client.site_id;
        let mut change = self.context.change_unlisted(site, Some(client.module_id)).await?;
        let Some(found) = store::refresh(&mut change, site, &token.hash()).await? else { return Ok(()) };
        let standing = store::standing_of_family(&mut change, site, found.family_id).await?;
        if standing.is_none_or(|standing| standing.client != client.client_id) {
            return Ok(());
        }
        self.end_family(change, site, found.family_id, FamilyEnd::Revoked).await
    }

    /// What a token of this client is worth; `{"active": false}` for any other text.
    pub(super) async fn introspect(&self, client: &Client, form: &Parameters) -> Result<Value> {
        let token = form.required("token")?;
        let inactive = json!({ "active": false });
        if !client.is_confidential() {
            let detail = "Introspection needs a client with a secret.";
            return Err(Error::new(Code::InvalidClient, detail));
        }
        if let Some(token) = RefreshToken::parse(token) {
            return Ok(self.introspect_refresh(client, &token).await?.unwrap_or(inactive));
        }
        let verified = match self.verified(token).await {
            Ok(verified) => verified,
            Err(error) if error.code() == Code::Unauthenticated => return Ok(inactive),
            Err(error) => return Err(error),
        };
        if verified.claims.client_id != client.client_id || verified.scopes.is_empty() {
            return Ok(inactive);
        }
        let mut answer = serde_json::to_value(&verified.claims).map_err(Error::internal)?;
        answer["active"] = true.into();
        answer["token_type"] = "Bearer".into();
        answer["scope"] = verified.scopes.to_string().into();
        if let Some(user) = verified.user {
            answer["username"] = self.accounts.email_of(user).await?.map(|email| email.to_string()).into();
        }
        Ok(answer)
    }

    async fn introspect_refresh(&self, client: &Client, token: &RefreshToken) -> Result<Option<Value>> {
        let site = client.site_id;
        let mut tx = self.context.db.read(site).await?;
        let Some(found) = store::refresh(&mut tx, site, &token.hash()).await? else { return Ok(None) };
        let standing = store::standing_of_family(&mut tx, site, found.family_id).await?;
        let standing = standing.filter(|standing| standing.counts() && standing.client == client.client_id);
        let now = self.context.clock.now();
        Ok(standing.filter(|_| found.used_at.is_none() && found.expires_at > now).map(|standing| {
            json!({
                "active": true,
                "client_id": client.client_id,
                "scope": standing.scopes.to_string(),
                "exp": found.expires_at.timestamp(),
                "iss": self.issuer(),
                "sub": standing.user_id,
            })
        }))
    }

    /// Whose access token this is; 403 without the scope `profile`.
    pub(super) async fn userinfo(&self, limits: &RateLimits, token: &str) -> Result<Value> {
        let verified = self.verified(token).await?;
        limits.count(vec![Limit::grant(verified.claims.grant, GRANT_LIMIT)]).await.check()?;
        if !verified.scopes.covers(&Scope::Profile) {
            return Err(forbidden("To say whose token this is, it needs the scope `profile`."));
        }
        let claims = &verified.claims;
        let (site, module) = (claims.site_id, claims.module_id);
        let site = self.sites.find(site).await?;
        let module = self.modules.find(site.id, module).await?;
        let organization = self.accounts.organization_name(site.organization_id).await?;
        let person = match verified.user {
            Some(user) => self.accounts.profile_of(user).await?,
            None => None,
        };
        let (email, name) = person.unzip();
        Ok(json!({
            "sub": claims.sub,
            "name": name,
            "email": email,
            "organization": organization,
            "site": site.name,
            "module": module.name,
            "scope": verified.scopes.to_string(),
        }))
    }
}
