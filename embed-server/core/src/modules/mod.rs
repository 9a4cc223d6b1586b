//! Modules, which websites embed. A module is published as a bundle, files and a `module.json`, and keeps its id over
//! its versions.
//!
//! A published version never changes, and is stored whole before one transaction makes it the served one: an
//! interrupted publish leaves the served version as it was. Published versions are served from a cache.

mod bundle;
mod document;
mod events;
mod files;
pub mod manage;
mod managed;
mod manifest;
pub mod origin;
mod path;
mod publish;
mod published;
mod schema;
mod settings;
mod store;
mod stored_manifest;
mod upload;

pub use bundle::Bundle;
pub(crate) use document::encoded;
pub use events::{ACTIONS, EVENTS};
pub use managed::ManagedModule;
pub use manifest::{Action, Manifest};
pub(crate) use path::FilePath;
pub use publish::Publication;
pub use published::Published;
pub use schema::{FieldError, FieldTypes, RecordSchema, Type};
pub use settings::{ModuleChanges, WhoMayConsent};
pub use upload::{Archive, Unpacked, Upload};

use crate::sites::{SITES, Sites};
use chrono::{DateTime, Utc};
use embed_base::Context;
use embed_base::cache::RevisionCache;
use embed_base::db::{Topic, Tx};
use embed_base::events::activity::Actor;
use embed_base::files::{Digest, Forms, Storage};
use embed_base::http::{Listed, Paged, Paging};
use embed_base::{Code, Error, Result};
use moka::future::Cache;
use schema::Compiler;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use std::sync::Arc;
use std::time::Duration;
use upload::Uploads;
use uuid::Uuid;

/// A module, by its id: the version that it serves.
pub const MODULES: Topic = Topic("modules");

/// SQL that is true where the module `added.module_id` is one of the site `added.site_id`, for the statements of other
/// capabilities whose rows belong to a module.
pub const BELONGS: &str =
    "EXISTS (SELECT 1 FROM site_modules m WHERE m.id = added.module_id AND m.site_id = added.site_id)";

/// The end of a SELECT of the module whose id is $1, with `site_id` and `id`.
pub const WITH_ID: &str = "site_modules WHERE id = $1";

/// Versions in the cache, some kilobytes each.
const VERSIONS: u64 = 2_000;
/// The most bytes of files in the cache.
const CONTENT_BYTES: u64 = 64 * 1024 * 1024;
/// What an entry takes beside the file's bytes.
const BYTES_OF_FORMS: usize = 1024;
/// The longest time that a version is cached.
const VERSION_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// A file that was not requested for this long leaves the cache.
const CONTENT_MAX_IDLE: Duration = Duration::from_secs(60 * 60);

/// The number of versions that an error lists, the newest first.
const LISTED: i64 = 20;

/// The bounds of bundles, manifests, schemas and uploads, as `docs/limits.md` lists them.
pub fn bounds() -> Vec<(&'static str, usize)> {
    let files = [("MiB of files in memory", (CONTENT_BYTES / (1024 * 1024)) as usize)];
    [bundle::bounds(), manifest::bounds(), schema::bounds(), upload::bounds(), files.into()].concat()
}

/// A module of a site.
#[derive(Clone, Debug, FromRow, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Module {
    /// The module's id, the same for all versions.
    pub id: Uuid,
    /// The site that it belongs to.
    pub site_id: Uuid,
    /// The name in the manifest of the version that was published last.
    pub name: String,
    /// The version that is served; null while the module is unpublished.
    pub version: Option<String>,
    /// Whose consent an external app may ask for.
    #[sqlx(try_from = "String")]
    pub oauth_who: WhoMayConsent,
    /// When it was first published.
    pub created_at: DateTime<Utc>,
    /// When it was last published, rolled back or unpublished.
    pub updated_at: DateTime<Utc>,
}

