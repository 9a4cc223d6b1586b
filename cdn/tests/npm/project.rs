//! A folder in which the package is installed, beside React and TypeScript.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A project that uses the package.
pub struct Project {
    folder: TempDir,
}

impl Project {
    pub fn new() -> Self {
        let package = package();
        let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/npm");
        let installed = cdn::npm::install(&package, &cache).unwrap();
        let project = Project { folder: tempfile::tempdir().unwrap() };
        let modules = project.folder.path().join("node_modules");
        fs::create_dir_all(modules.join("@dramac/embed")).unwrap();
        for module in fs::read_dir(&installed).unwrap() {
            let module = module.unwrap();
            symlink(fs::canonicalize(module.path()).unwrap(), modules.join(module.file_name())).unwrap();
        }
        // Not a link: through that the package would be looked up where it is, and React is not there.
        for file in ["package.json", "index.js", "index.d.ts", "react.js", "react.d.ts"] {
            fs::copy(package.join(file), modules.join("@dramac/embed").join(file)).unwrap();
        }
        project.write("package.json", "{\"type\": \"module\", \"private\": true}");
        project
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Copies the files in a folder of the package.
    pub fn copy(&self, folder: &str) {
        for file in fs::read_dir(package().join(folder)).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), self.folder.path().join(file.file_name())).unwrap();
        }
    }

    /// What TypeScript complains of.
    pub fn typescript(&self) -> Result<(), String> {
        let output = Command::new("node")
            .args(["node_modules/typescript/bin/tsc", "--project", "."])
            .current_dir(&self.folder)
            .output()
            .unwrap();
        if output.status.success() { Ok(()) } else { Err(String::from_utf8(output.stdout).unwrap()) }
    }

    /// What a module prints that node runs.
    pub fn node(&self, script: &str) -> String {
        self.write("script.js", script);
        let output = Command::new("node").arg("script.js").current_dir(&self.folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("npm")
}
