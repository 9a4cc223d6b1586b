//! Installs npm packages exactly as a lock file says, outside the repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::bundle::content_hash;

/// The files that npm installs from.
const SOURCES: [&str; 2] = ["package.json", "package-lock.json"];

/// Installs what `package-lock.json` in `sources` pins, in a folder below `cache`, if it is missing; returns its
/// `node_modules`.
///
/// # Errors
/// npm's error, or that Node.js is missing.
pub fn install(sources: &Path, cache: &Path) -> Result<PathBuf> {
    let lock = fs::read(sources.join("package-lock.json"))
        .with_context(|| format!("{} has no package-lock.json", sources.display()))?;
    let name = sources.file_name().unwrap_or_default().to_string_lossy();
    let home = cache.join(format!("{name}-{}", content_hash(&[&lock])));
    if !home.exists() {
        // npm works in a folder beside it, so that an interrupted installation is never used.
        fs::create_dir_all(cache).with_context(|| format!("Cannot write to {}", cache.display()))?;
        let temporary = tempfile::Builder::new().prefix(".npm-").tempdir_in(cache)?;
        for source in SOURCES {
            fs::copy(sources.join(source), temporary.path().join(source))?;
        }
        let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
        run(Command::new("npm").args(arguments).current_dir(&temporary))?;
        // Another build may have finished first.
        if fs::rename(temporary.path(), &home).is_err() && !home.exists() {
            bail!("Cannot write to {}", home.display());
        }
    }
    Ok(home.join("node_modules"))
}

/// Runs a program of Node.js.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("Cannot start {program}: install Node.js 18 or newer, which brings it"))?;
    if !output.status.success() {
        bail!("{program} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
