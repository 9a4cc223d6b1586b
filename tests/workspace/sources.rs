//! The sources of the server's crates, read as text.

use std::path::{Path, PathBuf};

/// The crates of the server, by package, with their folders.
pub const CRATES: [(&str, &str); 4] = [
    ("embed-base", "embed-server/base/src"),
    ("embed-core", "embed-server/core/src"),
    ("embed-console", "embed-server/console/src"),
    ("embed-server", "embed-server/src"),
];

/// One file: its path below the crate's `src`, and its code without comments and tests.
pub struct Source {
    pub path: PathBuf,
    pub code: String,
}

impl Source {
    /// The folder or file below `src` that it belongs to: the name of a module of the crate's root.
    pub fn room(&self) -> String {
        let first = self.path.components().next().unwrap();
        Path::new(first.as_os_str()).with_extension("").display().to_string()
    }
}

/// The workspace's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All Rust files below a folder of the workspace.
pub fn below(folder: &str) -> Vec<Source> {
    let folder = root().join(folder);
    let mut sources = Vec::new();
    let mut folders = vec![folder.clone()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
                let code = code.lines().map(|line| line.split("//").next().unwrap());
                let code = code.collect::<Vec<_>>().join("\n");
                sources.push(Source { path: path.strip_prefix(&folder).unwrap().to_owned(), code });
            }
        }
    }
    assert!(!sources.is_empty(), "{} has no sources", folder.display());
    sources
}

/// Every name that follows `prefix` in the code, `{a, b}` lists included.
pub fn names_after(code: &str, prefix: &str) -> Vec<String> {
    let is_name = |character: char| character.is_alphanumeric() || character == '_';
    let mut names = Vec::new();
    for (place, _) in code.match_indices(prefix) {
        if code[..place].ends_with(is_name) {
            continue;
        }
        let rest = &code[place + prefix.len()..];
        let list = rest.strip_prefix('{').and_then(|rest| rest.split('}').next()).unwrap_or(rest);
        let until = if rest.starts_with('{') { usize::MAX } else { 1 };
        names.extend(
            list.split(',').take(until).map(|name| {
                name.trim().chars().take_while(|&character| is_name(character)).collect::<String>()
            }),
        );
    }
    names.retain(|name| !name.is_empty());
    names
}
