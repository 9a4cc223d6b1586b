//! Names the files by their content, fills in the loader's placeholders, and writes everything at once or not at all.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, bail};
use embed_protocol::loader;
use sha2::{Digest, Sha256};

use crate::manifest::{File, Manifest, Total, integrity};
use crate::{compress, minify};

/// The script that is shipped with the glue, below the workspace.
const ELEMENT: &str = "cdn/loader/element.js";
/// The loader's source.
const LOADER: &str = "cdn/loader/embed.js";
/// The source of `module.js`, below the workspace.
pub const MODULE: &str = "cdn/module/module.js";

/// The npm package, below the workspace.
const PACKAGE: &str = "cdn/npm";
/// The files of the package. Its `package.json` has a placeholder for the version.
const PACKAGE_FILES: [&str; 6] =
    ["package.json", "README.md", "index.js", "index.d.ts", "react.js", "react.d.ts"];
const PLACEHOLDER: &str = "\"version\": \"0.0.0\"";

/// The folder of everything that is published.
const VERSION_DIR: &str = "v1";

/// The version of this workspace.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The hand-written scripts.
pub struct Sources {
    /// `embed.js`, with all its placeholders.
    pub loader: String,
    /// `element.js`, one expression, which is shipped with the glue.
    pub element: String,
    /// `module.js`.
    pub module: String,
    /// The files of the npm package, by name.
    pub package: Vec<(&'static str, String)>,
}

impl Sources {
    /// Reads them from the workspace.
    pub fn read(workspace: &Path) -> Result<Self> {
        let read = |file: &str| {
            fs::read_to_string(workspace.join(file)).with_context(|| format!("Cannot read {file}"))
        };
        let package = PACKAGE_FILES.map(|name| Ok((name, read(&format!("{PACKAGE}/{name}"))?)));
        Ok(Sources {
            loader: read(LOADER)?,
            element: read(ELEMENT)?,
            module: read(MODULE)?,
            package: package.into_iter().collect::<Result<_>>()?,
        })
    }
}

/// The scripts of a bundle.
pub struct Scripts {
    /// The glue, minified.
    pub sdk: String,
    /// Glue and translated SDK, minified; only in an optimised build.
    pub fallback: Option<String>,
    /// `module.js`, minified.
    pub module: String,
    /// The loader's source, whose placeholders are filled in before it is minified.
    pub loader: String,
}

/// A whole bundle in memory.
#[derive(Debug)]
pub struct Bundle {
    manifest: Manifest,
    /// Bytes by path, compressed files included.
    files: BTreeMap<String, Vec<u8>>,
}

/// Names and compresses the files.
pub fn assemble(scripts: Scripts, wasm: Vec<u8>) -> Result<Bundle> {
    let fallback = scripts.fallback.map(String::into_bytes);
    let hash = content_hash(&[scripts.sdk.as_bytes(), &wasm, fallback.as_deref().unwrap_or_default()]);
    let embed = fill(
        scripts.loader,
        &[
            ("__DRAMAC_SDK_JS__", format!("{hash}/sdk.js")),
            ("__DRAMAC_SDK_JS_SRI__", integrity(scripts.sdk.as_bytes())),
            ("__DRAMAC_SDK_WASM__", format!("{hash}/sdk.wasm")),
            ("__DRAMAC_SDK_WASM_SRI__", integrity(&wasm)),
            // If the values are empty, the minifier drops the branch that would load it.
            (
                "__DRAMAC_FALLBACK__",
                fallback.as_ref().map_or(String::new(), |_| format!("{hash}/sdk.fallback.js")),
            ),
            ("__DRAMAC_FALLBACK_SRI__", fallback.as_deref().map_or(String::new(), integrity)),
            ("__DRAMAC_VERSION__", VERSION.to_owned()),
        ],
    )?;

    let mut bundle = Bundle {
        manifest: Manifest {
            version: VERSION.to_owned(),
            files: BTreeMap::new(),
            total: Total { brotli: 0 },
            release: None,
        },
        files: BTreeMap::new(),
    };
    bundle.add("embed.js", VERSION_DIR.to_owned(), embed.into_bytes(), None)?;
    let module = scripts.module.into_bytes();
    let digest = integrity(&module);
    bundle.add("module.js", VERSION_DIR.to_owned(), module, Some(digest))?;
    let sdk = [("sdk.js", scripts.sdk.into_bytes()), ("sdk.wasm", wasm)];
    for (name, bytes) in sdk.into_iter().chain(fallback.map(|bytes| ("sdk.fallback.js", bytes))) {
        let digest = integrity(&bytes);
        bundle.add(name, format!("{VERSION_DIR}/{hash}"), bytes, Some(digest))?;
    }
    bundle.manifest.total.brotli =
        ["embed.js", "sdk.js", "sdk.wasm"].map(|name| bundle.manifest.files[name].brotli).iter().sum();
    let manifest = serde_json::to_vec_pretty(&bundle.manifest)?;
    bundle.insert(format!("{VERSION_DIR}/manifest.json"), manifest)?;
    Ok(bundle)
}

/// 64 bits of SHA-256 over all of `contents`, in hexadecimal.
pub fn content_hash(contents: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    for content in contents {
        hasher.update(u64::try_from(content.len()).unwrap_or(u64::MAX).to_le_bytes());
        hasher.update(content);
    }
    hasher.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Minifies the loader with `values` for its placeholders, except those that the server fills in.
fn fill(mut source: String, values: &[(&str, String)]) -> Result<String> {
    for (blank, value) in values {
        let literal = literal(&source, blank)?;
        source = source.replace(&literal, &format!("'{value}'"));
    }
    // The minifier would compute with a literal, and the result would be wrong for the final value. So the placeholder is an
    // unknown variable while it works.
    for blank in [loader::SERVER, loader::MODULES] {
        let literal = literal(&source, blank)?;
        source = source.replace(&literal, blank);
    }
    let mut minified = minify::minify(LOADER, &source)?;
    for blank in [loader::SERVER, loader::MODULES] {
        minified = minified.replace(blank, &format!("\"{blank}\""));
    }
    Ok(minified)
}

fn literal(source: &str, blank: &str) -> Result<String> {
    let literal = format!("'{blank}'");
    if !source.contains(&literal) {
        bail!("{LOADER} has no {literal}; the build fills it in.");
    }
    Ok(literal)
}

impl Bundle {
    fn add(&mut self, name: &str, folder: String, bytes: Vec<u8>, integrity: Option<String>) -> Result<()> {
        let path = format!("{folder}/{name}");
        let size = bytes.len();
        let (gzip, brotli) = self.insert(path.clone(), bytes)?;
        self.manifest.files.insert(name.to_owned(), File { path, bytes: size, gzip, brotli, integrity });
        Ok(())
    }

    /// Adds a file and its compressed forms; returns their sizes, gzip first.
    fn insert(&mut self, path: String, bytes: Vec<u8>) -> Result<(usize, usize)> {
        let gzip = compress::gzip(&bytes)?;
        let brotli = compress::brotli(&bytes)?;
        let sizes = (gzip.len(), brotli.len());
        self.files.insert(format!("{path}.gz"), gzip);
        self.files.insert(format!("{path}.br"), brotli);
        self.files.insert(path, bytes);
        Ok(sizes)
    }

    /// Adds the npm package of this version, in `npm/`.
    pub fn with_package(mut self, files: Vec<(&'static str, String)>) -> Result<Self> {
        for (name, text) in files {
            let text = if name == "package.json" {
                if !text.contains(PLACEHOLDER) {
                    bail!("{PACKAGE}/{name} has no {PLACEHOLDER}; the build fills it in.");
                }
                text.replace(PLACEHOLDER, &format!("\"version\": \"{VERSION}\""))
            } else {
                text
            };
            self.files.insert(format!("npm/{name}"), text.into_bytes());
        }
        Ok(self)
    }

    /// Replaces the content of `out`. Files are written to a folder beside it and renamed at the end, so that a killed build
    /// leaves the old bundle or none.
    pub fn write(self, out: &Path) -> Result<Manifest> {
        let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let write = || -> std::io::Result<()> {
            fs::create_dir_all(parent)?;
            let temporary = tempfile::Builder::new().prefix(".bundle-").tempdir_in(parent)?;
            let (new, old) = (temporary.path().join("new"), temporary.path().join("old"));
            for (path, bytes) in &self.files {
                let file = new.join(path);
                fs::create_dir_all(file.parent().unwrap_or(&new))?;
                fs::write(file, bytes)?;
            }
            match fs::rename(out, &old) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                _ => fs::rename(new, out).or_else(|error| fs::rename(old, out).and(Err(error))),
            }
        };
        write().with_context(|| format!("Cannot write the bundle to {}", out.display()))?;
        Ok(self.manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOADER_SOURCE: &str = "(() => {
        const server = '__DRAMAC_SERVER__', modules = '__DRAMAC_MODULES__';
        load(server, modules ? 'own origin' : 'sandboxed');
        if ('__DRAMAC_FALLBACK_SRI__') load('__DRAMAC_FALLBACK__', '__DRAMAC_FALLBACK_SRI__');
        else fail('no fallback');
        load('__DRAMAC_SDK_JS__', '__DRAMAC_SDK_JS_SRI__', '__DRAMAC_SDK_WASM__', '__DRAMAC_SDK_WASM_SRI__', '__DRAMAC_VERSION__');
    })()";

    fn bundle(sdk: &str, wasm: &[u8]) -> Bundle {
        let scripts = Scripts {
            sdk: sdk.to_owned(),
            fallback: None,
            module: "module()".to_owned(),
            loader: LOADER_SOURCE.to_owned(),
        };
        assemble(scripts, wasm.to_vec()).expect("assembles")
    }

    fn loader_of(bundle: &Bundle) -> String {
        String::from_utf8(bundle.files["v1/embed.js"].clone()).expect("text")
    }

    #[test]
    fn a_changed_byte_changes_the_hash_of_both_files() {
        let path = |bundle: &Bundle, name| bundle.manifest.files[name].path.clone();
        let (one, other) = (bundle("Dramac._(1)", b"wasm"), bundle("Dramac._(1)", b"wasn"));
        for name in ["sdk.js", "sdk.wasm"] {
            assert_ne!(path(&one, name), path(&other, name), "{name}");
        }
        assert_ne!(bundle("ab", b"c").manifest, bundle("a", b"bc").manifest);
        assert_eq!(one.manifest, bundle("Dramac._(1)", b"wasm").manifest);
    }

    #[test]
    fn the_loader_knows_its_files_and_leaves_the_server_open() {
        let bundle = bundle("Dramac._(1)", b"wasm");
        let loader = loader_of(&bundle);
        for file in ["sdk.js", "sdk.wasm"] {
            let file = &bundle.manifest.files[file];
            assert!(loader.contains(file.path.strip_prefix("v1/").expect("below v1")), "{loader}");
            assert!(loader.contains(file.integrity.as_deref().expect("has one")), "{loader}");
        }
        assert!(
            loader.contains("\"__DRAMAC_SERVER__\"") && loader.contains("\"__DRAMAC_MODULES__\""),
            "{loader}"
        );
    }

    #[test]
    fn the_minifier_does_not_decide_for_the_server() {
        let bundle = bundle("Dramac._(1)", b"wasm");
        let loader = loader_of(&bundle);
        assert!(loader.contains("own origin") && loader.contains("sandboxed"), "{loader}");
    }

    #[test]
    fn only_an_optimised_bundle_has_a_fallback_and_a_loader_that_takes_it() {
        let plain = bundle("Dramac._(1)", b"wasm");
        assert!(!plain.manifest.files.contains_key("sdk.fallback.js"));
        let scripts = Scripts {
            sdk: "Dramac._(1)".to_owned(),
            fallback: Some("Dramac._(2)".to_owned()),
            module: "module()".to_owned(),
            loader: LOADER_SOURCE.to_owned(),
        };
        let optimised = assemble(scripts, b"wasm".to_vec()).expect("assembles");
        let fallback = &optimised.manifest.files["sdk.fallback.js"];
        let loader = loader_of(&optimised);
        assert!(loader.contains(fallback.path.strip_prefix("v1/").expect("below v1")), "{loader}");
        assert!(loader.contains(fallback.integrity.as_deref().expect("has one")), "{loader}");
        assert!(loader_of(&plain).contains("no fallback") && !loader.contains("no fallback"), "{loader}");
    }

    #[test]
    fn a_loader_without_a_blank_is_refused() {
        let loader = LOADER_SOURCE.replace("'__DRAMAC_SDK_WASM_SRI__'", "''");
        let error =
            assemble(Scripts { sdk: String::new(), fallback: None, module: String::new(), loader }, vec![])
                .expect_err("refused");
        assert_eq!(
            error.to_string(),
            "cdn/loader/embed.js has no '__DRAMAC_SDK_WASM_SRI__'; the build fills it in."
        );
    }

    #[test]
    fn the_npm_package_gets_the_version_of_the_bundle() {
        let package = |version: &str| vec![("package.json", format!("{{\"version\": \"{version}\"}}"))];
        let bundle = bundle("one", b"wasm").with_package(package("0.0.0")).expect("filled in");
        assert_eq!(bundle.files["npm/package.json"], format!("{{\"version\": \"{VERSION}\"}}").as_bytes());
        let error = bundle.with_package(package("1.2.3")).expect_err("no placeholder");
        assert_eq!(
            error.to_string(),
            "cdn/npm/package.json has no \"version\": \"0.0.0\"; the build fills it in."
        );
    }

    #[test]
    fn a_second_bundle_replaces_the_first_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("dist");
        let first = bundle("one", b"wasm").write(&out).expect("written");
        let second = bundle("two", b"wasm").write(&out).expect("written again");
        assert!(!out.join(&first.files["sdk.js"].path).exists());
        for suffix in ["", ".br", ".gz"] {
            assert!(out.join(format!("{}{suffix}", second.files["sdk.js"].path)).exists(), "{suffix}");
        }
        let manifest = fs::read(out.join("v1/manifest.json")).expect("a manifest");
        assert_eq!(serde_json::from_slice::<Manifest>(&manifest).expect("valid"), second);
        assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 1);
    }
}
