//! The peers, as npm has them: each at one version, in a folder below `target/` that is filled once.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// What is compared, what it needs to be bundled, and the bundler.
const PINNED: [(&str, &str); 13] = [
    ("@calcom/embed-core", "1.5.3"),
    ("@calcom/embed-snippet", "1.3.3"),
    ("@iframe-resizer/child", "5.5.9"),
    ("@iframe-resizer/parent", "5.5.9"),
    ("@krakenjs/zoid", "10.6.0"),
    ("@typeform/embed", "6.1.1"),
    ("comlink", "4.4.2"),
    ("esbuild", "0.28.2"),
    ("giscus", "1.6.0"),
    ("lit", "3.3.3"),
    ("lit-element", "4.2.2"),
    ("lit-html", "3.3.3"),
    ("penpal", "7.0.6"),
];

/// The installed packages.
pub struct Packages {
    folder: PathBuf,
}

impl Packages {
    /// Installs what is not there yet. No package's own script runs.
    pub async fn install() -> Result<Self> {
        let own = std::env::current_exe()?;
        let target = own.ancestors().nth(3).context("a bench lies in target/PROFILE/deps")?;
        let packages = Self { folder: target.join("peers") };
        let dependencies: serde_json::Map<_, _> =
            PINNED.iter().map(|(name, version)| ((*name).to_owned(), json!(version))).collect();
        let wish = serde_json::to_string_pretty(&json!({ "private": true, "dependencies": dependencies }))?;
        let manifest = packages.folder.join("package.json");
        let installed = packages.folder.join("installed.json");
        if std::fs::read_to_string(&installed).is_ok_and(|installed| installed == wish) {
            return Ok(packages);
        }
        std::fs::create_dir_all(&packages.folder)?;
        std::fs::write(&manifest, &wish)?;
        let status = Command::new("npm")
            .args([
                "install",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--omit=peer",
                "--loglevel=error",
            ])
            .current_dir(&packages.folder)
            .status()
            .await
            .context("npm cannot be started: install nodejs and npm")?;
        ensure!(status.success(), "npm could not install the peers into {}", packages.folder.display());
        std::fs::write(&installed, &wish)?;
        Ok(packages)
    }

    /// Where a file of a package is.
    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.join("node_modules").join(file)
    }

    /// The text of a file of a package.
    pub fn read(&self, file: &str) -> Result<String> {
        let path = self.path(file);
        std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))
    }

    /// A module with everything that it imports, minified: for a package that is published unbundled.
    pub async fn bundle(&self, file: &str) -> Result<Vec<u8>> {
        let output = Command::new("node")
            .arg(self.path("esbuild/bin/esbuild"))
            .arg(self.path(file))
            .args(["--bundle", "--minify", "--format=esm", "--legal-comments=none"])
            .output()
            .await?;
        ensure!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(output.stdout)
    }

    /// `NAME VERSION` of what is compared.
    pub fn names() -> impl Iterator<Item = String> {
        let tools = ["esbuild", "lit-element", "lit-html"];
        PINNED
            .iter()
            .filter(move |(name, _)| !tools.contains(name))
            .map(|(name, version)| format!("{name} {version}"))
    }
}

/// Copies a folder of the repository, so that files of packages can be laid beside its own.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
