//! The bytes of a version's files, and its pages as they are served.

use super::Modules;
use super::document;
use super::path::FilePath;
use super::published::{File, Published};
use axum::body::Bytes;
use embed_base::files::{Content, Digest, Form, Forms};
use embed_base::{Error, Result};
use moka::future::Cache;
use std::sync::Arc;
use uuid::Uuid;

/// The most bytes of pages in the cache.
const PAGE_BYTES: u64 = 32 * 1024 * 1024;
/// What an entry takes beside the page's bytes.
const BYTES_OF_FORMS: usize = 1024;
/// The largest page for which brotli is not too slow while a request waits.
const SMALL: usize = 32 * 1024;

/// Pages as they are served, by module, version and path, for which they never change. They are made when they are first
/// requested, so that modules follow what this release does with pages whenever they were published.
#[derive(Clone)]
pub(super) struct Pages(Cache<(Uuid, String, FilePath), Forms>);

impl Pages {
    pub(super) fn new() -> Self {
        let weight = |_: &(Uuid, String, FilePath), page: &Forms| {
            u32::try_from(page.in_memory() + BYTES_OF_FORMS).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().max_capacity(PAGE_BYTES).weigher(weight).build())
    }
}

impl Modules {
    /// A stored file, in the forms in which it is served.
    pub(crate) async fn forms(&self, digest: &Digest) -> Result<Forms> {
        if let Some(forms) = self.contents.get(digest).await {
            return Ok(forms);
        }
        let read = self.storage.get(digest);
        Box::pin(self.contents.try_get_with(digest.clone(), read))
            .await
            .map_err(|error| Error::shared(&error))
    }

    /// A page of a version as it is served below a frame's address. One that is too large to be held in memory is served as it
    /// was published.
    pub(crate) async fn document(
        &self,
        published: &Arc<Published>,
        path: &FilePath,
        file: &File,
    ) -> Result<Forms> {
        let key = (published.module, published.manifest.version.clone(), path.clone());
        if let Some(page) = self.pages.0.get(&key).await {
            return Ok(page);
        }
        let make = async {
            let stored = self.forms(&file.digest).await?;
            let Form::InMemory(plain) = stored.plain.clone() else { return Ok(stored) };
            let (published, path) = (published.clone(), path.clone());
            let page = self.context.work.run(move || served(&plain, &published, &path)).await?;
            Ok(page.map_or(stored, |page| Forms::from(&page)))
        };
        Box::pin(self.pages.0.try_get_with(key, make))
            .await
            .map_err(|error: Arc<Error>| Error::shared(&error))
    }
}

/// The page as it is served; `None` where it is served as it is stored.
fn served(stored: &Bytes, published: &Published, path: &FilePath) -> Option<Content> {
    let version = &published.manifest.version;
    let authored = document::without_base(stored, published.module, version, path);
    let is_loaded = |path: &str| published.file(path).is_some_and(|file| !file.is_page());
    let files = document::version_address(published.module, version);
    let page = document::with_files_at(&authored, path, &files, is_loaded);
    (page != stored)
        .then(|| if page.len() <= SMALL { Content::compressed(page) } else { Content::gzipped(page) })
}
