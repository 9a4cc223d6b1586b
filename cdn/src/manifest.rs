//! `v1/manifest.json`: what a bundle consists of.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a bundle consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The release, also `Dramac.version` on pages.
    pub version: String,
    /// The files by their plain names: `embed.js`, `module.js`, `sdk.js`, `sdk.wasm`, in an optimised bundle also
    /// `sdk.fallback.js`.
    pub files: BTreeMap<String, File>,
    /// What one page loads.
    pub total: Total,
    /// The publication; absent in a bundle that was only built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
}

/// A published bundle, with its server filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The name of its folder below `v1/`.
    pub hash: String,
    /// The loader to which a page can pin itself, e.g. `v1/0123456789abcdef/embed.js`.
    pub path: String,
    /// The value of its `integrity` attribute.
    pub integrity: String,
}

/// One file; sizes are in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Below the bundle's root, e.g. `v1/embed.js`. With `.br` or `.gz` behind it the compressed file.
    pub path: String,
    /// Uncompressed.
    pub bytes: usize,
    /// After gzip, level 9.
    pub gzip: usize,
    /// After brotli, quality 11.
    pub brotli: usize,
    /// The value of an `integrity` attribute, `sha256-…`. Absent for an `embed.js` whose placeholders are not filled in yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integrity: Option<String>,
}

/// What one page loads: loader, glue and WebAssembly; not `module.js`, which the iframe loads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// Bytes after brotli, quality 11.
    pub brotli: usize,
}

/// Subresource Integrity of `bytes` (W3C SRI, section 3.1). With SHA-256, since the loader carries up to three digests, and
/// each would be 16 bytes longer with SHA-384.
pub fn integrity(bytes: &[u8]) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(bytes)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn integrity_is_what_openssl_says() {
        // printf 'alert(1)' | openssl dgst -sha256 -binary | base64
        let expected = "sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI=";
        assert_eq!(super::integrity(b"alert(1)"), expected);
    }
}
