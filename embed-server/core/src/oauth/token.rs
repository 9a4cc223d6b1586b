//! Access tokens: JSON Web Tokens (RFC 9068), signed with ES256.
//!
//! What a token says was true when it was made. What it may do is decided at each use: its family and grant have not
//! ended, its client is there, and its person has the role now.

use super::keys::KeySet;
use super::store::{self, Standing};
use super::{CLIENTS, Client, FAMILIES, GRANTS, OAuth};
use crate::accounts::{MEMBERS, Role};
use crate::sites::SITES;
use chrono::{DateTime, TimeDelta, Utc};
use embed_base::cache::Read;
use embed_base::crypto::jwt::unchecked_header;
use embed_base::crypto::sha256_hex;
use embed_base::http::{
    ApiRequest, Authenticated, Caller, CallerKind, Grant, Scope, ScopeSet, Verb, origin_not_allowed,
    unauthenticated,
};
use embed_base::limits::Limit;
use embed_base::{Code, Result, Tenant};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;
use std::sync::Arc;
use uuid::Uuid;

/// How long an access token is valid, in seconds.
pub(super) const ACCESS_SECONDS: u32 = 60 * 60;
/// By how much `iat` may be ahead of this server's clock.
const AHEAD: TimeDelta = TimeDelta::seconds(60);
/// The `typ` of RFC 9068.
const TYP: &str = "at+jwt";
/// The longest token that is looked at, in bytes.
const LONGEST: usize = 8 * 1024;
/// Requests per minute of one client for one person at a module's API.
pub const GRANT_LIMIT: NonZeroU32 = NonZeroU32::new(100).expect("100 is not zero");

/// The claims of an access token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Claims {
    pub iss: String,
    /// The person; of a client's own token, the client.
    pub sub: String,
    /// The module's API, one string.
    pub aud: String,
    pub exp: i64,
    pub iat: i64,
    pub jti: Uuid,
    pub client_id: String,
    pub scope: String,
    pub site_id: Uuid,
    pub module_id: Uuid,
    pub grant: Uuid,
    pub family: Uuid,
}

/// Whom a token is made for.
pub(super) struct Bearer<'a> {
    pub client: &'a Client,
    pub grant: Uuid,
    pub family: Uuid,
    /// The person; `None` for the client itself.
    pub user: Option<Uuid>,
    pub scopes: &'a ScopeSet,
}

/// A token that is valid, and what it may do now.
#[derive(Clone, Debug)]
pub(super) struct VerifiedToken {
    pub claims: Claims,
    /// The app that got it.
    pub client: Arc<Client>,
    /// What it may do now; empty where the person's role is gone.
    pub scopes: ScopeSet,
    pub user: Option<Uuid>,
}

impl VerifiedToken {
    /// Whether it is within its time.
    pub fn is_current(&self, now: DateTime<Utc>) -> bool {
        self.claims.exp > now.timestamp()
    }
}

/// What a role lets a person allow an app.
pub(super) fn scopes_of(role: Role) -> ScopeSet {
    let records = match role {
        Role::Member => ScopeSet::from_iter([Scope::Records(Verb::Read)]),
        Role::Admin | Role::Owner => ScopeSet::all_records(),
    };
    records.united_with(&ScopeSet::from_iter([Scope::Profile]))
}

impl OAuth {
    /// The address of a module's API, which tokens for it name as `aud` (RFC 8707).
    pub(super) fn resource(&self, module: Uuid) -> String {
        format!("{}/api/v1/modules/{module}", self.issuer())
    }

    /// Signs an access token.
    pub(super) fn access_token(&self, bearer: &Bearer<'_>, keys: &KeySet) -> Result<String> {
        let now = self.context.clock.now().timestamp();
        let Bearer { client, grant, family, user, scopes } = bearer;
        let claims = Claims {
            iss: self.issuer().to_owned(),
            sub: user.map_or_else(|| client.client_id.clone(), |user| user.to_string()),
            aud: self.resource(client.module_id),
            exp: now + i64::from(ACCESS_SECONDS),
            iat: now,
            jti: self.context.ids.next(),
            client_id: client.client_id.clone(),
            scope: scopes.to_string(),
            site_id: client.site_id,
            module_id: client.module_id,
            grant: *grant,
            family: *family,
        };
        keys.signing().sign(TYP, &claims)
    }

