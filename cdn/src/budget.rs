//! The size budgets of what a page loads, in bytes after brotli 11.

use std::fmt;

use serde::Serialize;

use crate::Manifest;

/// 1 KB is 1024 bytes here.
const KB: usize = 1024;

/// One line of the table that `check` prints; sizes are in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// A file, or `page` for what one page loads: loader, glue and WebAssembly; or `page without WebAssembly`: loader and
    /// fallback.
    pub name: String,
    /// Uncompressed.
    pub bytes: usize,
    /// After gzip.
    pub gzip: usize,
    /// After brotli.
    pub brotli: usize,
    /// The maximum for `brotli`; more fails the check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<usize>,
    /// The size of the best comparable product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<usize>,
}

/// The sizes of a bundle beside its budgets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The files in the order of their loading, then their sum.
    pub lines: Vec<Line>,
}

impl Report {
    /// Compares a bundle with the budgets.
    pub fn of(manifest: &Manifest) -> Self {
        let line = |name: &str, budget, mark| {
            let (bytes, gzip, brotli) =
                manifest.files.get(name).map(|file| (file.bytes, file.gzip, file.brotli)).unwrap_or_default();
            Line { name: name.to_owned(), bytes, gzip, brotli, budget, mark }
        };
        let page = [
            line("embed.js", Some(2 * KB), Some(3 * KB / 2)),
            line("sdk.js", None, None),
            line("sdk.wasm", None, None),
        ];
        let sum = |size: fn(&Line) -> usize| page.iter().map(size).sum();
        let total = Line {
            name: "page".to_owned(),
            bytes: sum(|line| line.bytes),
            gzip: sum(|line| line.gzip),
            brotli: manifest.total.brotli,
            budget: Some(34 * KB),
            mark: Some(27 * KB),
        };
        let module = line("module.js", Some(2 * KB), None);
        let mut lines = Vec::from(page.clone());
        lines.extend([total, module]);
        if manifest.files.contains_key("sdk.fallback.js") {
            let fallback = line("sdk.fallback.js", None, None);
            let [loader, ..] = &page;
            lines.push(Line {
                name: "page without WebAssembly".to_owned(),
                bytes: loader.bytes + fallback.bytes,
                gzip: loader.gzip + fallback.gzip,
                brotli: loader.brotli + fallback.brotli,
                budget: Some(36 * KB),
                mark: None,
            });
        }
        Report { lines }
    }

    /// A sentence for each budget that is exceeded.
    pub fn excesses(&self) -> Vec<String> {
        let over = |line: &Line| {
            let excess = line.brotli.checked_sub(line.budget?).filter(|excess| *excess > 0)?;
            Some(format!(
                "{} weighs {} bytes after brotli, {excess} more than its budget of {}.",
                line.name, line.brotli, line.budget?
            ))
        };
        self.lines.iter().filter_map(over).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let optional = |size: Option<usize>| size.map_or("–".to_owned(), |size| size.to_string());
        write!(f, "{:<24}{:>9}{:>9}{:>9}{:>9}{:>9}", "file", "bytes", "gzip", "brotli", "budget", "mark")?;
        for line in &self.lines {
            write!(f, "\n{:<24}{:>9}{:>9}{:>9}", line.name, line.bytes, line.gzip, line.brotli)?;
            write!(f, "{:>9}{:>9}", optional(line.budget), optional(line.mark))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{File, Total};

    fn manifest(loader: usize, wasm: usize) -> Manifest {
        let file =
            |brotli| File { path: String::new(), bytes: brotli, gzip: brotli, brotli, integrity: None };
        Manifest {
            version: "1.0.0".to_owned(),
            files: [("embed.js", loader), ("sdk.js", 0), ("sdk.wasm", wasm), ("module.js", 1)]
                .map(|(name, size)| (name.to_owned(), file(size)))
                .into(),
            total: Total { brotli: loader + wasm },
            release: None,
        }
    }

    #[test]
    fn a_bundle_of_exactly_its_budget_passes() {
        assert_eq!(Report::of(&manifest(2048, 32 * KB)).excesses(), Vec::<String>::new());
    }

    #[test]
    fn the_fallback_has_a_budget_where_there_is_one() {
        let mut manifest = manifest(2048, 0);
        assert!(Report::of(&manifest).lines.iter().all(|line| line.name != "page without WebAssembly"));
        let mut fallback = manifest.files["sdk.js"].clone();
        fallback.brotli = 34 * KB + 1;
        manifest.files.insert("sdk.fallback.js".to_owned(), fallback);
        assert_eq!(
            Report::of(&manifest).excesses(),
            ["page without WebAssembly weighs 36865 bytes after brotli, 1 more than its budget of 36864."]
        );
    }

    #[test]
    fn each_budget_that_is_exceeded_has_a_sentence() {
        let excesses = Report::of(&manifest(2049, 32 * KB)).excesses();
        assert_eq!(
            excesses,
            [
                "embed.js weighs 2049 bytes after brotli, 1 more than its budget of 2048.",
                "page weighs 34817 bytes after brotli, 1 more than its budget of 34816.",
            ]
        );
    }
}
