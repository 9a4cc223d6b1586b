//! The authenticated person behind a call of a management route. A handler that takes an [`Operator`] cannot be
//! reached without one.

use super::email::Email;
use super::role::{AtLeast, Role};
use super::{Accounts, MEMBERS, PERSONAL_TOKENS, store};
use crate::services::Services;
use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use chrono::{DateTime, Utc};
use embed_base::cache::Read;
use embed_base::events::activity::{Actor, Means};
use embed_base::http::openapi::{self, Security};
use embed_base::http::{Lookups, forbidden, unauthenticated};
use embed_base::limits::Limit;
use embed_base::net::ClientAddress;
use embed_base::secrets::{Bearer, SecretKind};
use embed_base::{Code, Error, Result};
use sqlx::FromRow;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use uuid::Uuid;

/// A person who operates this installation. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Operator {
    identity: Arc<Identity>,
    means: Means,
    address: IpAddr,
}

#[derive(Debug)]
pub(super) struct Identity {
    pub user: Uuid,
    pub email: Email,
    pub memberships: Vec<Membership>,
}

/// A person's role in one organization.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub(super) struct Membership {
    pub organization_id: Uuid,
    #[sqlx(try_from = "String")]
    pub role: Role,
}

/// The cached holder of a personal token.
#[derive(Clone, Debug)]
pub(super) struct TokenHolder {
    identity: Arc<Identity>,
    expires_at: Option<DateTime<Utc>>,
}

impl Operator {
    /// The person who calls by these means from this address.
    pub(super) fn new(identity: Arc<Identity>, means: Means, address: IpAddr) -> Self {
        Self { identity, means, address }
    }

    /// The actor to record for what this operator does.
    pub fn actor(&self) -> Actor {
        let Identity { user, email, .. } = &*self.identity;
        Actor::Person { id: *user, email: email.to_string(), means: self.means, address: self.address }
    }

    pub fn user(&self) -> Uuid {
        self.identity.user
    }

    pub fn email(&self) -> &Email {
        &self.identity.email
    }

    /// The person's role in an organization; `None` where they are no member.
    pub fn role_in(&self, organization: Uuid) -> Option<Role> {
        let mut memberships = self.identity.memberships.iter();
        memberships.find(|membership| membership.organization_id == organization).map(|found| found.role)
    }

    /// The organizations that the person is a member of.
    pub fn organizations(&self) -> impl Iterator<Item = Uuid> + '_ {
        self.identity.memberships.iter().map(|membership| membership.organization_id)
    }

    /// The organization with this id, or the operator's only one where no id is given, if the operator has the role
    /// `R` there or a higher one.
    pub fn organization<R: AtLeast>(&self, named: Option<Uuid>) -> Result<Uuid> {
        let id = match (named, self.identity.memberships.as_slice()) {
            (Some(id), _) => id,
            (None, [only]) => only.organization_id,
            (None, []) => return Err(forbidden(format!("{} is in no organization.", self.email()))),
            (None, _) => {
                let detail =
                    format!("{} is in several organizations; say which with `organizationId`.", self.email());
                return Err(Error::invalid(detail));
            }
        };
        let role = self.role_in(id).ok_or_else(|| {
            let detail = format!("{} is in no organization {id}.", self.email());
            Error::new(Code::OrganizationNotFound, detail)
        })?;
        self.require::<R>(role)?;
        Ok(id)
    }

    /// Refuses an operator whose role is lower with 403 `forbidden`, naming the role that is needed.
    pub fn require<R: AtLeast>(&self, role: Role) -> Result<()> {
        if role >= R::ROLE {
            return Ok(());
        }
        let (email, needed) = (self.email(), R::ROLE);
        Err(forbidden(format!(
            "This needs the role {needed}, but {email} is {role}. An owner can change that, in the console under People or with `embed-server user role {email} {needed}`."
        )))
    }
}

impl Accounts {
    /// The holder of a personal token, from the cache; 401 `unauthenticated` where the token is not valid.
    pub async fn operator(&self, secret: &Bearer, address: IpAddr) -> Result<Operator> {
        let hash = secret.hash();
        let holder = self.holders.get(hash.clone(), || self.read(hash.clone())).await?;
        let now = self.context.clock.now();
        let valid = holder.filter(|holder| holder.expires_at.is_none_or(|end| end > now));
        valid.map(|holder| Operator::new(holder.identity, Means::Api, address)).ok_or_else(|| {
            unauthenticated(
                "This personal token does not exist, has expired, or was revoked. `embed-server user token EMAIL` makes a new one.",
            )
        })
    }

    async fn read(&self, hash: String) -> Result<Read<Option<TokenHolder>>> {
        let mut tx = self.context.db.read_global().await?;
        let found = store::holder(&mut tx, &hash).await?;
        let mut dependencies = vec![(PERSONAL_TOKENS, hash)];
        let Some(token) = found else { return Ok((None, dependencies)) };
        dependencies.push((MEMBERS, token.user_id.to_string()));
        let memberships = store::memberships(&mut tx, token.user_id).await?;
        let identity = Identity { user: token.user_id, email: token.email, memberships };
        let holder = TokenHolder { identity: Arc::new(identity), expires_at: token.expires_at };
        Ok((Some(holder), dependencies))
    }
}

/// Authenticated by the console's session, or by a personal token. Only the console's gate reads cookies, so a cookie
/// is no credential on the API's routes, and cross-site requests cannot use one there.
impl<S: Send + Sync> FromRequestParts<S> for Operator
where
    Services: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        if let Some(operator) = parts.extensions.get::<Self>() {
            return Ok(operator.clone());
        }
        let services = Services::from_ref(state);
        let address =
            parts.extensions.get().map_or(Ipv4Addr::UNSPECIFIED.into(), |&ClientAddress(address)| address);
        let found = match personal_token(&parts.headers) {
            Ok(secret) => services.accounts.operator(&secret, address).await,
            Err(error) => Err(error),
        };
        if found.as_ref().is_err_and(|error| error.status().is_client_error()) {
            let limit = Limit::anonymous(address, services.anonymous_limit());
            services.limits.count(vec![limit]).await.check()?;
        }
        found
    }
}

/// Reads `Authorization: Bearer dram_user_…` (RFC 6750, section 2.1).
fn personal_token(headers: &HeaderMap) -> Result<Bearer> {
    let shown = headers.get(header::AUTHORIZATION).ok_or_else(|| {
        unauthenticated(
            "Management needs a personal token, as `Authorization: Bearer dram_user_…`. `embed-server user token EMAIL` makes one.",
        )
    })?;
    let secret = shown.to_str().ok().and_then(|text| {
        let (scheme, secret) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| Bearer::parse(secret.trim()))?
    });
    match secret {
        Some(secret) if secret.kind() == SecretKind::User => Ok(secret),
        Some(_) => Err(unauthenticated(
            "This is an API token, which is for a module's data under /api/v1/modules/. Management needs a personal token; `embed-server user token EMAIL` makes one.",
        )),
        None => Err(unauthenticated(
            "`Authorization` holds no token of this server: expected `Bearer dram_user_…` as `embed-server user token EMAIL` printed it, nothing cut off.",
        )),
    }
}

impl OperationInput for Operator {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        openapi::secured(operation, &[Security::PersonalToken]);
        let when = "There is no personal token, or it is not valid.";
        openapi::refuses(ctx, operation, Code::Unauthenticated, when);
        let when = "Too many requests without a valid credential from this address.";
        openapi::refuses(ctx, operation, Code::RateLimited, when);
        openapi::can_fail(ctx, operation);
    }
}
