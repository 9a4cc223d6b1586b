//! A site that an operator may manage. A handler that takes a [`ManagedSite`] cannot be reached by anyone else.

use super::{Site, Sites};
use crate::accounts::{AtLeast, Operator};
use crate::services::Services;
use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use embed_base::http::{openapi, path_id};
use embed_base::{Code, Error, Result};
use std::marker::PhantomData;
use uuid::Uuid;

/// The site that the path names as `{site}`, in whose organization the operator has the role `R` or a higher one.
#[derive(Clone, Debug)]
pub struct ManagedSite<R> {
    pub site: Site,
    pub operator: Operator,
    role: PhantomData<fn() -> R>,
}

impl Sites {
    /// The site, if the operator may manage it. One of another organization is 404 `site_not_found`, like one that
    /// does not exist; one of the operator's own for which their role is too low is 403 `forbidden`.
    pub async fn managed<R: AtLeast>(&self, operator: Operator, id: Uuid) -> Result<ManagedSite<R>> {
        let site = self.find(id).await.map_err(|error| match error.code() {
            Code::SiteNotFound => site_not_found(&id.to_string()),
            _ => error,
        })?;
        let role = operator.role_in(site.organization_id).ok_or_else(|| site_not_found(&id.to_string()))?;
        operator.require::<R>(role)?;
        Ok(ManagedSite { site, operator, role: PhantomData })
    }
}

impl<S: Send + Sync, R: AtLeast> FromRequestParts<S> for ManagedSite<R>
where
    Services: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let operator = Operator::from_request_parts(parts, state).await?;
        let id = path_id(parts, "site", site_not_found).await?;
        Services::from_ref(state).sites.managed(operator, id).await
    }
}

/// The same error for a site that does not exist and one of another organization, so that ids cannot be probed.
pub fn site_not_found(id: &str) -> Error {
    let detail = format!("There is no site {} in your organization.", id.escape_debug());
    Error::new(Code::SiteNotFound, detail)
}

impl<R: AtLeast> OperationInput for ManagedSite<R> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        Operator::operation_input(ctx, operation);
        openapi::path_id(ctx, operation, "site", "The site's id.");
        openapi::required_role(operation, R::ROLE.as_str());
        let when = format!("The operator's role is lower than {}.", R::ROLE);
        openapi::refuses(ctx, operation, Code::Forbidden, &when);
        let when = "There is no such site in the operator's organizations.";
        openapi::refuses(ctx, operation, Code::SiteNotFound, when);
    }
}
