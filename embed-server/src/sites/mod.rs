//! Sites: what belongs together and to one tenant. Every module, domain, token and event belongs to exactly one site, and
//! goes with it when the site is deleted.

mod managed;
mod store;

pub use managed::ManagedSite;

use crate::error::{Error, Result};
use crate::state::Context;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

/// The longest name, in characters.
const NAME_LENGTH: usize = 200;

/// One site.
#[derive(Clone, Debug, FromRow, Serialize)]
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
    pub async fn create(&self, organization: Uuid, name: &str) -> Result<Site> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > NAME_LENGTH {
            return Err(Error::invalid(format!("A site's name has 1 to {NAME_LENGTH} characters.")));
        }
        let now = self.context.clock.now();
        let site = Site {
            id: Uuid::now_v7(),
            organization_id: organization,
            name: name.to_owned(),
            created_at: now,
            updated_at: now,
        };
        let mut tx = self.context.db.begin(site.id).await?;
        store::insert(&mut tx, &site).await?;
        tx.announce().await?;
        tx.commit().await?;
        Ok(site)
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

    /// Deletes a site with everything that belongs to it.
    pub async fn delete(&self, id: Uuid) -> Result<()> {
        let mut tx = self.context.db.begin(id).await?;
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
    Error::not_found("site_not_found", detail)
}
