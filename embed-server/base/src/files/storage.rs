//! Stores each file under the SHA-256 of its content, with its brotli and gzip forms beside it.
//!
//! A file is stored whole or not at all, never changes, and is shared by everything that refers to it; so a file that
//! is stored before a failure does no harm.

use crate::crypto::sha256_hex;
use crate::error::{Error, Result};
use crate::files::{Content, Encoding, Form, Forms};
use axum::body::Bytes;
use futures_util::stream::{self, Stream};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The largest form that is kept in memory.
const LARGEST_IN_MEMORY: u64 = 256 * 1024;
/// The bytes that are read at once from a larger one, and the most of it that a response has in memory.
const PIECE: u64 = 16 * 1024;

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

    /// Stores a body of this digest and its compressed forms; returns once they are durable.
    pub async fn put(&self, digest: &Digest, content: &Content) -> Result<()> {
        // The uncompressed form comes last: if it is there, so are the others.
        for encoding in [Encoding::Brotli, Encoding::Gzip, Encoding::Plain] {
            if let Some(bytes) = content.form(encoding) {
                let put = self.0.put(&location(digest, encoding), bytes.clone().into()).await;
                put.map_err(|error| {
                    Error::unavailable(
                        "A file could not be stored. Check the disk's space and permissions.",
                        error,
                    )
                })?;
            }
        }
        Ok(())
    }

    pub async fn has(&self, digest: &Digest) -> Result<bool> {
        match self.0.head(&location(digest, Encoding::Plain)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(unreadable(error)),
        }
    }

    /// A stored content: its small forms in memory, its large ones to be read while they are sent.
    pub async fn get(&self, digest: &Digest) -> Result<Forms> {
        let plain = self
            .form(digest, Encoding::Plain)
            .await?
            .ok_or_else(|| Error::internal(format!("{digest} is not stored")))?;
        Ok(Forms {
            plain,
            gzip: self.form(digest, Encoding::Gzip).await?,
            brotli: self.form(digest, Encoding::Brotli).await?,
        })
    }

    async fn form(&self, digest: &Digest, encoding: Encoding) -> Result<Option<Form>> {
        let location = location(digest, encoding);
        let found = match self.0.get(&location).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(unreadable(error)),
        };
        let size = found.meta.size;
        if size > LARGEST_IN_MEMORY {
            return Ok(Some(Form::Stored(StoredForm { storage: self.clone(), location, size })));
        }
        found.bytes().await.map(Form::InMemory).map(Some).map_err(unreadable)
    }
}

/// A form that is read from storage while it is sent.
#[derive(Clone, Debug)]
pub struct StoredForm {
    storage: Storage,
    location: Path,
    size: u64,
}

impl StoredForm {
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Reads a range piece by piece, each once the one before it has been sent and dropped: a caller that keeps a piece gets
    /// no other. No file is open between two pieces, so those who read slowly hold none.
    pub(super) fn read(self, range: Range<u64>) -> impl Stream<Item = object_store::Result<Bytes>> {
        let in_memory = Arc::new(Semaphore::new(1));
        stream::try_unfold((self, range, in_memory), |(form, range, in_memory)| async move {
            if range.is_empty() {
                return Ok(None);
            }
            // Nobody closes the semaphore.
            let permit = in_memory.clone().acquire_owned().await.ok();
            let end = range.end.min(range.start + PIECE);
            let bytes = form.storage.0.get_range(&form.location, range.start..end).await?;
            let piece = Bytes::from_owner(Piece { bytes, _permit: permit });
            Ok(Some((piece, (form, end..range.end, in_memory))))
        })
    }
}

/// A part of a file; the next one is read when it is dropped.
struct Piece {
    bytes: Bytes,
    _permit: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
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
    use futures_util::TryStreamExt;
    use std::pin::pin;
    use std::time::Duration;

    #[tokio::test]
    async fn what_was_stored_comes_back_in_all_its_forms() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::in_folder(&folder.path().join("made")).unwrap();
        let content = Content::compressed(Bytes::from("words ".repeat(100)));
        let digest = Digest::of(&content.plain);
        storage.put(&digest, &content).await.unwrap();
        storage.put(&digest, &content).await.unwrap();
        let found = storage.get(&digest).await.unwrap();
        for (form, bytes) in [
            (Some(found.plain), Some(content.plain)),
            (found.gzip, content.gzip),
            (found.brotli, content.brotli),
        ] {
            assert!(matches!((form, bytes), (Some(Form::InMemory(form)), Some(bytes)) if form == bytes));
        }
        assert!(storage.has(&digest).await.unwrap());
        assert!(!storage.has(&Digest::of(b"other")).await.unwrap());
    }

    #[tokio::test]
    async fn a_large_file_is_read_in_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::in_folder(folder.path()).unwrap();
        let bytes: Vec<u8> = (0..=LARGEST_IN_MEMORY).map(|place| (place % 251) as u8).collect();
        let content = Content::incompressible(bytes.clone().into());
        let digest = Digest::of(&content.plain);
        storage.put(&digest, &content).await.unwrap();
        let found = storage.get(&digest).await.unwrap();
        assert_eq!(found.in_memory(), 0);
        let Form::Stored(form) = found.plain else { panic!("a large form is in memory") };
        for range in [0..form.size(), 1..PIECE + 2, 70_000..70_001] {
            let mut read = Vec::new();
            let mut pieces = pin!(form.clone().read(range.clone()));
            while let Some(piece) = pieces.try_next().await.unwrap() {
                assert!(piece.len() as u64 <= PIECE);
                read.extend_from_slice(&piece);
            }
            assert_eq!(read, bytes[range.start as usize..range.end as usize]);
        }
        let mut pieces = pin!(form.clone().read(0..form.size()));
        let first = pieces.try_next().await.unwrap();
        let second = tokio::time::timeout(Duration::from_millis(50), pieces.try_next()).await;
        assert!(second.is_err(), "two pieces are in memory");
        drop(first);
        assert!(pieces.try_next().await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_created_is_reported_in_a_sentence() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Storage::in_folder(&file.path().join("below")).unwrap_err();
        assert!(error.detail().contains("EMBED_STORAGE_URL"), "{error}");
    }
}
