//! A token that an operator may manage. A handler that takes a [`ManagedToken`] cannot be reached by anyone else.

use super::ApiToken;
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

/// The token that the path names as `{site}` and `{token}`; the operator has the role `R` or a higher one.
#[derive(Clone, Debug)]
pub struct ManagedToken<R> {
    pub token: ApiToken,
    pub operator: Operator,
    role: PhantomData<fn() -> R>,
}

impl<S: Send + Sync, R: AtLeast> FromRequestParts<S> for ManagedToken<R>
where
    Services: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let ManagedSite { site, operator, .. } = ManagedSite::<R>::from_request_parts(parts, state).await?;
        let missing = |id: &str| {
            let detail = format!("Site {} has no token {}.", site.id, id.escape_debug());
            Error::new(Code::TokenNotFound, detail)
        };
        let id = path_id(parts, "token", missing).await?;
        let token = Services::from_ref(state).tokens.find(site.id, id).await?;
        Ok(Self { token, operator, role: PhantomData })
    }
}

impl<R: AtLeast> OperationInput for ManagedToken<R> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        ManagedSite::<R>::operation_input(ctx, operation);
        openapi::path_id(ctx, operation, "token", "The token's id.");
        let when = "The site has no such token.";
        openapi::refuses(ctx, operation, Code::TokenNotFound, when);
    }
}
