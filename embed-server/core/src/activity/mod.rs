//! The list of what operators did, which [`embed_base::events::activity`] writes. The people of an organization read
//! all of it; the managers of a site read what was done to that site. Entries are kept for a year.

pub mod routes;
mod store;

use chrono::{DateTime, TimeDelta, Utc};
use embed_base::Context;
use embed_base::Result;
use embed_base::http::{Listed, Paged, Paging};
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

/// How long entries are kept.
const KEPT: TimeDelta = TimeDelta::days(365);

/// Something that an operator did.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActivityEntry {
    /// The entry's id; ids grow with time.
    pub id: Uuid,
    /// The organization.
    pub organization_id: Uuid,
    /// The site, where the entry is about one.
    pub site_id: Option<Uuid>,
    /// The module, where the entry is about one.
    pub module_id: Option<Uuid>,
    /// The person's id; null for the command line.
    pub user_id: Option<Uuid>,
    /// The person's address, or `command line`.
    pub actor: String,
    /// How the operator did it: `console`, `api` or `command line`.
    pub means: String,
    /// The operator's IP address; null for the command line.
    pub ip_address: Option<String>,
    /// What was done, such as `domain.added`.
    pub action: String,
    /// The name, at that time, of what it was done to.
    pub subject: String,
    /// More about it, such as the role before and after.
    pub detail: Option<String>,
    /// When it was done.
    pub created_at: DateTime<Utc>,
}

impl Listed for ActivityEntry {
    const LIST: &'static str = "activity";

    fn id(&self) -> Uuid {
        self.id
    }
}

/// The list of activity. Cheap to clone.
#[derive(Clone)]
pub struct Activity {
    context: Context,
}

impl Activity {
    pub fn new(context: &Context) -> Self {
        Self { context: context.clone() }
    }

    /// What was done to a site and to what belongs to it, newest first.
    pub async fn page(&self, site: Uuid, paging: &Paging<ActivityEntry>) -> Result<Paged<ActivityEntry>> {
        let mut tx = self.context.db.read(site).await?;
        store::page(&mut tx, site, paging).await.map(|found| paging.page(found))
    }

    /// What was done in an organization, newest first.
    pub async fn organization_page(
        &self,
        organization: Uuid,
        paging: &Paging<ActivityEntry>,
    ) -> Result<Paged<ActivityEntry>> {
        let mut tx = self.context.db.read_global().await?;
        store::organization_page(&mut tx, organization, paging).await.map(|found| paging.page(found))
    }

    /// Deletes entries that are older than a year.
    pub async fn prune(&self) -> Result<()> {
        let mut tx = self.context.db.begin_global().await?;
        store::prune(&mut tx, self.context.clock.now() - KEPT).await?;
        tx.commit().await
    }
}
