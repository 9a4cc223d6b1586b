//! Reading a bundle from a zip file, which may be malicious: nothing that it declares is trusted before it is read.

use super::{Bundle, Contents, MAX_FILES, MAX_TOTAL_BYTES, MIB, refused};
use crate::modules::manifest::{self, Manifest};
use crate::modules::path::FilePath;
use axum::body::Bytes;
use embed_base::{Error, Result};
use std::collections::BTreeMap;
use std::io::{self, Read, Seek};
use zip::read::ZipFileEntry;
use zip::result::ZipError;
use zip::{ZipArchive, ZipReadOptions};

/// The largest zip file, in bytes: an incompressible bundle of the largest size, and room for its names.
pub const LARGEST_ARCHIVE: usize = (MAX_TOTAL_BYTES + 2 * MIB) as usize;
/// The most entries, including folders and the files that systems add and a bundle leaves out.
pub(super) const MAX_ENTRIES: usize = 10 * MAX_FILES;
/// The signature of every entry in an archive's directory.
const ENTRY: &[u8] = b"PK\x01\x02";
/// The mask of the file type in a Unix mode, and the values for a regular file and for an unset type.
const FILE_TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const UNSET: u32 = 0;

impl Bundle {
    /// Reads a zip file, which `open` opens anew. `module.json` is at its top level; hidden files and macOS's `__MACOSX` are
    /// left out.
    pub fn unzip<R: Read + Seek>(open: impl Fn() -> R) -> Result<Self> {
        // Entries are counted before the directory is parsed, which takes several times its size in memory.
        let entries = count(open(), ENTRY).map_err(|error| damaged(error.into()))?;
        if entries > MAX_ENTRIES {
            return Err(refused(format!(
                "The zip file has {entries} entries, and {MAX_ENTRIES} are more than any bundle needs."
            )));
        }
        let archive = ZipArchive::new(open()).map_err(damaged)?;
        if archive.has_duplicate_names() {
            return Err(refused(
                "The zip file has a name twice: create it again with an ordinary tool.".to_owned(),
            ));
        }
        let mut found = Contents::default();
        for index in 0..archive.len() {
            let entry = archive.by_index_data(index).map_err(damaged)?;
            if let Some(path) = file(&entry)? {
                found.add(path, entry.size())?;
            }
        }
        found.take_manifest("The zip file", "zip the content of that folder")?;

        let mut reader = open();
        let mut text = None;
        let mut files = BTreeMap::new();
        for index in 0..archive.len() {
            let entry = archive.by_index_data(index).map_err(damaged)?;
            let Some(path) = file(&entry)? else { continue };
            let bytes = inflate(entry, &path, &mut reader)?;
            if path.as_str() == manifest::FILE_NAME {
                text = Some(bytes);
            } else {
                files.insert(path, bytes);
            }
        }
        Self::new(Manifest::parse(&text.unwrap_or_default())?, files)
    }
}

/// The path of an entry in the bundle; `None` for folders and for what is left out.
fn file(entry: &ZipFileEntry<'_>) -> Result<Option<FilePath>> {
    let name = std::str::from_utf8(entry.name_raw()).map_err(|error| {
        let shown = String::from_utf8_lossy(entry.name_raw());
        refused(format!("A name in the zip file is not UTF-8: rename `{}`.", shown.escape_debug()))
            .caused_by(error)
    })?;
    // Some programs on Windows separate folders by backslashes, which no path in a bundle has.
    let name = &*name.replace('\\', "/");
    let Some(path) = Contents::path(name.strip_suffix('/').unwrap_or(name))? else { return Ok(None) };
    if name.ends_with('/') || name.starts_with("__MACOSX/") {
        return Ok(None);
    }
    if entry.encrypted() {
        return Err(refused(format!("`{path}` is encrypted: zip it without a password.")));
    }
    let kind = entry.unix_mode().unwrap_or(UNSET) & FILE_TYPE;
    if entry.is_symlink() || ![REGULAR, UNSET].contains(&kind) {
        let kind = if entry.is_symlink() { "a link" } else { "neither a file nor a folder" };
        return Err(refused(format!(
            "`{path}` is {kind}, but a bundle has only files: put the file itself there."
        )));
    }
    Ok(Some(path))
}

/// Inflates a file to its declared size, which was counted against the limits, and no further.
fn inflate(entry: ZipFileEntry<'_>, path: &FilePath, reader: &mut (impl Read + Seek)) -> Result<Bytes> {
    let size = entry.size();
    let broken = |error: ZipError| match error {
        ZipError::CompressionMethodNotSupported(_) | ZipError::UnsupportedArchive(_) => refused(format!(
            "`{path}` is compressed with an unsupported method: zip it with `deflate`, the default of every tool."
        )),
        error => refused(format!("`{path}` is damaged in the zip file: zip it again.")).caused_by(error),
    };
    let file = entry.with_reader(reader, ZipReadOptions::new()).map_err(broken)?;
    let mut bytes = Vec::new();
    file.take(size + 1).read_to_end(&mut bytes).map_err(|error| broken(error.into()))?;
    if bytes.len() as u64 != size {
        return Err(refused(format!(
            "`{path}` differs in size from what the zip file declares: zip it again with an ordinary tool."
        )));
    }
    Ok(bytes.into())
}

