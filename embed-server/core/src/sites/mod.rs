//! Sites, each of one organization. Every module, domain, token and event belongs to exactly one site, and is deleted
//! with it.

mod input;
mod managed;
pub mod routes;
mod store;

pub use input::{NewSite, SiteChanges};
pub use managed::{ManagedSite, site_not_found};

use crate::accounts::Operator;
use chrono::{DateTime, Utc};
use embed_base::Context;
use embed_base::Tenant;
use embed_base::db::Topic;
use embed_base::events::activity::{Action, Actor};
use embed_base::http::{Listed, Paged, Paging};
use embed_base::names;
use embed_base::{Code, Error, Result};
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

/// A site, by its id.
pub const SITES: Topic = Topic("sites");

/// SQL that selects the rows of all sites of the organization `$1`, for statements of other capabilities.
pub const OF_ORGANIZATION: &str = "site_id IN (SELECT id FROM sites WHERE organization_id = $1)";

/// What operators do to sites.
pub const ACTIONS: [Action; 3] = [SITE_CREATED, SITE_RENAMED, SITE_DELETED];
const SITE_CREATED: Action = Action("site.created");
const SITE_RENAMED: Action = Action("site.renamed");
const SITE_DELETED: Action = Action("site.deleted");

/// A site of an organization.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Site {
    /// The site's id.
    pub id: Uuid,
    /// The organization that it belongs to.
    pub organization_id: Uuid,
    /// The site's name.
    pub name: String,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Site {
    /// The tenant of the site, or of one of its modules.
    pub fn tenant(&self, module: Option<Uuid>) -> Tenant {
        Tenant { organization: self.organization_id, site: self.id, module }
    }
}

impl Listed for Site {
    const LIST: &'static str = "sites";

    fn id(&self) -> Uuid {
        self.id
    }
}

/// Sites. Cheap to clone.
#[derive(Clone)]
pub struct Sites {
    context: Context,
}

impl Sites {
    pub fn new(context: &Context) -> Self {
        Self { context: context.clone() }
    }

    pub async fn create(&self, by: &Actor, organization: Uuid, name: &str) -> Result<Site> {
        let name = names::checked("A site's name", name)?;
        let now = self.context.clock.now();
        let site = Site {
            id: self.context.ids.next(),
            organization_id: organization,
            name,
            created_at: now,
            updated_at: now,
        };
        let mut change = self.context.change(&site.tenant(None), by).await?;
        store::insert(&mut change, &site).await?;
        change.forget(SITES, site.id);
        change.commit(SITE_CREATED, &site.name).await?;
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

    pub async fn exists(&self, id: Uuid) -> Result<bool> {
        let mut tx = self.context.db.read(id).await?;
        Ok(store::find(&mut tx, id).await?.is_some())
    }

    /// The tenant of a site, or of one of its modules; 404 `site_not_found` where there is no such site.
    pub async fn tenant(&self, id: Uuid, module: Option<Uuid>) -> Result<Tenant> {
        Ok(self.find(id).await?.tenant(module))
    }

    pub async fn change(&self, by: &Actor, id: Uuid, changes: SiteChanges) -> Result<Site> {
        let name = changes.name.map(|name| names::checked("A site's name", &name)).transpose()?;
        let site = self.find(id).await?;
        let Some(name) = name else { return Ok(site) };
        let mut change = self.context.change(&site.tenant(None), by).await?;
        let now = change.now();
        if !store::rename(&mut change, id, &name, now).await? {
            return Err(not_found(id));
        }
        change.commit(SITE_RENAMED, &name).await?;
        self.find(id).await
    }

    /// Deletes a site with everything that belongs to it.
    pub async fn delete(&self, by: &Actor, id: Uuid) -> Result<()> {
        let site = self.find(id).await?;
        let mut change = self.context.change(&site.tenant(None), by).await?;
        if !store::delete(&mut change, id).await? {
            return Err(not_found(id));
        }
        change.forget(SITES, id);
        change.commit(SITE_DELETED, &site.name).await
    }
}

fn not_found(id: Uuid) -> Error {
    let detail = format!("There is no site {id} on this server. `embed-server site list` lists the sites.");
    Error::new(Code::SiteNotFound, detail)
}
