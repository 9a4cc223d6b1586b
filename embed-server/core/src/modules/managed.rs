//! A module that an operator may manage. A handler that takes a [`ManagedModule`] cannot be reached by anyone else.

use super::Module;
use crate::accounts::{AtLeast, Operator};
use crate::services::Services;
use crate::sites::ManagedSite;
use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use embed_base::http::{openapi, path_id};
use embed_base::{Code, Error, Result};
use std::marker::PhantomData;

/// The module that the path names as `{site}` and `{module}`, published or not; the operator has the role `R` or a
/// higher one in the organization of its site.
#[derive(Clone, Debug)]
pub struct ManagedModule<R> {
    pub module: Module,
    pub operator: Operator,
    role: PhantomData<fn() -> R>,
}

impl<S: Send + Sync, R: AtLeast> FromRequestParts<S> for ManagedModule<R>
where
    Services: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let ManagedSite { site, operator, .. } = ManagedSite::<R>::from_request_parts(parts, state).await?;
        let missing = |id: &str| {
            let detail = format!("Site {} has no module {}.", site.id, id.escape_debug());
            Error::new(Code::ModuleNotFound, detail)
        };
        let id = path_id(parts, "module", missing).await?;
        let module = Services::from_ref(state).modules.find(site.id, id).await?;
        Ok(Self { module, operator, role: PhantomData })
    }
}

impl<R: AtLeast> OperationInput for ManagedModule<R> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        ManagedSite::<R>::operation_input(ctx, operation);
        openapi::path_id(ctx, operation, "module", "The module's id.");
        let when = "The site has no such module.";
        openapi::refuses(ctx, operation, Code::ModuleNotFound, when);
    }
}
