//! Bundles: a module as its author wrote it, from a folder or a zip file. Both are checked by the same rules before
//! anything is stored.

mod archive;
mod folder;

pub use archive::LARGEST_ARCHIVE;

use crate::modules::manifest::{self, Manifest};
use crate::modules::path::FilePath;
use axum::body::Bytes;
use embed_base::names;
use embed_base::{Code, Error, Result};
use std::collections::{BTreeMap, HashMap};

const MAX_FILES: usize = 1000;
const MAX_FILE_BYTES: u64 = 10 * MIB;
const MAX_TOTAL_BYTES: u64 = 50 * MIB;
const MIB: u64 = 1024 * 1024;

/// The bounds of bundles, as `docs/limits.md` lists them.
pub(super) fn bounds() -> Vec<(&'static str, usize)> {
    let mib = |bytes: u64| (bytes / MIB) as usize;
    vec![
        ("MiB of a zip file", mib(LARGEST_ARCHIVE as u64)),
        ("entries of a zip file", archive::MAX_ENTRIES),
        ("files of a bundle", MAX_FILES),
        ("MiB of a file", mib(MAX_FILE_BYTES)),
        ("MiB of a bundle", mib(MAX_TOTAL_BYTES)),
    ]
}

/// A module as its author wrote it.
#[derive(Debug)]
pub struct Bundle {
    pub manifest: Manifest,
    /// Its files without the manifest.
    pub files: BTreeMap<FilePath, Bytes>,
}

impl Bundle {
    fn new(manifest: Manifest, files: BTreeMap<FilePath, Bytes>) -> Result<Self> {
        if !files.contains_key(&manifest.entry) {
            let sentence = format!(
                "`entry` in {} is `{}`, but the bundle has no such file.",
                manifest::FILE_NAME,
                manifest.entry
            );
            return Err(refused(sentence));
        }
        Ok(Self { manifest, files })
    }
}

/// The names and sizes of a bundle's files, as far as they are known before any is read.
#[derive(Default)]
struct Contents {
    sizes: BTreeMap<FilePath, u64>,
    total: u64,
    /// Paths by their lower-case form, for systems that ignore case.
    folded: HashMap<String, FilePath>,
}

impl Contents {
    /// Parses a name in the bundle; `None` for a hidden file (`.git`, `.DS_Store`), which is left out.
    fn path(name: &str) -> Result<Option<FilePath>> {
        let path = FilePath::parse(name).map_err(|error| refused(format!("{error}: rename it.")))?;
        if let Some(invisible) = names::invisible(name) {
            return Err(refused(format!(
                "`{}` has the character {invisible}, which nobody sees: rename it.",
                names::shown(name)
            )));
        }
        Ok((!path.as_str().split('/').any(|part| part.starts_with('.'))).then_some(path))
    }

    fn add(&mut self, path: FilePath, size: u64) -> Result<()> {
        if self.sizes.len() >= MAX_FILES {
            return Err(refused(format!(
                "The bundle has more than {MAX_FILES} files: publish the folder that a build makes, without sources and node_modules."
            )));
        }
        if size > MAX_FILE_BYTES {
            let most = MAX_FILE_BYTES / MIB;
            let sentence = format!(
                "`{path}` has {} MiB, but the limit is {most} MiB: make it smaller, or load it from elsewhere.",
                size.div_ceil(MIB)
            );
            return Err(refused(sentence));
        }
        self.total += size;
        if self.total > MAX_TOTAL_BYTES {
            let most = MAX_TOTAL_BYTES / MIB;
            return Err(refused(format!(
                "The bundle has more than {most} MiB in total: leave out what visitors do not load."
            )));
        }
        if let Some(other) = self.folded.insert(path.as_str().to_lowercase(), path.clone()) {
            return Err(refused(format!(
                "`{other}` and `{path}` differ only in upper and lower case: rename one of them."
            )));
        }
        self.sizes.insert(path, size);
        Ok(())
    }

    /// The folder nearest to the top that has a manifest.
    fn folder_of_manifest(&self) -> Option<&str> {
        let folders = self
            .sizes
            .keys()
            .filter_map(|path| path.as_str().strip_suffix(manifest::FILE_NAME)?.strip_suffix('/'));
        folders.min_by_key(|folder| folder.split('/').count())
    }

    /// Removes the manifest from the files; an error where it is missing or too large. `shown` is the bundle's name in
    /// errors, and `mend` what to do where the manifest is in a folder.
    fn take_manifest(&mut self, shown: &str, mend: &str) -> Result<()> {
        match self.sizes.remove(manifest::FILE_NAME) {
            None => {
                if let Some(folder) = self.folder_of_manifest() {
                    return Err(refused(format!(
                        "{shown} has {} in the folder `{folder}` instead of at its top level: {mend}.",
                        manifest::FILE_NAME
                    )));
                }
                let sentence = format!(
                    "{shown} has no {}: write one with at least {{\"name\": …, \"version\": \"1.0.0\"}}.",
                    manifest::FILE_NAME
                );
                Err(refused(sentence))
            }
            Some(size) if size > manifest::MAX_BYTES => {
                let most = manifest::MAX_BYTES / 1024;
                Err(refused(format!(
                    "{} is larger than {most} KiB, more than a manifest needs.",
                    manifest::FILE_NAME
                )))
            }
            Some(_) => Ok(()),
        }
    }
}

/// 422 `invalid_bundle`.
fn refused(sentence: String) -> Error {
    Error::new(Code::InvalidBundle, sentence)
}
