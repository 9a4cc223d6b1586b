//! The bundle of this workspace, built twice in different folders, plain and optimised. The second build starts from
//! nothing.

#![allow(clippy::unwrap_used, reason = "the functions here are all of a test")]

use std::fs;
use std::path::Path;

use cdn::{Build, Manifest, Mode};

#[test]
fn another_folder_gives_the_same_bundle_without_a_path_of_this_machine() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let copy = scratch.path().join("elsewhere/deeper");
    for member in fs::read_dir(workspace).unwrap() {
        let member = member.unwrap();
        if member.file_name() != "target" && !member.file_name().to_string_lossy().starts_with('.') {
            copy_to(&member.path(), &copy.join(member.file_name()));
        }
    }

    for mode in [Mode::Plain, Mode::Optimized] {
        let here = scratch.path().join("here");
        let there = scratch.path().join("there");
        let first = build(workspace, &workspace.join("target/bundle"), &here, mode);
        let second = build(&copy, &scratch.path().join("target"), &there, mode);
        assert_eq!(first, second);

        let wasm = fs::read(here.join(&first.files["sdk.wasm"].path)).unwrap();
        let home = std::env::home_dir().unwrap().join(".cargo");
        for secret in [home.to_str().unwrap(), workspace.to_str().unwrap()] {
            assert!(
                !wasm.windows(secret.len()).any(|window| window == secret.as_bytes()),
                "{secret} is in the WebAssembly"
            );
        }
    }
}

fn build(workspace: &Path, target_dir: &Path, out: &Path, mode: Mode) -> Manifest {
    cdn::build(&Build { workspace, target_dir, out, mode, progress: &|_| () }).unwrap()
}

fn copy_to(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            if !["dist", "output", "node_modules"].contains(&entry.file_name().to_string_lossy().as_ref()) {
                copy_to(&entry.path(), &to.join(entry.file_name()));
            }
        }
    } else {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }
}
