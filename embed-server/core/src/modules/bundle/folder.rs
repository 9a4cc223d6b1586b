//! Reading a bundle from a folder.

use super::{Bundle, Contents, MAX_FILE_BYTES, refused};
use crate::modules::manifest::{self, Manifest};
use axum::body::Bytes;
use embed_base::{Error, Result};
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

impl Bundle {
    /// Reads a folder. Hidden files (`.git`, `.DS_Store`) are left out.
    pub fn read(folder: &Path) -> Result<Self> {
        let shown = folder.display();
        if !folder.is_dir() {
            return Err(refused(format!(
                "{shown} is not a folder: give the one that contains {}.",
                manifest::FILE_NAME
            )));
        }
        let mut found = Contents::default();
        walk(&mut found, folder, "")?;
        found.take_manifest(&shown.to_string(), "give that folder")?;
        let manifest = Manifest::parse(&read(&folder.join(manifest::FILE_NAME))?)?;
        let files = found.sizes.into_keys().map(|path| {
            let bytes = read(&folder.join(path.as_str()))?;
            Ok((path, bytes))
        });
        Self::new(manifest, files.collect::<Result<_>>()?)
    }
}

/// Adds everything below `folder`; `prefix` is its path in the bundle. Links are not followed.
fn walk(found: &mut Contents, folder: &Path, prefix: &str) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
        let entry = entry.map_err(|error| unreadable(folder, error))?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            return Err(refused(format!(
                "A name in {} is not UTF-8: rename {}.",
                folder.display(),
                name.display()
            )));
        };
        let Some(path) = Contents::path(&format!("{prefix}{name}"))? else { continue };
        let about = fs::symlink_metadata(entry.path()).map_err(|error| unreadable(&entry.path(), error))?;
        if about.is_dir() {
            walk(found, &entry.path(), &format!("{path}/"))?;
        } else if about.is_file() {
            found.add(path, about.len())?;
        } else {
            let kind = if about.is_symlink() { "a link" } else { "neither a file nor a folder" };
            return Err(refused(format!(
                "`{path}` is {kind}, but a bundle has only files: put the file itself there."
            )));
        }
    }
    Ok(())
}

/// Reads a file up to the limit, because it may have grown since its size was read.
fn read(path: &Path) -> Result<Bytes> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| unreadable(path, error))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(refused(format!(
            "{} grew while it was read: try again when it is complete.",
            path.display()
        )));
    }
    Ok(bytes.into())
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    refused(format!("{} cannot be read: {error}.", path.display())).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::super::MIB;
    use super::*;
    use crate::modules::path::FilePath;
    use tempfile::TempDir;

    const MANIFEST: &str = r#"{"name": "Feedback", "version": "1.0.0"}"#;

    fn folder(files: &[(&str, &str)]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        folder
    }

    fn complete() -> TempDir {
        folder(&[("module.json", MANIFEST), ("index.html", "<p>Hello")])
    }

    fn refusal(folder: &TempDir) -> String {
        Bundle::read(folder.path()).unwrap_err().detail().to_owned()
    }

    #[test]
    fn a_folder_becomes_a_bundle_without_its_hidden_files() {
        let folder = folder(&[
            ("module.json", MANIFEST),
            ("index.html", "<p>Hello"),
            ("js/app.js", "1"),
            (".git/config", "secret"),
            (".env", "secret"),
        ]);
        let bundle = Bundle::read(folder.path()).unwrap();
        assert_eq!(bundle.manifest.name, "Feedback");
        let paths: Vec<_> = bundle.files.keys().map(FilePath::as_str).collect();
        assert_eq!(paths, ["index.html", "js/app.js"]);
    }

    #[test]
    fn a_folder_without_manifest_or_entry_is_refused() {
        let missing = Bundle::read(Path::new("/nowhere")).unwrap_err();
        assert!(missing.detail().contains("/nowhere is not a folder"), "{missing}");
        assert!(refusal(&folder(&[("index.html", "")])).contains("has no module.json"));
        assert!(
            refusal(&folder(&[("module.json", MANIFEST)]))
                .contains("`entry` in module.json is `index.html`, but")
        );
        assert!(refusal(&folder(&[("module.json", "{")])).contains("module.json is invalid: EOF"));
    }

    #[cfg(unix)]
    #[test]
    fn links_and_odd_names_are_refused() {
        let linked = complete();
        std::os::unix::fs::symlink("/etc/passwd", linked.path().join("passwd.txt")).unwrap();
        assert!(refusal(&linked).contains("`passwd.txt` is a link"));
        let folder_link = complete();
        std::os::unix::fs::symlink("/etc", folder_link.path().join("etc")).unwrap();
        assert!(refusal(&folder_link).contains("`etc` is a link"));
        for name in ["a\nb.js", "a\\b.js", "a.js "] {
            let odd = complete();
            fs::write(odd.path().join(name), "").unwrap();
            assert!(refusal(&odd).ends_with("rename it."), "{name:?}");
        }
        let collision = complete();
        fs::write(collision.path().join("Index.html"), "").unwrap();
        assert!(refusal(&collision).contains("differ only in upper and lower case"));
    }

    #[test]
    fn ten_thousand_files_are_refused() {
        let many = complete();
        for number in 0..10_000 {
            fs::write(many.path().join(number.to_string()), "").unwrap();
        }
        assert!(refusal(&many).contains("more than 1000 files"));
    }

    #[test]
    fn a_gigabyte_is_refused_without_being_read() {
        let large = complete();
        File::create(large.path().join("video.bin")).unwrap().set_len(1024 * MIB).unwrap();
        assert!(refusal(&large).contains("`video.bin` has 1024 MiB, but the limit is 10 MiB"));
        let sum = complete();
        for number in 0..6 {
            File::create(sum.path().join(number.to_string())).unwrap().set_len(9 * MIB).unwrap();
        }
        assert!(refusal(&sum).contains("more than 50 MiB in total"));
    }
}