/// A version of a module.
#[derive(Clone, Debug, FromRow, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    #[serde(skip)]
    id: Uuid,
    /// The version, as in its manifest.
    pub version: String,
    /// When it was published.
    pub published_at: DateTime<Utc>,
    /// The number of its files.
    pub files: i64,
    /// The size of all files together in bytes, uncompressed.
    pub bytes: i64,
}

/// The version to serve.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RollBack {
    /// A published version.
    pub version: String,
}

impl Listed for Module {
    const LIST: &'static str = "modules";

    fn id(&self) -> Uuid {
        self.id
    }
}

impl Listed for Version {
    const LIST: &'static str = "versions";

    fn id(&self) -> Uuid {
        self.id
    }
}

/// Modules. Cheap to clone; clones share one cache.
#[derive(Clone)]
pub struct Modules {
    context: Context,
    storage: Storage,
    /// By module and version; without a version, the served one.
    published: RevisionCache<(Uuid, Option<String>), Option<Arc<Published>>>,
    contents: Cache<Digest, Forms>,
    compiler: Compiler,
    uploads: Uploads,
    pages: files::Pages,
}

impl Modules {
    /// Builds the capability; fails where files cannot be stored.
    pub fn new(context: &Context) -> Result<Self> {
        let weight =
            |_: &Digest, forms: &Forms| u32::try_from(forms.in_memory() + BYTES_OF_FORMS).unwrap_or(u32::MAX);
        Ok(Self {
            context: context.clone(),
            storage: Storage::in_folder(&context.settings.storage.storage_url)?,
            published: RevisionCache::new(
                &context.changes,
                context.metrics.cache("modules"),
                VERSIONS,
                VERSION_LIFETIME,
            ),
            contents: Cache::builder()
                .max_capacity(CONTENT_BYTES)
                .weigher(weight)
                .time_to_idle(CONTENT_MAX_IDLE)
                .build(),
            compiler: Compiler::new(&context.work),
            uploads: Uploads::default(),
            pages: files::Pages::new(),
        })
    }

    /// A site's modules, oldest first.
    pub async fn list(&self, site: Uuid) -> Result<Vec<Module>> {
        let mut tx = self.context.db.read(site).await?;
        store::page(&mut tx, site, Uuid::nil(), i64::MAX).await
    }

    pub async fn page(&self, site: Uuid, paging: &Paging<Module>) -> Result<Paged<Module>> {
        let mut tx = self.context.db.read(site).await?;
        let modules = store::page(&mut tx, site, paging.after(), paging.reads()).await?;
        Ok(paging.page(modules))
    }

    /// One module, or 404 `module_not_found`.
    pub async fn find(&self, site: Uuid, module: Uuid) -> Result<Module> {
        let mut tx = self.context.db.read(site).await?;
        store::find(&mut tx, site, module).await?.ok_or_else(|| not_found(site, module))
    }

    /// A module's versions, newest first.
    pub async fn versions(&self, site: Uuid, module: Uuid) -> Result<Vec<Version>> {
        let mut tx = self.context.db.read(site).await?;
        store::versions(&mut tx, site, module, Uuid::max(), i64::MAX).await
    }

    pub async fn page_of_versions(
        &self,
        site: Uuid,
        module: Uuid,
        paging: &Paging<Version>,
    ) -> Result<Paged<Version>> {
        let mut tx = self.context.db.read(site).await?;
        let versions = store::versions(&mut tx, site, module, paging.before(), paging.reads()).await?;
        Ok(paging.page(versions))
    }

