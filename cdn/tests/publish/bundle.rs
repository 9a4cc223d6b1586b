//! A bundle as `cdn build` leaves it, but small.

use std::fs;
use std::path::Path;

use cdn::{File, Manifest, Total, integrity};
use tempfile::TempDir;

/// A folder with a bundle.
pub struct Bundle {
    folder: TempDir,
    hash: String,
}

impl Bundle {
    /// Bundles with different names differ in every file.
    pub fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let hash = format!("{:0<16}", name.bytes().map(|byte| format!("{byte:x}")).collect::<String>());
        let path = format!("v1/{hash}");
        let loader = format!(
            "start(\"__DRAMAC_SERVER__\",\"__DRAMAC_MODULES__\",\"{hash}/sdk.js\",\"{hash}/sdk.wasm\")"
        );
        let files = [
            ("embed.js", "v1", loader),
            ("module.js", "v1", format!("module of {name}")),
            ("sdk.js", &path, format!("glue of {name}")),
            ("sdk.wasm", &path, format!("code of {name}")),
        ];
        let mut manifest = Manifest {
            version: "1.0.0".to_owned(),
            files: [].into(),
            total: Total { brotli: 0 },
            release: None,
        };
        for (name, parent, text) in files {
            let path = format!("{parent}/{name}");
            let file = folder.path().join(&path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            let compressed = |form| if form == "br" { brotli(&text) } else { gzip(&text) };
            let integrity = (name != "embed.js").then(|| integrity(text.as_bytes()));
            let entry =
                File { path, bytes: text.len(), gzip: compressed("gz"), brotli: compressed("br"), integrity };
            fs::write(file, &text).unwrap();
            manifest.total.brotli += if name == "module.js" { 0 } else { entry.brotli };
            manifest.files.insert(name.to_owned(), entry);
        }
        fs::write(folder.path().join("v1/manifest.json"), serde_json::to_vec(&manifest).unwrap()).unwrap();
        Bundle { folder, hash }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The path of `sdk.js` below the folder.
    pub fn sdk_path(&self) -> String {
        format!("v1/{}/sdk.js", self.hash)
    }
}

fn brotli(text: &str) -> usize {
    let params = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, ..Default::default() };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut text.as_bytes(), &mut compressed, &params).unwrap();
    compressed.len()
}

fn gzip(text: &str) -> usize {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap().len()
}
