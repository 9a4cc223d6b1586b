//! A client that an operator may manage. A handler that takes a [`ManagedClient`] cannot be reached by anyone else.

use super::Client;
use crate::accounts::{AtLeast, Operator};
use crate::services::Services;
use crate::sites::ManagedSite;
use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use embed_base::http::{openapi, path_text};
use embed_base::{Code, Error, Result};
use schemars::json_schema;
use std::marker::PhantomData;

/// The client that the path names as `{site}` and `{client}`; the operator has the role `R` or a higher one.
#[derive(Clone, Debug)]
pub struct ManagedClient<R> {
    pub client: Client,
    pub operator: Operator,
    role: PhantomData<fn() -> R>,
}

impl<S: Send + Sync, R: AtLeast> FromRequestParts<S> for ManagedClient<R>
where
    Services: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let ManagedSite { site, operator, .. } = ManagedSite::<R>::from_request_parts(parts, state).await?;
        let client_id = path_text(parts, "client").await?;
        let client = Services::from_ref(state).oauth.find_client(site.id, &client_id).await?;
        Ok(Self { client, operator, role: PhantomData })
    }
}

impl<R: AtLeast> OperationInput for ManagedClient<R> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        ManagedSite::<R>::operation_input(ctx, operation);
        let schema = json_schema!({ "type": "string", "pattern": "^dram_[0-9a-f]{24}$" });
        openapi::path_parameter(ctx, operation, ("client", "The app's client id."), schema);
        let when = "The site has no such app.";
        openapi::refuses(ctx, operation, Code::ClientNotFound, when);
    }
}
