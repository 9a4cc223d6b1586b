//! Puts the bundle for customers' pages into the binary, so that one file is a whole installation.

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What the bundle is made of (the `cdn` crate itself is a dependency, which cargo watches), and the examples, which are
/// in the binary too.
const SOURCES: [&str; 7] =
    ["sdk", "cdn/loader", "cdn/module", "cdn/npm", "Cargo.toml", "Cargo.lock", "examples"];

fn main() -> ExitCode {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let workspace = own.ancestors().nth(2).unwrap_or(&own);
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", workspace.join(source).display());
    }
    let Some(out) = env::var_os("OUT_DIR").map(PathBuf::from) else {
        eprintln!("cargo gives a build script OUT_DIR; run this by `cargo build`.");
        return ExitCode::FAILURE;
    };
    let build = cdn::Build {
        workspace,
        target_dir: &target_dir(&out),
        out: &out.join("bundle"),
        mode: cdn::Mode::Plain,
        progress: &|step| println!("{}", step.label()),
    };
    match cdn::build(&build) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("The bundle could not be built. {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A target directory for the SDK alone: in the outer one the inner cargo would wait for the lock of this build. It lies
/// beside the profiles (`target/PROFILE/build/PACKAGE/out` is where we are), so that they share it.
fn target_dir(out: &Path) -> PathBuf {
    out.ancestors().nth(4).unwrap_or(out).join("bundle")
}
