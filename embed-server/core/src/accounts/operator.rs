//! Who operates: the person behind a call of the management routes, proved. A handler that takes an [`Operator`] is
//! reached by nobody else.

use super::email::Email;
use super::role::{AtLeast, Role};
use super::{Accounts, MEMBERS, PERSONAL_TOKENS, store};
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
use embed_base::http::{forbidden, unauthenticated};
use embed_base::net::ClientAddress;
use embed_base::secrets::{Bearer, Kind};
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

/// What somebody is in one organization.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub(super) struct Membership {
    pub organization_id: Uuid,
    #[sqlx(try_from = "String")]
    pub role: Role,
}

/// What is remembered of a personal token that is good.
#[derive(Clone, Debug)]
pub(super) struct Known {
    identity: Arc<Identity>,
    expires_at: Option<DateTime<Utc>>,
}

impl Operator {
    /// The person who comes by these means from this address.
    pub(super) fn new(identity: Arc<Identity>, means: Means, address: IpAddr) -> Self {
        Self { identity, means, address }
    }

    /// Who is to be noted for what this operator does.
    pub fn actor(&self) -> Actor {
        let Identity { user, email, .. } = &*self.identity;
        Actor::Person { id: *user, email: email.to_string(), means: self.means, address: self.address }
    }

    /// The person's id.
    pub fn user(&self) -> Uuid {
        self.identity.user
    }

    /// The person's address.
    pub fn email(&self) -> &Email {
        &self.identity.email
    }

    /// What the person is in an organization; `None` for a stranger.
    pub fn role_in(&self, organization: Uuid) -> Option<Role> {
        let mut memberships = self.identity.memberships.iter();
        memberships.find(|membership| membership.organization_id == organization).map(|found| found.role)
    }

    /// The organizations in which the person is a member.
    pub fn organizations(&self) -> impl Iterator<Item = Uuid> + '_ {
        self.identity.memberships.iter().map(|membership| membership.organization_id)
    }

    /// The organization in which something is to be made: the one that is named, else the only one, if the operator has
    /// the role `R` there or a higher one.
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

    /// Refuses an operator whose role is lower, with 403 `forbidden` and the name of the role that it takes.
    pub fn require<R: AtLeast>(&self, role: Role) -> Result<()> {
        if role >= R::ROLE {
            return Ok(());
        }
        let (email, needed) = (self.email(), R::ROLE);
        Err(forbidden(format!(
            "This takes the role {needed}, and {email} is {role}. An owner can change that, in the console under People or with `embed-server user role {email} {needed}`."
        )))
    }
}

impl Accounts {
    /// The person whom a personal token stands for, answered from memory; 401 `unauthenticated` when it is good no more.
    pub async fn operator(&self, secret: &Bearer, address: IpAddr) -> Result<Operator> {
        let hash = secret.hash();
        let known = self.holders.get(hash.clone(), || self.read(hash.clone())).await?;
        let now = self.context.clock.now();
        let good = known.filter(|known| known.expires_at.is_none_or(|end| end > now));
        good.map(|known| Operator::new(known.identity, Means::Api, address)).ok_or_else(|| {
            unauthenticated(
                "This personal token is unknown, has ended, or was revoked. `embed-server user token EMAIL` makes a new one.",
            )
        })
    }

    async fn read(&self, hash: String) -> Result<Read<Option<Known>>> {
        let mut tx = self.context.db.read_global().await?;
        let found = store::holder(&mut tx, &hash).await?;
        let mut dependencies = vec![(PERSONAL_TOKENS, hash)];
        let Some(holder) = found else { return Ok((None, dependencies)) };
        dependencies.push((MEMBERS, holder.user_id.to_string()));
        let memberships = store::memberships(&mut tx, holder.user_id).await?;
        let identity = Identity { user: holder.user_id, email: holder.email, memberships };
        let known = Known { identity: Arc::new(identity), expires_at: holder.expires_at };
        Ok((Some(known), dependencies))
    }
}

/// By the session that the console has found, else by a personal token. The console's gate alone looks at cookies, so on
/// the API's routes they are worth nothing, and nobody can borrow them there.
impl<S: Send + Sync> FromRequestParts<S> for Operator
where
    Accounts: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        if let Some(operator) = parts.extensions.get::<Self>() {
            return Ok(operator.clone());
        }
        let secret = personal_token(&parts.headers)?;
        let address =
            parts.extensions.get().map_or(Ipv4Addr::UNSPECIFIED.into(), |&ClientAddress(address)| address);
        Accounts::from_ref(state).operator(&secret, address).await
    }
}

/// Reads `Authorization: Bearer dram_user_…` (RFC 6750, section 2.1).
fn personal_token(headers: &HeaderMap) -> Result<Bearer> {
    let shown = headers.get(header::AUTHORIZATION).ok_or_else(|| {
        unauthenticated(
            "Management takes a personal token, as `Authorization: Bearer dram_user_…`. `embed-server user token EMAIL` makes one.",
        )
    })?;
    let secret = shown.to_str().ok().and_then(|text| {
        let (scheme, secret) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| Bearer::parse(secret.trim()))?
    });
    match secret {
        Some(secret) if secret.kind() == Kind::User => Ok(secret),
        Some(_) => Err(unauthenticated(
            "This is an API token, which is for a module's data under /api/v1/modules/. Management takes a personal token; `embed-server user token EMAIL` makes one.",
        )),
        None => Err(unauthenticated(
            "`Authorization` holds no token of this server: expected `Bearer dram_user_…` as `embed-server user token EMAIL` printed it, nothing cut off.",
        )),
    }
}

impl OperationInput for Operator {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        openapi::secured(operation, &[Security::PersonalToken]);
        let when = "There is no personal token, or it is worth nothing.";
        openapi::refuses(ctx, operation, Code::Unauthenticated, when);
        openapi::can_fail(ctx, operation);
    }
}