    /// Serves an earlier version again, or any other that was published.
    pub async fn roll_back(&self, by: &Actor, site: Uuid, module: Uuid, version: &str) -> Result<Module> {
        let tenant = Sites::new(&self.context).tenant(site, Some(module)).await?;
        let mut change = self.context.change(&tenant, by).await?;
        let found = store::find(&mut change, site, module).await?.ok_or_else(|| not_found(site, module))?;
        // Text that is no version must not reach PostgreSQL, whose error would hide that the version is unknown.
        let target = match manifest::is_version(version) {
            true => store::version(&mut change, site, module, version).await?,
            false => None,
        };
        let Some(target) = target else {
            let versions = store::versions(&mut change, site, module, Uuid::max(), LISTED).await?;
            let versions: Vec<_> = versions.iter().map(|version| version.version.as_str()).collect();
            let detail = format!(
                "{} has no version {}. It has {}.",
                found.name,
                version.escape_debug(),
                versions.join(", ")
            );
            return Err(Error::new(Code::VersionNotFound, detail));
        };
        let (manifest, now) = (&target.manifest.manifest, change.now());
        store::switch(&mut change, site, module, &manifest.name, Some(target.id), now).await?;
        change.event(&events::ModulePublished { name: &manifest.name, version: &manifest.version })?;
        change.forget(MODULES, module);
        let subject = format!("{} {}", manifest.name, manifest.version);
        change.commit(events::MODULE_ROLLED_BACK, &subject).await?;
        self.find(site, module).await
    }

    /// Stops serving a module. Its id, versions and domains stay for when it is published again.
    pub async fn unpublish(&self, by: &Actor, site: Uuid, module: Uuid) -> Result<Module> {
        let tenant = Sites::new(&self.context).tenant(site, Some(module)).await?;
        let mut change = self.context.change(&tenant, by).await?;
        let found = store::find(&mut change, site, module).await?.ok_or_else(|| not_found(site, module))?;
        let now = change.now();
        store::switch(&mut change, site, module, &found.name, None, now).await?;
        change.forget(MODULES, module);
        change.commit(events::MODULE_UNPUBLISHED, &found.name).await?;
        self.find(site, module).await
    }

    /// What a site's module serves; `None` where the site has no such module, or it is not published.
    pub async fn published(&self, site: Uuid, module: Uuid) -> Result<Option<Arc<Published>>> {
        Ok(self.served(module).await?.filter(|published| published.site == site))
    }

    /// What a module of any site serves: its files are public, and their URL names no site.
    pub async fn served(&self, module: Uuid) -> Result<Option<Arc<Published>>> {
        self.load(module, None).await
    }

    /// One version of a module, while the module is published in any.
    pub(crate) async fn served_in(&self, module: Uuid, version: &str) -> Result<Option<Arc<Published>>> {
        match self.served(module).await? {
            Some(current) if current.manifest.version == version => Ok(Some(current)),
            Some(_) => self.load(module, Some(version.to_owned())).await,
            None => Ok(None),
        }
    }

    /// Whether every module has an origin of its own; otherwise they are sandboxed.
    pub fn have_own_origins(&self) -> bool {
        self.context.settings.server.module_host.is_some()
    }

    async fn load(&self, module: Uuid, version: Option<String>) -> Result<Option<Arc<Published>>> {
        let read = || async {
            let mut tx = self.context.db.read_global().await?;
            let found = Published::read(&mut tx, module, version.as_deref(), &self.compiler).await?;
            let mut dependencies = vec![(MODULES, module.to_string())];
            dependencies.extend(found.as_ref().map(|found| (SITES, found.site.to_string())));
            Ok((found.map(Arc::new), dependencies))
        };
        self.published.get((module, version.clone()), read).await
    }
}

/// The manifest of the version that a site's module serves, in a transaction of the site; `None` where there is no such
/// module, or it is not published.
pub async fn served_manifest(tx: &mut Tx, site: Uuid, module: Uuid) -> Result<Option<Manifest>> {
    let Some(Module { version: Some(version), .. }) = store::find(tx, site, module).await? else {
        return Ok(None);
    };
    let stored = store::version(tx, site, module, &version).await?;
    Ok(stored.map(|stored| stored.manifest.0.manifest))
}

/// 404 `module_not_found`, for those who call a module and manage none.
pub(crate) fn module_not_found() -> Error {
    Error::new(Code::ModuleNotFound, "There is no such module, or it is not published.")
}

fn not_found(site: Uuid, module: Uuid) -> Error {
    let detail = format!(
        "Site {site} has no module {module}. `embed-server module list --site {site}` lists its modules."
    );
    Error::new(Code::ModuleNotFound, detail)
}
