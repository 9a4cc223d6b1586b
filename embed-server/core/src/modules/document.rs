//! The framed document.

use crate::modules::path::FilePath;
use axum::body::Bytes;
use lol_html::html_content::{ContentType, Element};
use lol_html::{HtmlRewriter, Settings, element};
use uuid::Uuid;

/// The document as it is served at `/embed/{module}`. A `<base>` comes first in its head, so that its relative links
/// lead to the files of its own version, whatever is published later.
pub fn with_base(document: &[u8], module: Uuid, version: &str, entry: &FilePath) -> Bytes {
    let base = format!("<base href=\"/embed/{module}/{version}/{}\">", percent_encoded(entry.folder()));
    let mut placed = false;
    let place = |element: &mut Element<'_, '_>| {
        if !placed {
            match element.tag_name().as_str() {
                "html" => {}
                // A head without tags begins before the first element that is not `html`.
                "head" => {
                    element.prepend(&base, ContentType::Html);
                    placed = true;
                }
                _ => {
                    element.before(&base, ContentType::Html);
                    placed = true;
                }
            }
        }
        Ok(())
    };
    let mut rewritten = Vec::with_capacity(document.len() + base.len());
    let settings = Settings::new().append_element_content_handler(element!("*", place)).with_strict(false);
    let mut rewriter = HtmlRewriter::new(settings, |chunk: &[u8]| rewritten.extend_from_slice(chunk));
    match rewriter.write(document).and_then(|()| rewriter.end()) {
        Ok(()) => rewritten.into(),
        // A document that the parser rejects gets the base in front of it, which browsers accept too.
        Err(_) => [base.as_bytes(), document].concat().into(),
    }
}

/// A folder, encoded for a URL's path inside an attribute.
fn percent_encoded(folder: &str) -> String {
    use std::fmt::Write;
    folder.bytes().fold(String::with_capacity(folder.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rewrite(document: &str, entry: &str) -> String {
        let entry = FilePath::parse(entry).unwrap();
        let bytes = with_base(document.as_bytes(), Uuid::nil(), "1.0", &entry);
        let base = format!("<base href=\"/embed/{}/1.0/", Uuid::nil());
        String::from_utf8(bytes.to_vec()).unwrap().replace(&base, "<base href=\"")
    }

    #[test]
    fn the_base_comes_first_in_the_head() {
        for (document, rewritten) in [
            ("<!doctype html><html><head><title>x", "<!doctype html><html><head><base href=\"\"><title>x"),
            ("<HEAD lang=en><base href=/mine/>", "<HEAD lang=en><base href=\"\"><base href=/mine/>"),
            (
                "<!doctype html><script src=a.js></script>",
                "<!doctype html><base href=\"\"><script src=a.js></script>",
            ),
            ("<!-- <head> --><html lang=de><p>x", "<!-- <head> --><html lang=de><base href=\"\"><p>x"),
            ("<body><head>", "<base href=\"\"><body><head>"),
            ("only text", "only text"),
            ("", ""),
        ] {
            assert_eq!(rewrite(document, "index.html"), rewritten);
        }
    }

    #[test]
    fn an_entry_in_a_folder_has_its_folder_as_base() {
        assert_eq!(rewrite("<head>", "a \"b/c/index.html"), "<head><base href=\"a%20%22b/c/\">");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_keep_their_content(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
            let rewritten = with_base(&bytes, Uuid::nil(), "1", &FilePath::INDEX);
            let base = with_base(b"<p>", Uuid::nil(), "1", &FilePath::INDEX).len() - 3;
            prop_assert!(rewritten.len() == bytes.len() || rewritten.len() == bytes.len() + base);
        }
    }
}
