//! Stores each file under the SHA-256 of its content, with its brotli and gzip forms beside it.
//!
//! A file is stored whole or not at all, never changes, and is shared by everything that refers to it; so a file that
//! is stored before a failure does no harm.

use crate::crypto::sha256_hex;
use crate::error::{Error, Result};
use crate::files::{Content, Encoding};
use axum::body::Bytes;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use std::fmt;
use std::sync::Arc;

/// The SHA-256 of a file's content, as 64 lower-case hex digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct Digest(String);

impl Digest {
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha256_hex(bytes))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Clone, Debug)]
pub struct Storage(Arc<dyn ObjectStore>);

impl Storage {
    /// Storage in a folder, which is created if it is missing.
    pub fn in_folder(folder: &std::path::Path) -> Result<Self> {
        let shown = folder.display();
        let sentence = || {
            format!(
                "Files cannot be stored in {shown}. Check its permissions, or choose another folder with EMBED_STORAGE_URL."
            )
        };
        std::fs::create_dir_all(folder).map_err(|error| Error::unavailable(sentence(), error))?;
        let files = LocalFileSystem::new_with_prefix(folder)
            .map_err(|error| Error::unavailable(sentence(), error))?;
        Ok(Self(Arc::new(files.with_fsync(true))))
    }

    /// Stores a body and its compressed forms, unless they are there; returns its digest once it is durable.
    pub async fn put(&self, content: &Content) -> Result<Digest> {
        let digest = Digest::of(&content.plain);
        // The uncompressed form comes last: if it is there, so are the others.
        for encoding in [Encoding::Brotli, Encoding::Gzip, Encoding::Plain] {
            if let Some(bytes) = content.form(encoding) {
                let put = self.0.put(&location(&digest, encoding), bytes.clone().into()).await;
                put.map_err(|error| {
                    Error::unavailable(
                        "A file could not be stored. Check the disk's space and permissions.",
                        error,
                    )
                })?;
            }
        }
        Ok(digest)
    }

    pub async fn has(&self, digest: &Digest) -> Result<bool> {
        match self.0.head(&location(digest, Encoding::Plain)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(unreadable(error)),
        }
    }

    pub async fn get(&self, digest: &Digest) -> Result<Content> {
        let plain = self
            .form(digest, Encoding::Plain)
            .await?
            .ok_or_else(|| Error::internal(format!("{digest} is not stored")))?;
        Ok(Content {
            plain,
            gzip: self.form(digest, Encoding::Gzip).await?,
            brotli: self.form(digest, Encoding::Brotli).await?,
        })
    }

    async fn form(&self, digest: &Digest, encoding: Encoding) -> Result<Option<Bytes>> {
        let found = match self.0.get(&location(digest, encoding)).await {
            Ok(found) => found.bytes().await,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => Err(error),
        };
        found.map(Some).map_err(unreadable)
    }
}

/// Files are spread over 256 folders to keep each of them small.
fn location(digest: &Digest, encoding: Encoding) -> Path {
    let digits = digest.as_str();
    Path::from(format!("{}/{digits}{}", &digits[..2], encoding.suffix()))
}

fn unreadable(error: object_store::Error) -> Error {
    Error::unavailable("A stored file cannot be read; try again shortly.", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_stored_comes_back_in_all_its_forms() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::in_folder(&folder.path().join("made")).unwrap();
        let content = Content::compressed(Bytes::from("words ".repeat(100)));
        let digest = storage.put(&content).await.unwrap();
        assert_eq!(storage.put(&content).await.unwrap(), digest, "storing twice is storing once");
        let found = storage.get(&digest).await.unwrap();
        assert_eq!(found.plain, content.plain);
        assert_eq!((found.gzip, found.brotli), (content.gzip, content.brotli));
        assert!(storage.has(&digest).await.unwrap());
        assert!(!storage.has(&Digest::of(b"other")).await.unwrap());
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_created_is_reported_in_a_sentence() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Storage::in_folder(&file.path().join("below")).unwrap_err();
        assert!(error.detail().contains("EMBED_STORAGE_URL"), "{error}");
    }
}
