//! The path of a file inside a bundle.

use serde::{Deserialize, Serialize};
use std::borrow::{Borrow, Cow};
use std::fmt;

const LONGEST_PATH: usize = 500;

/// A relative path with `/` between its parts that stays inside its bundle: no `.` or `..`, no empty part, no
/// backslash, no control character.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FilePath(Cow<'static, str>);

/// Why a text is not a [`FilePath`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` cannot be a file of a bundle: {reason}", path.escape_debug())]
pub struct PathError {
    path: String,
    reason: &'static str,
}

impl FilePath {
    /// `index.html`.
    pub const INDEX: Self = Self(Cow::Borrowed("index.html"));

    pub fn parse(text: impl Into<String>) -> Result<Self, PathError> {
        let path = text.into();
        match fault(&path) {
            None => Ok(Self(path.into())),
            Some(reason) => Err(PathError { path, reason }),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its folder with a slash at the end; empty at the top level.
    pub fn folder(&self) -> &str {
        self.0.rfind('/').map_or("", |slash| &self.0[..=slash])
    }

    /// The part of its name after the last dot.
    pub fn extension(&self) -> Option<&str> {
        let (stem, extension) = self.0[self.folder().len()..].rsplit_once('.')?;
        (!stem.is_empty()).then_some(extension)
    }

    /// Its media type, by its extension.
    pub fn content_type(&self) -> String {
        let guess = mime_guess::from_path(&*self.0).first_or_octet_stream();
        let charset = if guess.type_() == mime_guess::mime::TEXT { "; charset=utf-8" } else { "" };
        format!("{guess}{charset}")
    }

    /// Whether compressing it is worthwhile: for text, and for formats that are not compressed themselves.
    pub fn compresses(&self) -> bool {
        const OTHERS: &[&str] = &["javascript", "json", "wasm", "xml", "ttf", "otf", "vnd.ms-fontobject"];
        let guess = mime_guess::from_path(&*self.0).first_or_octet_stream();
        guess.type_() == mime_guess::mime::TEXT
            || guess.suffix().is_some_and(|suffix| OTHERS.contains(&suffix.as_str()))
            || OTHERS.contains(&guess.subtype().as_str())
    }
}

fn fault(path: &str) -> Option<&'static str> {
    if path.len() > LONGEST_PATH {
        return Some("it has more than 500 characters");
    }
    if path.starts_with('/') {
        return Some("it must not begin with a slash");
    }
    if path.contains('\\') {
        return Some("a backslash has a different meaning on each system");
    }
    if path.chars().any(char::is_control) {
        return Some("it has a control character");
    }
    path.split('/').find_map(|part| match part {
        "" => Some("it has a part without a name"),
        "." | ".." => Some("`.` and `..` would leave the bundle, or mean another file"),
        part if part.trim() != part => Some("a part begins or ends with a space"),
        _ => None,
    })
}

impl TryFrom<String> for FilePath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        Self::parse(text)
    }
}

impl From<FilePath> for String {
    fn from(path: FilePath) -> Self {
        path.0.into_owned()
    }
}

impl Borrow<str> for FilePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_that_could_leave_the_bundle_are_refused() {
        for text in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "a/../b",
            "./a",
            "a//b",
            "a/",
            "a\\..\\b",
            "a\0b",
            "a\nb",
            " a",
            "a /b",
        ] {
            assert!(FilePath::parse(text).is_err(), "{text:?}");
        }
        for text in ["index.html", "a/b/c.js", "..a", "a..b", "übung/日本.svg", "a b.txt", "%2e%2e/x"] {
            assert!(FilePath::parse(text).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn a_type_follows_from_the_extension() {
        for (path, expected) in [
            ("a/app.js", "text/javascript; charset=utf-8"),
            ("x.wasm", "application/wasm"),
            ("i.svg", "image/svg+xml"),
            ("index.html", "text/html; charset=utf-8"),
            ("data", "application/octet-stream"),
        ] {
            assert_eq!(FilePath::parse(path).unwrap().content_type(), expected);
        }
    }

    #[test]
    fn compressed_formats_are_not_compressed_again() {
        for (path, compresses) in [
            ("a.js", true),
            ("a.svg", true),
            ("a.wasm", true),
            ("a.ttf", true),
            ("a.png", false),
            ("a.woff2", false),
        ] {
            assert_eq!(FilePath::parse(path).unwrap().compresses(), compresses, "{path}");
        }
    }

    proptest! {
        #[test]
        fn an_accepted_path_stays_below_its_root(text in "[./\\\\a-c\u{0}-\u{3} ]{0,12}") {
            if let Ok(path) = FilePath::parse(text) {
                let root = std::path::Path::new("/bundle");
                let full = root.join(path.as_str());
                prop_assert!(full.starts_with(root));
                prop_assert!(full.components().all(|part| !matches!(part, std::path::Component::ParentDir)));
            }
        }
    }
}
