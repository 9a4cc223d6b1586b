//! A domain that an operator may manage. A handler that takes a [`ManagedDomain`] cannot be reached by anyone else.

use super::AllowedDomain;
use crate::accounts::{AtLeast, Operator};
use crate::modules::ManagedModule;
use crate::services::Services;
use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use embed_base::http::{openapi, path_id};
use embed_base::{Code, Error, Result};
use std::marker::PhantomData;

/// The domain that the path names as `{site}`, `{module}` and `{domain}`; the operator has the role `R` or a higher one.
#[derive(Clone, Debug)]
pub struct ManagedDomain<R> {
    pub domain: AllowedDomain,
    pub operator: Operator,
    role: PhantomData<fn() -> R>,
}

impl<S: Send + Sync, R: AtLeast> FromRequestParts<S> for ManagedDomain<R>
where
    Services: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let ManagedModule { module, operator, .. } =
            ManagedModule::<R>::from_request_parts(parts, state).await?;
        let missing = |id: &str| {
            let detail = format!("The list of module {} has no domain {}.", module.id, id.escape_debug());
            Error::new(Code::DomainNotFound, detail)
        };
        let id = path_id(parts, "domain", missing).await?;
        let found = Services::from_ref(state).domains.find_by_id(module.site_id, module.id, id).await?;
        let domain = found.ok_or_else(|| missing(&id.to_string()))?;
        Ok(Self { domain, operator, role: PhantomData })
    }
}

impl<R: AtLeast> OperationInput for ManagedDomain<R> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        ManagedModule::<R>::operation_input(ctx, operation);
        openapi::path_id(ctx, operation, "domain", "The domain's id.");
        let when = "The module's list has no such domain.";
        openapi::refuses(ctx, operation, Code::DomainNotFound, when);
    }
}
