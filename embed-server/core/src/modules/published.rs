//! A version of a module, ready to be served.

use super::manifest::{Collection, Manifest, PERMISSIONS};
use super::path::FilePath;
use super::schema::{Compiler, RecordSchema};
use super::store;
use axum::http::HeaderValue;
use embed_base::db::Tx;
use embed_base::files::Digest;
use embed_base::{Error, Result};
use embed_protocol::EmbedType;
use embed_protocol::verify::Launcher;
use std::collections::HashMap;
use uuid::Uuid;

#[derive(Debug)]
pub struct Published {
    pub site: Uuid,
    pub module: Uuid,
    pub manifest: Manifest,
    /// The document's `Permissions-Policy`.
    pub permissions: HeaderValue,
    files: HashMap<FilePath, File>,
    schemas: HashMap<String, RecordSchema>,
}

#[derive(Clone, Debug)]
pub(crate) struct File {
    pub digest: Digest,
    pub content_type: HeaderValue,
}

impl Published {
    /// Reads a version, or without one the served one, in a transaction that crosses sites.
    pub(super) async fn read(
        tx: &mut Tx,
        module: Uuid,
        version: Option<&str>,
        compiler: &Compiler,
    ) -> Result<Option<Self>> {
        let Some(found) = store::served(tx, module, version).await? else {
            return Ok(None);
        };
        let stored = store::files(tx, found.id).await?;
        let files = stored.into_iter().map(|file| {
            let content_type = HeaderValue::try_from(file.content_type).map_err(Error::internal)?;
            let path = FilePath::parse(file.path).map_err(Error::internal)?;
            Ok((path, File { digest: file.sha256, content_type }))
        });
        let files = files.collect::<Result<_>>()?;
        let manifest = found.manifest.0.manifest;
        let permissions = HeaderValue::try_from(permissions_policy(&manifest)).map_err(Error::internal)?;
        let schema = |(name, collection): (&String, &Collection)| {
            (name.clone(), RecordSchema::new(&collection.schema, compiler))
        };
        let schemas = manifest.collections.iter().map(schema).collect();
        Ok(Some(Self { site: found.site_id, module, manifest, permissions, files, schemas }))
    }

    pub fn name(&self) -> &str {
        &self.manifest.name
    }

    pub fn launcher(&self) -> &Launcher {
        &self.manifest.launcher
    }

    pub fn embed_types(&self) -> &[EmbedType] {
        &self.manifest.embed_types
    }

    /// The schema of a collection's records; `None` where there is no such collection.
    pub fn schema(&self, collection: &str) -> Option<&RecordSchema> {
        self.schemas.get(collection)
    }

    pub(crate) fn file(&self, path: &str) -> Option<&File> {
        self.files.get(path)
    }
}

impl File {
    /// Whether browsers show it as a page.
    pub fn is_page(&self) -> bool {
        let kind = self.content_type.as_bytes();
        kind.starts_with(b"text/html") || kind.starts_with(b"application/xhtml+xml")
    }
}

/// Allows the features that the manifest lists, and denies all others.
fn permissions_policy(manifest: &Manifest) -> String {
    let directive = |feature: &&str| {
        let listed = manifest.permissions.iter().any(|permission| permission == feature);
        format!("{feature}={}", if listed { "(self)" } else { "()" })
    };
    PERMISSIONS.iter().map(directive).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_manifest_does_not_ask_for_is_denied() {
        let manifest = br#"{"name": "Call", "version": "1", "permissions": ["camera"]}"#;
        let policy = permissions_policy(&Manifest::parse(manifest).unwrap());
        assert!(policy.contains("camera=(self), "), "{policy}");
        assert!(policy.contains("microphone=(), "), "{policy}");
        assert_eq!(policy.matches("=()").count(), PERMISSIONS.len() - 1);
    }
}
