//! Dependencies are used, and come under licences that this product may ship.

use crate::layers::packages;
use crate::sources::root;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Licences under which a dependency may come; of alternatives one is enough.
const LICENCES: [&str; 15] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Zlib",
];

/// Whether an SPDX expression of `AND`, `OR`, `/` and brackets is satisfied by the list.
fn is_allowed(expression: &str) -> bool {
    let expression = expression.replace(['(', ')'], "").replace('/', " OR ");
    expression.split(" AND ").all(|all| all.split(" OR ").any(|one| LICENCES.contains(&one.trim())))
}

#[test]
fn every_dependency_comes_under_a_licence_that_may_be_shipped() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--locked"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 300);
    for package in packages {
        let licence = package["license"].as_str().unwrap_or_default();
        let file = package["license_file"].as_str().is_some();
        assert!(is_allowed(licence) || file, "{} comes under {licence:?}", package["name"]);
    }
}

/// Dependencies that a crate names only to switch features of another one on.
const NAMED_FOR_FEATURES: [&str; 1] = ["reqwest"];

/// The Rust files below a folder, in one text.
fn text_below(folder: &Path) -> String {
    let Ok(entries) = std::fs::read_dir(folder) else { return String::new() };
    let texts = entries.map(|entry| entry.unwrap().path()).map(|path| match path.is_dir() {
        true => text_below(&path),
        false if path.extension().is_some_and(|extension| extension == "rs") => {
            std::fs::read_to_string(&path).unwrap()
        }
        false => String::new(),
    });
    texts.collect()
}

#[test]
fn every_dependency_is_used_by_the_crate_that_names_it() {
    for package in packages() {
        let folder = Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap().to_owned();
        // A crate's own folders, since the server's crates lie in one another.
        let own = ["src", "tests", "stories", "hostile", "workspace", "benches"];
        let code = own.map(|below| text_below(&folder.join(below)));
        let build = std::fs::read_to_string(folder.join("build.rs")).unwrap_or_default();
        let code = code.concat() + &build;
        for dependency in package["dependencies"].as_array().unwrap() {
            if NAMED_FOR_FEATURES.contains(&dependency["name"].as_str().unwrap()) {
                continue;
            }
            let name =
                dependency["rename"].as_str().or(dependency["name"].as_str()).unwrap().replace('-', "_");
            let used = code.contains(&format!("{name}::")) || code.contains(&format!("use {name}"));
            assert!(used, "{} does not use {name}", package["name"]);
        }
    }
}
