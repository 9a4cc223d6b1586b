//! The files of a publication, made from a bundle's folder.
//!
//! The loader's paths are relative to its own folder. So the loader in a release's folder, which pages can pin, differs from
//! `v1/embed.js`: its paths begin with `../`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::{Destination, Target};
use crate::bundle::content_hash;
use crate::compress;
use crate::manifest::{File as Entry, Manifest, Release as Published, integrity};

pub const LOADER: &str = "embed.js";
pub const MODULE: &str = "module.js";
pub const MANIFEST: &str = "manifest.json";

/// One file to write. A name that ends in `.br` or `.gz` is that of a compressed file.
#[derive(Debug, PartialEq, Eq)]
pub struct File {
    /// Below the destination, e.g. `v1/embed.js`.
    pub path: String,
    pub bytes: Vec<u8>,
}

/// A publication.
#[derive(Debug)]
pub struct Release {
    pub manifest: Manifest,
    /// Files with a hash in their path. The release's own manifest is the last, and marks the release as complete.
    pub files: Vec<File>,
}

/// The path of a file of a release.
pub fn path(hash: &str, name: &str) -> String {
    format!("v1/{hash}/{name}")
}

/// The hash of the release that a manifest is of.
pub fn hash(manifest: &Manifest) -> Result<&str> {
    let release = manifest.release.as_ref().context("The manifest is not one of a published bundle")?;
    Ok(&release.hash)
}

/// The manifest at the destination.
pub fn parse(manifest: &[u8], destination: &Destination) -> Result<Manifest> {
    serde_json::from_slice(manifest)
        .with_context(|| format!("A manifest at {destination} cannot be read: publish once more"))
}

/// `v1/manifest.json`
pub fn manifest(manifest: &Manifest) -> Result<File> {
    Ok(File { path: format!("v1/{MANIFEST}"), bytes: serde_json::to_vec_pretty(manifest)? })
}

/// The other files without a hash, made from a release at the destination, in the order in which to write them.
pub async fn current(destination: &Destination, hash: &str) -> Result<Vec<File>> {
    let read = async |name| {
        let file = destination.read(&path(hash, name)).await?;
        file.with_context(|| {
            format!("The release {hash} at {destination} has lost its {name}: publish it again")
        })
    };
    let (bytes, module, loader) = (read(MANIFEST).await?, read(MODULE).await?, read(LOADER).await?);
    let loader = unpinned(&loader, &parse(&bytes, destination)?)?;
    let [brotli, gzip, _] = forms(format!("v1/{MANIFEST}"), bytes)?;
    let mut files = vec![brotli, gzip];
    files.extend(forms(format!("v1/{MODULE}"), module)?);
    files.extend(forms(format!("v1/{LOADER}"), loader)?);
    Ok(files)
}

/// Reads a bundle that `cdn build` has written, and fills in the target.
pub fn read(bundle: &Path, target: &Target) -> Result<Release> {
    let read = |path: &str| fs::read(bundle.join(path));
    let Ok(manifest) = read("v1/manifest.json") else {
        bail!(
            "There is no bundle in {}: make one with `cargo run -p cdn -- build --optimize`, or name another folder \
             with --bundle.",
            bundle.display()
        );
    };
    let mut manifest: Manifest = serde_json::from_slice(&manifest)
        .with_context(|| format!("The manifest of the bundle in {} cannot be read", bundle.display()))?;
    let mut files = Vec::new();
    let (mut loader, mut module) = (None, None);
    for (name, entry) in &manifest.files {
        let bytes = read(&entry.path).with_context(|| {
            format!("The bundle in {} has lost {}: build it again", bundle.display(), entry.path)
        })?;
        if entry.integrity.as_ref().is_some_and(|digest| *digest != integrity(&bytes)) {
            bail!(
                "{} in {} was changed after the build: build the bundle again.",
                entry.path,
                bundle.display()
            );
        }
        match name.as_str() {
            LOADER => loader = Some(String::from_utf8(bytes)?),
            MODULE => module = Some(bytes),
            _ => files.extend(forms(entry.path.clone(), bytes)?),
        }
    }
    let (Some(loader), Some(module)) = (loader, module) else {
        bail!("The manifest of the bundle in {} names no loader: build it again.", bundle.display());
    };

    let loader = target.fill(&loader);
    let hash = content_hash(&[loader.as_bytes(), &module]);
    let pinned = pinned(&loader, &manifest)?;
    let [brotli, gzip, _] = forms(LOADER.to_owned(), loader.clone().into_bytes())?;
    let entry = Entry {
        path: format!("v1/{LOADER}"),
        bytes: loader.len(),
        gzip: gzip.bytes.len(),
        brotli: brotli.bytes.len(),
        integrity: Some(integrity(loader.as_bytes())),
    };
    manifest.total.brotli += entry.brotli;
    if let Some(template) = manifest.files.insert(LOADER.to_owned(), entry) {
        manifest.total.brotli -= template.brotli;
    }
    manifest.release = Some(Published {
        path: path(&hash, LOADER),
        integrity: integrity(pinned.as_bytes()),
        hash: hash.clone(),
    });
    for (name, bytes) in
        [(LOADER, pinned.into_bytes()), (MODULE, module), (MANIFEST, self::manifest(&manifest)?.bytes)]
    {
        files.extend(forms(path(&hash, name), bytes)?);
    }
    Ok(Release { manifest, files })
}

/// The loader for a release's own folder.
fn pinned(loader: &str, manifest: &Manifest) -> Result<String> {
    let folder = sdk_folder(manifest)?;
    Ok(loader.replace(&folder, &format!("../{folder}")))
}

/// The loader for `v1/`, from that of a release's folder.
fn unpinned(loader: &[u8], manifest: &Manifest) -> Result<Vec<u8>> {
    let folder = sdk_folder(manifest)?;
    Ok(String::from_utf8_lossy(loader).replace(&format!("../{folder}"), &folder).into_bytes())
}

/// The prefix of the paths of the SDK's files in the loader: `{hash}/`.
fn sdk_folder(manifest: &Manifest) -> Result<String> {
    let path = manifest.files.get("sdk.js").map(|file| file.path.as_str()).unwrap_or_default();
    let folder = path.strip_prefix("v1/").and_then(|path| path.strip_suffix("sdk.js"));
    Ok(folder.context("The manifest of the bundle names no SDK: build the bundle again")?.to_owned())
}

/// A file, after its compressed forms, so that they exist whenever the file does.
fn forms(path: String, bytes: Vec<u8>) -> Result<[File; 3]> {
    Ok([
        File { path: format!("{path}.br"), bytes: compress::brotli(&bytes)? },
        File { path: format!("{path}.gz"), bytes: compress::gzip(&bytes)? },
        File { path, bytes },
    ])
}
