//! What people have allowed apps, listed and ended: by themselves, or by an admin of the module.

use super::events::{self, GrantRevoked};
use super::store::{self, StoredGrant};
use super::{GRANTS, OAuth, RedirectUri};
use crate::accounts::{Email, Operator};
use crate::modules::Module;
use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use embed_base::events::activity::Actor;
use embed_base::http::{Listed, Paged, Paging, ScopeSet, openapi, path_id};
use embed_base::{Code, Error, Result};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// The most grants in a list.
const LISTED: i64 = 200;

/// What a person has allowed an app, or what an app does by itself.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppGrant {
    /// The grant's id.
    pub id: Uuid,
    /// The site of the module.
    pub site_id: Uuid,
    /// The module.
    pub module_id: Uuid,
    /// The app's client id.
    pub client_id: String,
    /// The app's name, as the person saw it.
    pub client_name: String,
    /// Where the app is: a host, `this computer`, or a scheme; empty for an app's own tokens.
    pub place: String,
    /// Whose it is; null for an app's own tokens.
    pub email: Option<String>,
    /// What the app may do at most.
    pub scopes: ScopeSet,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// When it last got a token.
    pub last_used_at: Option<DateTime<Utc>>,
    /// From where.
    pub last_address: Option<String>,
}

impl Listed for AppGrant {
    const LIST: &'static str = "oauth grants";

    fn id(&self) -> Uuid {
        self.id
    }
}

impl OAuth {
    /// What a person has allowed apps, newest first.
    pub async fn grants_of(&self, operator: &Operator) -> Result<Vec<AppGrant>> {
        let mut tx = self.context.db.read_global().await?;
        let grants = store::grants_of(&mut tx, operator.user(), LISTED).await?;
        drop(tx);
        Ok(grants.into_iter().map(|grant| AppGrant::new(grant, Some(operator.email()))).collect())
    }

    /// What apps may do on a module, newest first.
    pub async fn grants_on(&self, site: Uuid, module: Uuid) -> Result<Vec<AppGrant>> {
        self.grants_before(site, module, Uuid::max(), LISTED).await
    }

    /// A page of what apps may do on a module, newest first.
    pub async fn page_of_grants(
        &self,
        site: Uuid,
        module: Uuid,
        paging: &Paging<AppGrant>,
    ) -> Result<Paged<AppGrant>> {
        let found = self.grants_before(site, module, paging.before(), paging.reads()).await?;
        Ok(paging.page(found))
    }

    async fn grants_before(
        &self,
        site: Uuid,
        module: Uuid,
        before: Uuid,
        most: i64,
    ) -> Result<Vec<AppGrant>> {
        let mut tx = self.context.db.read(site).await?;
        let grants = store::grants_on(&mut tx, (site, module), before, most).await?;
        drop(tx);
        let mut listed = Vec::new();
        for grant in grants {
            let email = match grant.user_id {
                Some(user) => self.accounts.email_of(user).await?,
                None => None,
            };
            listed.push(AppGrant::new(grant, email.as_ref()));
        }
        Ok(listed)
    }

    /// Ends one of a person's own grants.
    pub async fn end_own_grant(&self, operator: &Operator, id: Uuid) -> Result<()> {
        let mut tx = self.context.db.read_global().await?;
        let own = store::grants_of(&mut tx, operator.user(), LISTED).await?;
        drop(tx);
        let grant = own.into_iter().find(|grant| grant.id == id).ok_or_else(no_grant)?;
        self.end_grant(&operator.actor(), grant.site_id, id).await
    }

    /// Ends a grant on a module; 404 `grant_not_found` for one of another module.
    pub async fn end_grant_on(&self, by: &Actor, module: &Module, id: Uuid) -> Result<()> {
        let mut tx = self.context.db.read(module.site_id).await?;
        let grant = store::grant(&mut tx, module.site_id, id).await?;
        drop(tx);
        if grant.is_none_or(|grant| grant.module_id != module.id) {
            return Err(no_grant());
        }
        self.end_grant(by, module.site_id, id).await
    }

    /// Ends a grant: every server refuses its tokens within two seconds.
    pub async fn end_grant(&self, by: &Actor, site: Uuid, id: Uuid) -> Result<()> {
        let mut tx = self.context.db.read(site).await?;
        let grant = store::grant(&mut tx, site, id).await?.ok_or_else(no_grant)?;
        drop(tx);
        let tenant = self.sites.tenant(site, Some(grant.module_id)).await?;
        let mut change = self.context.change(&tenant, by).await?;
        let now = change.now();
        if !store::revoke_grant(&mut change, site, id, now).await? {
            return Err(no_grant());
        }
        change.forget(GRANTS, id);
        change.event(&GrantRevoked { grant_id: id, client_id: &grant.client })?;
        change.commit(events::GRANT_REVOKED, &grant.client_name).await
    }
}

impl AppGrant {
    fn new(grant: StoredGrant, email: Option<&Email>) -> Self {
        Self {
            id: grant.id,
            site_id: grant.site_id,
            module_id: grant.module_id,
            client_id: grant.client,
            client_name: grant.client_name,
            place: RedirectUri::parse(&grant.redirect_uri).map(|uri| uri.place()).unwrap_or_default(),
            email: email.map(ToString::to_string),
            scopes: grant.scopes.0,
            created_at: grant.created_at,
            last_used_at: grant.last_used_at,
            last_address: grant.last_address,
        }
    }
}

/// The id of a grant in a path. Text that is no id is 404 `grant_not_found`, like the id of no grant.
pub(super) struct GrantId(pub Uuid);

impl<S: Send + Sync> FromRequestParts<S> for GrantId {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        path_id(parts, "grant", |_| no_grant()).await.map(Self)
    }
}

impl OperationInput for GrantId {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        openapi::path_id(ctx, operation, "grant", "The grant's id.");
        let when = "There is no such grant on the module, or it was ended already.";
        openapi::refuses(ctx, operation, Code::GrantNotFound, when);
    }
}

fn no_grant() -> Error {
    Error::new(Code::GrantNotFound, "There is no such access of an app here, or it was ended already.")
}
