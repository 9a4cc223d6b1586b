//! Compiles `embed-sdk` for wasm32.
//!
//! The result depends only on the source, the lock file and the compiler: variables that a surrounding `cargo build` passes to
//! build scripts are removed, and no path of this machine gets into the file.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

use anyhow::{Context, Result, bail};

use crate::Engine;

const TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "wasm";

/// Variables of cargo that say where to find crates, but not how to compile them.
const KEPT: &[&str] =
    &["CARGO_HOME", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTRIES_", "CARGO_REGISTRY_", "CARGO_SOURCE_"];

/// Variables besides `CARGO_*` that influence a build.
const REMOVED: &[&str] = &[
    "DEBUG",
    "HOST",
    "MAKEFLAGS",
    "MFLAGS",
    "NUM_JOBS",
    "OPT_LEVEL",
    "OUT_DIR",
    "PROFILE",
    "RUSTC",
    "RUSTC_LINKER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOC",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
    "TARGET",
];

/// The bytes of `embed_sdk.wasm`, including names.
pub fn compile(workspace: &Path, target_dir: &Path, engine: Engine) -> Result<Vec<u8>> {
    let workspace = workspace
        .canonicalize()
        .with_context(|| format!("There is no workspace at {}", workspace.display()))?;
    fs::create_dir_all(target_dir).with_context(|| format!("Cannot write to {}", target_dir.display()))?;
    let target_dir = target_dir.canonicalize()?;
    let sysroot = PathBuf::from(ask_rustc(&workspace, &["--print", "sysroot"])?);
    ensure_target(&workspace, &sysroot)?;

    let mut cargo = clean(cargo(), &workspace);
    // With the manifest's crate types (an rlib for tests among them) cargo would skip link-time optimisation.
    cargo
        .args(["rustc", "--package", "embed-sdk", "--lib", "--crate-type", "cdylib"])
        .args(["--target", TARGET, "--profile", PROFILE, "--locked", "--target-dir"])
        .arg(&target_dir)
        .env("CARGO_ENCODED_RUSTFLAGS", flags(&workspace, &target_dir, &sysroot, engine)?);
    let output = run(&mut cargo)?;
    if !output.status.success() {
        bail!("The SDK does not compile:\n{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let file = target_dir.join(TARGET).join(PROFILE).join("embed_sdk.wasm");
    let mut wasm = fs::read(&file)
        .with_context(|| format!("The compiler was content, but left no {}", file.display()))?;
    if engine == Engine::JavaScript {
        hide_features(&mut wasm);
    }
    Ok(wasm)
}

/// Removes the compiled standard library's marks for features that it does not use and JavaScript lacks: wasm-bindgen would use
/// these features. A mark in the section `target_features` is a sign, the length of the name, and the name.
fn hide_features(wasm: &mut [u8]) {
    for mark in [&b"+\x0freference-types"[..], b"+\x0amultivalue"] {
        if let Some(at) = wasm.windows(mark.len()).rposition(|bytes| bytes == mark) {
            wasm[at] = b'-';
        }
    }
}

/// A build script uses the cargo that runs it, so the toolchain file is not read a second time.
fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// `program`, in the workspace's folder (so that rustup reads its toolchain file), without an outer build's settings.
fn clean(program: impl Into<OsString>, workspace: &Path) -> Command {
    let mut command = Command::new(program.into());
    command.current_dir(workspace);
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(steers_a_build) {
            command.env_remove(name);
        }
    }
    command
}

fn steers_a_build(name: &str) -> bool {
    REMOVED.contains(&name)
        || name == "CARGO"
        || (name.starts_with("CARGO_") && !KEPT.iter().any(|kept| name.starts_with(kept)))
}

/// Flags for rustc besides the profile, separated as in `CARGO_ENCODED_RUSTFLAGS`.
fn flags(workspace: &Path, target_dir: &Path, sysroot: &Path, engine: Engine) -> Result<OsString> {
    // At `opt-level = "z"` LLVM inlines almost nothing (its threshold is 5), and the calls of many small accessors weigh
    // more than their bodies. Code and data of the SDK after brotli: 22.7 KB at 5, 22.2 from 28 to 35, 22.9 at 42.
    let mut flags = OsString::from("-Cllvm-args=-inline-threshold=30");
    if engine == Engine::JavaScript {
        flags.push("\u{1f}-Ctarget-feature=-reference-types,-multivalue");
    }
    for (folder, name) in renamed_folders(workspace, target_dir, sysroot)? {
        flags.push("\u{1f}--remap-path-prefix=");
        flags.push(folder);
        flags.push("=");
        flags.push(name);
    }
    Ok(flags)
}

/// This machine's folders, each with a replacement that is the same on every machine. rustc uses the last that matches a path.
fn renamed_folders(workspace: &Path, target_dir: &Path, sysroot: &Path) -> Result<Vec<(PathBuf, String)>> {
    let mut folders =
        vec![(workspace.to_owned(), "/dramac".to_owned()), (target_dir.to_owned(), "/target".to_owned())];
    if let Some(home) = cargo_home() {
        // One folder for each registry or mirror, named after its address.
        let registries = fs::read_dir(home.join("registry/src")).into_iter().flatten().flatten();
        let registries: Vec<_> = registries.map(|registry| (registry.path(), "/cargo".to_owned())).collect();
        folders.push((home, "/cargo".to_owned()));
        folders.extend(registries);
    }
    folders.push((sysroot.to_owned(), "/rust".to_owned()));
    let version = ask_rustc(workspace, &["--version", "--verbose"])?;
    let commit = version.lines().find_map(|line| line.strip_prefix("commit-hash: ")).unwrap_or_default();
    // The standard library's own path; if its source is installed, rustc would use that path instead.
    folders.push((sysroot.join("lib/rustlib/src/rust"), format!("/rustc/{commit}")));
    Ok(folders)
}

fn cargo_home() -> Option<PathBuf> {
    env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")))
}

/// The toolchain file names the target, but rustup does not install it everywhere (`RUSTUP_AUTO_INSTALL=0`).
fn ensure_target(workspace: &Path, sysroot: &Path) -> Result<()> {
    let library = sysroot.join("lib/rustlib").join(TARGET);
    if library.exists() {
        return Ok(());
    }
    let added = clean("rustup", workspace).args(["target", "add", TARGET]).output();
    if !added.is_ok_and(|output| output.status.success()) || !library.exists() {
        bail!(
            "The Rust toolchain in {} cannot compile for {TARGET}, and rustup could not add it: \
             run `rustup target add {TARGET}`, or install your distribution's package of that name.",
            sysroot.display()
        );
    }
    Ok(())
}

fn ask_rustc(workspace: &Path, args: &[&str]) -> Result<String> {
    let output = run(clean("rustc", workspace).args(args))?;
    if !output.status.success() {
        bail!("rustc does not start: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn run(command: &mut Command) -> Result<Output> {
    command.output().with_context(|| {
        format!("Cannot start {}, which comes with Rust (rustup.rs)", command.get_program().to_string_lossy())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_an_outer_build_are_taken_away() {
        for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
            assert!(steers_a_build(name), "{name}");
        }
        for name in ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET", "CARGO_PROFILE_WASM_LTO", "CARGO_MAKEFLAGS"] {
            assert!(steers_a_build(name), "{name}");
        }
    }

    #[test]
    fn where_crates_come_from_is_kept() {
        for name in ["CARGO_HOME", "CARGO_NET_OFFLINE", "CARGO_HTTP_CAINFO", "RUSTUP_TOOLCHAIN", "PATH"] {
            assert!(!steers_a_build(name), "{name}");
        }
    }

    #[test]
    fn the_marks_of_what_javascript_has_not_are_hidden() {
        let mut section = b"\x0ftarget_features\x03+\x0amultivalue+\x0freference-types+\x08sign-ext".to_vec();
        hide_features(&mut section);
        assert_eq!(section, b"\x0ftarget_features\x03-\x0amultivalue-\x0freference-types+\x08sign-ext");
    }

    #[test]
    fn a_folder_that_is_no_workspace_is_named() {
        let error = compile(Path::new("/nowhere"), Path::new("/nowhere/target"), Engine::WebAssembly)
            .expect_err("no workspace");
        assert_eq!(error.to_string(), "There is no workspace at /nowhere");
    }
}
