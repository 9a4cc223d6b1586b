//! Organizations, which own sites.

use super::{Accounts, AtLeast, Operator, events, store};
use crate::services::Services;
use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use embed_base::events::activity::Actor;
use embed_base::http::{openapi, path_id};
use embed_base::names;
use embed_base::{Code, Error, Result};
use serde::Serialize;
use sqlx::FromRow;
use std::marker::PhantomData;
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Organization {
    pub id: Uuid,
    pub name: String,
    pub created_at: DateTime<Utc>,
}

/// The organization that the path names as `{organization}`; the operator has the role `R` there or a higher one.
#[derive(Clone, Debug)]
pub struct ManagedOrganization<R> {
    pub organization: Organization,
    pub operator: Operator,
    role: PhantomData<fn() -> R>,
}

impl Accounts {
    /// Creates an organization without people.
    pub async fn create_organization(&self, by: &Actor, name: &str) -> Result<Organization> {
        let organization = Organization {
            id: self.context.ids.next(),
            name: names::checked("An organization's name", name)?,
            created_at: self.context.clock.now(),
        };
        let mut change = self.context.change_organization(organization.id, by).await?;
        store::insert_organization(&mut change, &organization).await?;
        change.commit(events::ORGANIZATION_CREATED, &organization.name).await?;
        Ok(organization)
    }

    pub async fn rename_organization(&self, by: &Actor, id: Uuid, name: &str) -> Result<Organization> {
        let name = names::checked("An organization's name", name)?;
        let mut change = self.context.change_organization(id, by).await?;
        let renamed = store::rename_organization(&mut change, id, &name).await?;
        let renamed = renamed.ok_or_else(|| hidden(&id.to_string()))?;
        change.commit(events::ORGANIZATION_RENAMED, &name).await?;
        Ok(renamed)
    }

    /// Every organization, oldest first, for an operator of the whole installation.
    pub async fn organizations(&self) -> Result<Vec<Organization>> {
        let mut tx = self.context.db.read_global().await?;
        store::organizations(&mut tx).await
    }

    /// The operator's organizations, oldest first.
    pub async fn organizations_of(&self, operator: &Operator) -> Result<Vec<Organization>> {
        let mut tx = self.context.db.read_global().await?;
        store::organizations_of(&mut tx, operator.user()).await
    }

    /// An organization's name; 404 `organization_not_found` where there is none of this id.
    pub async fn organization_name(&self, id: Uuid) -> Result<String> {
        let mut tx = self.context.db.read_global().await?;
        let found = store::organization(&mut tx, id).await?;
        found.map(|organization| organization.name).ok_or_else(|| hidden(&id.to_string()))
    }

    /// The organization, if the operator may manage it. One of another person's is 404 `organization_not_found`, like
    /// one that does not exist; one of the operator's own in which their role is too low is 403 `forbidden`.
    async fn managed<R: AtLeast>(&self, operator: Operator, id: Uuid) -> Result<ManagedOrganization<R>> {
        let role = operator.role_in(id).ok_or_else(|| hidden(&id.to_string()))?;
        operator.require::<R>(role)?;
        let mut tx = self.context.db.read_global().await?;
        let found = store::organization(&mut tx, id).await?;
        let organization = found.ok_or_else(|| hidden(&id.to_string()))?;
        Ok(ManagedOrganization { organization, operator, role: PhantomData })
    }
}

impl<S: Send + Sync, R: AtLeast> FromRequestParts<S> for ManagedOrganization<R>
where
    Services: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let operator = Operator::from_request_parts(parts, state).await?;
        let id = path_id(parts, "organization", hidden).await?;
        Services::from_ref(state).accounts.managed(operator, id).await
    }
}

impl<R: AtLeast> OperationInput for ManagedOrganization<R> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        Operator::operation_input(ctx, operation);
        openapi::path_id(ctx, operation, "organization", "The organization's id.");
        openapi::required_role(operation, R::ROLE.as_str());
        let when = format!("The operator's role is lower than {}.", R::ROLE);
        openapi::refuses(ctx, operation, Code::Forbidden, &when);
        let when = "The operator is in no such organization.";
        openapi::refuses(ctx, operation, Code::OrganizationNotFound, when);
    }
}

/// The same error for an organization that does not exist and one of other people, so that ids cannot be probed.
fn hidden(id: &str) -> Error {
    let detail = format!("There is no organization {} that you are in.", id.escape_debug());
    Error::new(Code::OrganizationNotFound, detail)
}
