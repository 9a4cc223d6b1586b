//! Sites: what belongs together and to one tenant. Every module, domain, token and event belongs to exactly one site, and
//! goes with it when the site is deleted.

mod input;
mod managed;
pub mod routes;
mod store;

pub use input::{NewSite, SiteChanges};
pub use managed::ManagedSite;

use crate::accounts::Operator;
use chrono::{DateTime, Utc};
use embed_base::Context;
use embed_base::events::activity::{self, Action, Actor};
use embed_base::http::{Listed, Paged, Paging};
use embed_base::names;
use embed_base::{Code, Error, Result};
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

/// One site.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Site {
    /// Its id.
    pub id: Uuid,
    /// Who it belongs to.
    pub organization_id: Uuid,
    /// What people call it.
    pub name: String,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Listed for Site {
    const LIST: &'static str = "sites";

    fn id(&self) -> Uuid {
        self.id
    }
}

/// The sites. Cheap to clone.
#[derive(Clone)]
pub struct Sites {
    context: Context,
}

impl Sites {
    /// Builds the capability.
    pub fn new(context: &Context) -> Self {
        Self { context: context.clone() }
    }

    /// Creates a site in an organization.
    pub async fn create(&self, by: &Actor, organization: Uuid, name: &str) -> Result<Site> {
        let name = names::checked("A site's name", name)?;
        let now = self.context.clock.now();
        let site = Site {
            id: Uuid::now_v7(),
            organization_id: organization,
            name,
            created_at: now,
            updated_at: now,
        };
        let mut tx = self.context.db.begin(site.id).await?;
        store::insert(&mut tx, &site).await?;
        activity::note_at(&mut tx, by, site.id, None, (Action::SiteCreated, &site.name), now).await?;
        tx.announce().await?;
        tx.commit().await?;
        Ok(site)
    }

    /// A page of the sites of an operator's organizations, oldest first.
    pub async fn page(&self, operator: &Operator, paging: &Paging<Site>) -> Result<Paged<Site>> {
        let organizations: Vec<_> = operator.organizations().collect();
        let mut tx = self.context.db.read_global().await?;
        let sites = store::page(&mut tx, &organizations, paging.after(), paging.reads()).await?;
        Ok(paging.page(sites))
    }

    /// Every site of an organization, oldest first.
    pub async fn list(&self, organization: Uuid) -> Result<Vec<Site>> {
        let mut tx = self.context.db.read_global().await?;
        store::list(&mut tx, organization).await
    }

    /// One site, or 404 `site_not_found`.
    pub async fn find(&self, id: Uuid) -> Result<Site> {
        let mut tx = self.context.db.read(id).await?;
        store::find(&mut tx, id).await?.ok_or_else(|| not_found(id))
    }

    /// Whether there is such a site.
    pub async fn exists(&self, id: Uuid) -> Result<bool> {
        let mut tx = self.context.db.read(id).await?;
        Ok(store::find(&mut tx, id).await?.is_some())
    }

    /// Changes a site; what is left out of the changes stays.
    pub async fn change(&self, by: &Actor, id: Uuid, changes: SiteChanges) -> Result<Site> {
        let name = changes.name.map(|name| names::checked("A site's name", &name)).transpose()?;
        let now = self.context.clock.now();
        let mut tx = self.context.db.begin(id).await?;
        if let Some(name) = name {
            if !store::rename(&mut tx, id, &name, now).await? {
                return Err(not_found(id));
            }
            activity::note_at(&mut tx, by, id, None, (Action::SiteRenamed, &name), now).await?;
        }
        tx.commit().await?;
        self.find(id).await
    }

    /// Deletes a site with everything that belongs to it.
    pub async fn delete(&self, by: &Actor, id: Uuid) -> Result<()> {
        let mut tx = self.context.db.begin(id).await?;
        let site = store::find(&mut tx, id).await?.ok_or_else(|| not_found(id))?;
        let now = self.context.clock.now();
        activity::note_at(&mut tx, by, id, None, (Action::SiteDeleted, &site.name), now).await?;
        if !store::delete(&mut tx, id).await? {
            return Err(not_found(id));
        }
        tx.announce().await?;
        tx.commit().await
    }
}

fn not_found(id: Uuid) -> Error {
    let detail =
        format!("There is no site {id} on this server. `embed-server site list` prints those that are.");
    Error::new(Code::SiteNotFound, detail)
}
