//! Publishes a bundle to a folder that a web server serves, or to an S3-compatible bucket.
//!
//! Pages never load half a bundle: files with a hash in their path are written first and only once; the loader, which refers to
//! them, is written last. Each publication leaves a *release* behind, `v1/{hash}/` with its loader,
//! `module.js` and manifest, to which `rollback` returns, and to whose loader a page can pin itself by its digest.

mod destination;
mod release;
mod target;

use std::path::Path;

use anyhow::{Result, bail};

pub use destination::Destination;
pub use target::Target;

use crate::Manifest;

/// The progress of a publication: files done, and files in total.
pub type Progress<'a> = &'a dyn Fn(usize, usize);

/// Publishes the bundle in the folder `bundle` for the pages of `target`; returns the manifest as published.
///
/// # Errors
/// A sentence that says what to do. Pages are then not affected, unless the last step failed: see [`rollback`].
pub async fn publish(
    destination: &Destination,
    bundle: &Path,
    target: &Target,
    progress: Progress<'_>,
) -> Result<Manifest> {
    let release = release::read(bundle, target)?;
    destination.refuse_to_be(bundle)?;
    destination.look().await?;
    let total = release.files.len() + 1;
    for (done, file) in release.files.iter().enumerate() {
        progress(done, total);
        destination.keep(file).await?;
    }
    progress(release.files.len(), total);
    make_current(destination, &release.manifest).await?;
    Ok(release.manifest)
}

/// Makes an earlier release, named by its hash, the one that `v1/embed.js` loads; returns its manifest. Browsers
/// may cache the other one for five minutes.
///
/// # Errors
/// A sentence that says what to do; for an unknown release it lists the existing ones.
pub async fn rollback(destination: &Destination, hash: &str) -> Result<Manifest> {
    destination.look().await?;
    let Some(manifest) = destination.read(&release::path(hash, release::MANIFEST)).await? else {
        bail!(no_such_release(destination, hash).await?);
    };
    let manifest = release::parse(&manifest, destination)?;
    make_current(destination, &manifest).await?;
    Ok(manifest)
}

async fn no_such_release(destination: &Destination, hash: &str) -> Result<String> {
    let mut releases = Vec::new();
    for folder in destination.folders().await? {
        if destination.read(&release::path(&folder, release::MANIFEST)).await?.is_some() {
            releases.push(folder);
        }
    }
    Ok(if releases.is_empty() {
        format!("There is no release {hash} at {destination}, nor any other: publish one first.")
    } else {
        format!("There is no release {hash} at {destination}. There are: {}.", releases.join(", "))
    })
}

/// Replaces the files without a hash by those of a release.
///
/// Several publications can do so at once. Each first writes `v1/manifest.json` once, then writes the files of the release that
/// the manifest names, and repeats until the manifest has not changed meanwhile. So in the end all files are of one release.
async fn make_current(destination: &Destination, manifest: &Manifest) -> Result<()> {
    let wanted = release::hash(manifest)?;
    destination.replace(&release::manifest(manifest)?).await?;
    let mut leading = wanted.to_owned();
    loop {
        for file in release::current(destination, &leading).await? {
            destination.replace(&file).await?;
        }
        let decided = destination.read(&format!("v1/{}", release::MANIFEST)).await?.unwrap_or_default();
        let decided = release::parse(&decided, destination)?;
        let decided = release::hash(&decided)?;
        if decided == leading {
            break;
        }
        leading = decided.to_owned();
    }
    if leading != wanted {
        bail!(
            "The release {wanted} is published, but somebody else published {leading} at the same time, and pages load \
             that. `cdn rollback {destination} {wanted}` makes them load this one."
        );
    }
    Ok(())
}
