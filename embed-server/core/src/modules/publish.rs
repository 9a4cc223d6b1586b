//! Publishing: check, store, switch.

use super::bundle::Bundle;
use super::manifest::Manifest;
use super::path::FilePath;
use super::store::{self, StoredFile};
use super::{MODULES, Module, Modules, document, events, not_found};
use crate::sites::Sites;
use axum::body::Bytes;
use embed_base::change::{Change, Listed};
use embed_base::events::activity::Actor;
use embed_base::files::Content;
use embed_base::files::{Digest, Form};
use embed_base::{Code, Error, Result};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The result of publishing a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Publication {
    /// The module's id.
    pub id: Uuid,
    /// The site that it belongs to.
    pub site_id: Uuid,
    /// The module's name.
    pub name: String,
    /// The version that is served now.
    pub version: String,
    /// The version that was served before, where this one is lower, as 1.9.0 is lower than 1.10.0.
    pub lower_than: Option<String>,
    /// The number of its files.
    pub files: usize,
    /// The size of all files together in bytes, uncompressed.
    pub bytes: usize,
    /// Whether anything changed; publishing the same bundle again changes nothing.
    pub changed: bool,
}

impl Modules {
    /// Publishes a bundle as a version of `module`, or else of the site's module with the bundle's name, which is
    /// created when there is none. `progress` is called with the number of stored files and of all files.
    pub async fn publish(
        &self,
        by: &Actor,
        site: Uuid,
        module: Option<Uuid>,
        bundle: Bundle,
        progress: impl Fn(usize, usize),
    ) -> Result<Publication> {
        let Bundle { manifest, files } = bundle;
        let existing = self.existing(site, module, &manifest.name).await?;
        let id = existing.as_ref().map_or_else(|| self.context.ids.next(), |module| module.id);
        let prepare = move || {
            let rows: Vec<_> = files.iter().map(|(path, bytes)| row(path, bytes)).collect();
            (files, rows)
        };
        let (files, rows) = tokio::task::spawn_blocking(prepare).await.map_err(Error::internal)?;
        let publication = Publication {
            id,
            site_id: site,
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            lower_than: existing
                .as_ref()
                .and_then(|module| module.version.clone())
                .filter(|before| is_lower(&manifest.version, before)),
            files: files.len(),
            bytes: files.values().map(Bytes::len).sum(),
            changed: true,
        };

        let mut tx = self.context.db.read(site).await?;
        if let Some(stored) = store::version(&mut tx, site, id, &manifest.version).await? {
            let same = stored.manifest.complete && stored.manifest.manifest == manifest;
            let stored_rows = store::files(&mut tx, stored.id).await?;
            if !same || self.as_authored(id, &manifest, stored_rows).await? != rows {
                return Err(version_exists(&manifest.name, &manifest.version));
            }
            if existing.is_some_and(|module| module.version.as_ref() == Some(&manifest.version)) {
                return Ok(Publication { changed: false, ..publication });
            }
            drop(tx);
            let tenant = Sites::new(&self.context).tenant(site, Some(id)).await?;
            let change = self.context.change(&tenant, by).await?;
            self.serve(change, &publication, stored.id).await?;
            return Ok(publication);
        }
        drop(tx);

        self.store(&files, &rows, progress).await?;

        let tenant = Sites::new(&self.context).tenant(site, Some(id)).await?;
        let mut change = self.context.change(&tenant, by).await?;
        let (now, version) = (change.now(), change.id());
        if existing.is_none() {
            store::insert(&mut change, site, id, &manifest.name, now).await?;
        }
        store::insert_version(&mut change, (site, id, version), &manifest, &rows, now).await?;
        self.serve(change, &publication, version).await?;
        Ok(publication)
    }

    async fn existing(&self, site: Uuid, module: Option<Uuid>, name: &str) -> Result<Option<Module>> {
        let mut tx = self.context.db.read(site).await?;
        match module {
            Some(module) => match store::find(&mut tx, site, module).await? {
                Some(found) => Ok(Some(found)),
                None => Err(not_found(site, module)),
            },
            None => store::find_by_name(&mut tx, site, name).await,
        }
    }

    /// The rows of a stored version as they would be today: earlier releases stored the entry page with a `<base>` in it.
    async fn as_authored(
        &self,
        module: Uuid,
        manifest: &Manifest,
        mut rows: Vec<StoredFile>,
    ) -> Result<Vec<StoredFile>> {
        if let Some(entry) = rows.iter_mut().find(|row| row.path == manifest.entry.as_str()) {
            // One that is too large to be held in memory is left as it is.
            if let Form::InMemory(page) = self.forms(&entry.sha256).await?.plain {
                let (version, path) = (&manifest.version, &manifest.entry);
                *entry = row(path, &document::without_base(&page, module, version, path));
            }
        }
        Ok(rows)
    }

    /// Stores the files that are missing. Nothing refers to them yet, so an interruption leaves only files that the
    /// next attempt reuses.
    async fn store(
        &self,
        files: &BTreeMap<FilePath, Bytes>,
        rows: &[StoredFile],
        progress: impl Fn(usize, usize),
    ) -> Result<()> {
        progress(0, files.len());
        for (done, ((path, bytes), row)) in files.iter().zip(rows).enumerate() {
            if !self.storage.has(&row.sha256).await? {
                let (compresses, bytes) = (path.compresses(), bytes.clone());
                let compress = move || {
                    if compresses { Content::compressed(bytes) } else { Content::incompressible(bytes) }
                };
                let content = tokio::task::spawn_blocking(compress).await.map_err(Error::internal)?;
                self.storage.put(&row.sha256, &content).await?;
            }
            progress(done + 1, files.len());
        }
        Ok(())
    }

    /// Makes a version the served one, and records that.
    async fn serve(
        &self,
        mut change: Change<Listed>,
        publication: &Publication,
        version: Uuid,
    ) -> Result<()> {
        let &Publication { id, site_id: site, ref name, .. } = publication;
        let now = change.now();
        store::switch(&mut change, site, id, name, Some(version), now).await?;
        change.event(&events::ModulePublished { name, version: &publication.version })?;
        change.forget(MODULES, id);
        change.commit(events::MODULE_PUBLISHED, &format!("{name} {}", publication.version)).await
    }
}

fn row(path: &FilePath, bytes: &Bytes) -> StoredFile {
    StoredFile {
        path: path.to_string(),
        sha256: Digest::of(bytes),
        size: bytes.len() as i64,
        content_type: path.content_type(),
    }
}

/// Whether a version is lower than another; false where they are not both numbers and dots.
fn is_lower(version: &str, than: &str) -> bool {
    let numbers = |text: &str| text.split('.').map(str::parse::<u64>).collect::<Result<Vec<_>, _>>();
    matches!((numbers(version), numbers(than)), (Ok(version), Ok(than)) if version < than)
}

fn version_exists(name: &str, version: &str) -> Error {
    let detail = format!(
        "Version {version} of {name} is already published with different content, and a version never changes. Raise `version` in module.json."
    );
    Error::new(Code::VersionExists, detail)
}

#[cfg(test)]
mod tests {
    use super::is_lower;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        for (version, than, expected) in [
            ("1.9.0", "1.10.0", true),
            ("1.10.0", "1.9.0", false),
            ("1.0", "1.0.1", true),
            ("2", "2", false),
            ("1.0.0-beta", "2.0.0", false),
        ] {
            assert_eq!(is_lower(version, than), expected, "{version} and {than}");
        }
    }
}