    /// The caller with this access token; 401 where it is not valid for this module.
    pub async fn caller(&self, request: &ApiRequest<'_>, token: &str) -> Result<Authenticated> {
        let verified = self.verified(token).await?;
        if verified.claims.aud != self.resource(request.module) {
            return Err(unauthenticated("This access token is for another module (`aud`)."));
        }
        // Every sandboxed frame has this origin, whoever wrote it.
        if request.origin == Some("null") {
            return Err(origin_not_allowed("null"));
        }
        if request.is_app_page && !request.origin.is_some_and(|origin| verified.client.has_origin(origin)) {
            return Err(origin_not_allowed(request.origin.unwrap_or_default()));
        }
        let grant = verified.claims.grant;
        let caller =
            Caller { kind: CallerKind::OAuth, id: grant, grant: Grant::Scopes(verified.scopes.clone()) };
        Ok(Authenticated { caller, limit: Some(Limit::grant(grant, GRANT_LIMIT)) })
    }

    /// A token that this server signed and that counts now, from the cache; 401 for any other.
    pub(super) async fn verified(&self, token: &str) -> Result<Arc<VerifiedToken>> {
        if token.len() > LONGEST {
            return Err(not_ours());
        }
        let key = sha256_hex(token.as_bytes());
        let verified = self.tokens.get(key, || self.read_token(token)).await?;
        if !verified.is_current(self.context.clock.now()) {
            return Err(unauthenticated(
                "This access token has expired; get a new one with the refresh token.",
            ));
        }
        Ok(verified)
    }

    async fn read_token(&self, token: &str) -> Result<Read<Arc<VerifiedToken>>> {
        let header = unchecked_header(token).ok_or_else(not_ours)?;
        let keys = self.keys.current().await?;
        let key = keys.find(&header.kid).ok_or_else(not_ours)?;
        let claims: Claims = key.verify(TYP, token).ok_or_else(not_ours)?;
        let now = self.context.clock.now();
        if claims.iss != self.issuer() || claims.iat > (now + AHEAD).timestamp() {
            return Err(not_ours());
        }
        let mut dependencies = vec![
            (super::KEY_SET, String::new()),
            (FAMILIES, claims.family.to_string()),
            (GRANTS, claims.grant.to_string()),
            (CLIENTS, claims.client_id.clone()),
            (SITES, claims.site_id.to_string()),
        ];
        let client = self.client(&claims.client_id).await?;
        let client =
            client.ok_or_else(|| unauthenticated("The app that got this access token was removed."))?;
        let mut tx = self.context.db.read(claims.site_id).await?;
        let standing = store::standing(&mut tx, claims.site_id, claims.grant, claims.family).await?;
        drop(tx);
        let standing = standing.filter(Standing::counts).ok_or_else(revoked)?;
        // Of a client's own token, the admin who answers for it.
        let person = standing.user_id.or(client.answers_by);
        dependencies.extend(person.map(|user| (MEMBERS, user.to_string())));
        if standing.user_id.is_none() {
            self.check_answered_for(&client).await.map_err(|error| match error.code() {
                Code::UnauthorizedClient => unauthenticated(error.detail()),
                _ => error,
            })?;
        }
        let asked = ScopeSet::parse(&claims.scope)?;
        let tenant = self.sites.tenant(claims.site_id, Some(claims.module_id)).await?;
        let scopes = self.scopes_now(&client, &tenant, standing.user_id, &standing.scopes).await?;
        let scopes = asked.shared_with(&scopes);
        let verified = VerifiedToken { claims, client, scopes, user: standing.user_id };
        Ok((Arc::new(verified), dependencies))
    }

    /// What a grant of these scopes is worth now: what its client may still ask for, and its person may still give.
    pub(super) async fn scopes_now(
        &self,
        client: &Client,
        tenant: &Tenant,
        user: Option<Uuid>,
        granted: &ScopeSet,
    ) -> Result<ScopeSet> {
        let scopes = granted.shared_with(&client.scopes);
        let Some(user) = user else { return Ok(scopes) };
        let role = self.accounts.role_in(user, tenant.organization).await?;
        Ok(role.map_or_else(ScopeSet::default, |role| scopes.shared_with(&scopes_of(role))))
    }
}

fn not_ours() -> embed_base::Error {
    unauthenticated("This is not an access token of this server, or its signing key is no longer valid.")
}

fn revoked() -> embed_base::Error {
    unauthenticated("This access token was revoked; ask the person for access again.")
}