/// How often a sequence of bytes occurs.
fn count(mut reader: impl Read + Seek, sequence: &[u8]) -> io::Result<usize> {
    reader.rewind()?;
    let (mut found, mut window) = (0, Vec::new());
    loop {
        let kept = window.len().min(sequence.len() - 1);
        window.drain(..window.len() - kept);
        if reader.by_ref().take(64 * 1024).read_to_end(&mut window)? == 0 {
            return Ok(found);
        }
        found += window.windows(sequence.len()).filter(|bytes| *bytes == sequence).count();
    }
}

fn damaged(error: ZipError) -> Error {
    refused("This is not a zip file, or a damaged one: zip the content of the module's folder.".to_owned())
        .caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::{Cursor, Write};
    use zip::write::SimpleFileOptions;
    use zip::{CompressionMethod, ZipWriter};

    const MANIFEST: &str = r#"{"name": "Feedback", "version": "1.0.0"}"#;

    /// A zip file of a manifest, a document, and more.
    fn zipped(more: impl FnOnce(&mut ZipWriter<Cursor<Vec<u8>>>)) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        put(&mut zip, "module.json", MANIFEST.as_bytes());
        put(&mut zip, "index.html", b"<p>Hello");
        more(&mut zip);
        zip.finish().unwrap().into_inner()
    }

    fn put(zip: &mut ZipWriter<Cursor<Vec<u8>>>, name: &str, content: &[u8]) {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }

    fn unzip(archive: &[u8]) -> Result<Bundle> {
        Bundle::unzip(|| Cursor::new(archive))
    }

    fn refusal(archive: Vec<u8>) -> String {
        let error = unzip(&archive).unwrap_err();
        assert_eq!(error.status().as_u16(), 422, "{error}");
        error.detail().to_owned()
    }

    /// Replaces every occurrence, in local headers and the directory alike.
    fn replace(archive: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
        assert_eq!(from.len(), to.len());
        let mut archive = archive;
        for place in 0..archive.len() - from.len() {
            if &archive[place..place + from.len()] == from {
                archive[place..place + to.len()].copy_from_slice(to);
            }
        }
        archive
    }

    #[test]
    fn a_zip_file_becomes_a_bundle_without_what_systems_add() {
        let archive = zipped(|zip| {
            zip.add_directory("js", SimpleFileOptions::default()).unwrap();
            put(zip, "js/app.js", b"1");
            put(zip, ".env", b"secret");
            put(zip, ".git/config", b"secret");
            put(zip, "__MACOSX/._index.html", b"x");
        });
        let bundle = unzip(&archive).unwrap();
        assert_eq!(bundle.manifest.name, "Feedback");
        let paths: Vec<_> = bundle.files.keys().map(FilePath::as_str).collect();
        assert_eq!(paths, ["index.html", "js/app.js"]);
        assert_eq!(&*bundle.files[&FilePath::INDEX], b"<p>Hello");
    }

    #[test]
    fn names_that_lead_out_of_the_bundle_are_refused() {
        for name in [
            "aa/../../etc/passwd",
            "/etc/passwd",
            "../up.html",
            "..\\up.html",
            "\\a.js",
            "a\\\\b.js",
            "a//b.js",
            "a\nb.js",
        ] {
            let archive = zipped(|zip| put(zip, &"x".repeat(name.len()), b"1"));
            let archive = replace(archive, "x".repeat(name.len()).as_bytes(), name.as_bytes());
            assert!(refusal(archive).ends_with("rename it."), "{name}");
        }
        let archive = replace(zipped(|zip| put(zip, "xxxx.js", b"1")), b"xxxx.js", b"xx\xff\xfe.js");
        assert!(refusal(archive).starts_with("A name in the zip file is not UTF-8: rename `xx"));
    }

    #[test]
    fn links_and_encrypted_files_are_refused() {
        let archive = zipped(|zip| {
            zip.add_symlink("passwd.txt", "/etc/passwd", SimpleFileOptions::default()).unwrap();
        });
        assert!(refusal(archive).starts_with("`passwd.txt` is a link, but a bundle has only files"));
        let mut archive = zipped(|_| ());
        for (signature, flags) in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
            for place in 0..archive.len() - 4 {
                if &archive[place..place + 4] == signature {
                    archive[place + flags] |= 1;
                }
            }
        }
        assert_eq!(refusal(archive), "`module.json` is encrypted: zip it without a password.");
    }

    #[test]
    fn a_name_that_is_there_twice_is_refused() {
        let twice = zipped(|zip| put(zip, "other.html", b"1"));
        assert!(refusal(replace(twice, b"other.html", b"index.html")).contains("has a name twice"));
        let alike = zipped(|zip| put(zip, "Index.html", b"1"));
        assert!(refusal(alike).contains("differ only in upper and lower case"));
    }

    #[test]
    fn a_zip_bomb_is_refused_by_its_declared_and_by_its_real_size() {
        let large = vec![0; 11 * MIB as usize];
        let honest = zipped(|zip| put(zip, "zeros.bin", &large));
        assert!(honest.len() < 100_000);
        assert!(refusal(honest.clone()).contains("`zeros.bin` has 11 MiB, but the limit is 10 MiB"));
        let size = (large.len() as u32).to_le_bytes();
        let lying = replace(honest, &size, &9_u32.to_le_bytes());
        let sentence = refusal(lying);
        assert!(sentence.contains("another size") || sentence.contains("is damaged"), "{sentence}");
        let many = zipped(|zip| {
            for number in 0..6 {
                put(zip, &number.to_string(), &large[..9 * MIB as usize]);
            }
        });
        assert!(refusal(many).contains("more than 50 MiB in total"));
    }

    #[test]
    fn too_many_entries_are_refused() {
        let many = zipped(|zip| (0..1_000).for_each(|number| put(zip, &number.to_string(), b"")));
        assert!(refusal(many).contains("more than 1000 files"));
        let empty = |count: usize| {
            zipped(|zip| {
                for number in 0..count {
                    zip.add_directory(number.to_string(), SimpleFileOptions::default()).unwrap();
                }
            })
        };
        assert!(unzip(&empty(1_000)).is_ok());
        assert!(refusal(empty(10_000)).contains("10002 entries"));
    }

    #[test]
    fn anything_but_a_zip_file_is_refused_with_a_sentence() {
        for archive in [&b""[..], b"PK", b"<!doctype html>", &[0; 100], b"PK\x05\x06"] {
            assert!(refusal(archive.to_vec()).starts_with("This is not a zip file, or a damaged one"));
        }
        let whole = zipped(|_| ());
        assert!(refusal(whole[..whole.len() - 30].to_vec()).starts_with("This is not a zip file"));
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        let torn = zipped(|zip| {
            zip.start_file("a.txt", stored).unwrap();
            zip.write_all(b"as it is").unwrap();
        });
        let torn = replace(torn, b"as it is", b"as it Is");
        assert!(refusal(torn).contains("damaged"));
    }

    #[test]
    fn backslashes_separate_folders() {
        let archive = zipped(|zip| put(zip, "js/lib/app.js", b"1"));
        let archive = replace(archive, b"js/lib/app.js", br"js\lib\app.js");
        assert_eq!(&*unzip(&archive).unwrap().files["js/lib/app.js"], b"1");
    }

    #[test]
    fn a_manifest_beside_other_files_is_found_in_its_folder() {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        put(&mut zip, "README.md", b"");
        put(&mut zip, "a/b/c/module.json", MANIFEST.as_bytes());
        put(&mut zip, "a/b/module.json", MANIFEST.as_bytes());
        let refused = refusal(zip.finish().unwrap().into_inner());
        assert!(refused.contains("module.json in the folder `a/b` instead of"), "{refused}");
    }

    #[test]
    fn a_folder_that_was_zipped_whole_is_refused_with_a_sentence() {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        put(&mut zip, "feedback/module.json", MANIFEST.as_bytes());
        put(&mut zip, "feedback/index.html", b"");
        let archive = zip.finish().unwrap().into_inner();
        assert!(refusal(archive).starts_with(
            "The zip file has module.json in the folder `feedback` instead of at its top level"
        ));
        let nothing = ZipWriter::new(Cursor::new(Vec::new())).finish().unwrap().into_inner();
        assert!(refusal(nothing).starts_with("The zip file has no module.json"));
    }

    proptest! {
        #[test]
        fn a_changed_byte_is_refused_or_harmless(place in 0usize..10_000, byte in any::<u8>()) {
            let mut archive = zipped(|zip| put(zip, "js/app.js", b"say('hello')"));
            let place = place % archive.len();
            archive[place] = byte;
            if let Ok(bundle) = unzip(&archive) {
                prop_assert!(bundle.files.len() <= 2);
            }
        }

        #[test]
        fn arbitrary_bytes_are_refused_without_panic(bytes in any::<Vec<u8>>()) {
            prop_assert!(unzip(&bytes).is_err());
        }
    }
}
