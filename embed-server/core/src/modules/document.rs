//! The pages of a bundle as they are served below a frame's address.
//!
//! A page's relative links, forms, fragments and queries stay on its own address. What it loads (scripts, styles, images,
//! media) is led to the files of its own version, so that a page that a browser has kept never meets the files of a
//! newer one.

use crate::modules::path::FilePath;
use axum::body::Bytes;
use lol_html::html_content::Element;
use lol_html::{HtmlRewriter, Settings, element};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::cell::RefCell;
use std::fmt::Write;
use url::Url;
use uuid::Uuid;

/// Characters of a file's path that stay as they are in a URL's path.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Where bundles lie while a page's references are resolved.
const BUNDLE: &str = "http://bundle.invalid/bundle/";

/// A file's path, encoded for a URL.
pub fn encoded(path: &str) -> String {
    utf8_percent_encode(path, PATH).to_string()
}

/// The address of a version's files, `/embed/{module}/{version}/`.
pub fn version_address(module: Uuid, version: &str) -> String {
    format!("/embed/{module}/{version}/")
}

/// The `<base>` that earlier releases put into the entry page before they stored it. Without it the page is as its author wrote
/// it.
pub fn without_base(page: &Bytes, module: Uuid, version: &str, path: &FilePath) -> Bytes {
    let base = format!("<base href=\"{}{}\">", version_address(module, version), encoded(path.folder()));
    match page.windows(base.len()).position(|part| part == base.as_bytes()) {
        Some(at) => [&page[..at], &page[at + base.len()..]].concat().into(),
        None => page.clone(),
    }
}

/// The page with what it loads from the bundle at `files`, the address of its version. `has` says whether a path is a file
/// that a page may load. A page that the parser rejects stays as it is.
pub fn with_files_at(page: &[u8], path: &FilePath, files: &str, has: impl Fn(&str) -> bool) -> Bytes {
    let Ok(base) = Url::parse(&format!("{BUNDLE}{}", encoded(path.as_str()))) else {
        return page.to_vec().into();
    };
    let references = References { files, has: &has, base: RefCell::new(Some(base)), has_base: false.into() };
    let depth = path.as_str().matches('/').count();
    let mut rewritten = Vec::with_capacity(page.len() + 1024);
    let settings = Settings::new()
        .append_element_content_handler(element!("base[href]", |base| {
            references.follow_base(base, depth);
            Ok(())
        }))
        .append_element_content_handler(element!("script, img, source, video, audio, track", |element| {
            references.lead(element, "src");
            references.lead(element, "poster");
            references.lead_all(element, "srcset");
            Ok(())
        }))
        .append_element_content_handler(element!("link", |link| {
            references.lead(link, "href");
            references.lead_all(link, "imagesrcset");
            Ok(())
        }))
        .with_strict(false);
    let mut rewriter = HtmlRewriter::new(settings, |chunk: &[u8]| rewritten.extend_from_slice(chunk));
    match rewriter.write(page).and_then(|()| rewriter.end()) {
        Ok(()) => rewritten.into(),
        Err(_) => page.to_vec().into(),
    }
}

/// What a page's references mean.
struct References<'a> {
    files: &'a str,
    has: &'a dyn Fn(&str) -> bool,
    /// Where relative references begin; `None` where that is outside of the bundle.
    base: RefCell<Option<Url>>,
    /// The first `<base>` of a page counts.
    has_base: RefCell<bool>,
}

impl References<'_> {
    /// A page's own `<base>`. One that begins with a slash, as build tools write it, means the bundle's root.
    fn follow_base(&self, element: &mut Element<'_, '_>, depth: usize) {
        if self.has_base.replace(true) {
            return;
        }
        let href = element.get_attribute("href").unwrap_or_default();
        let href = href.trim();
        let own = match href.strip_prefix('/') {
            Some(below) if !below.starts_with(['/', '\\']) => {
                let up = if depth == 0 { "./".to_owned() } else { "../".repeat(depth) };
                // The name of an attribute that is there is valid.
                let _ = element.set_attribute("href", &format!("{up}{below}"));
                Url::parse(BUNDLE).and_then(|root| root.join(&format!("./{below}")))
            }
            _ => match &*self.base.borrow() {
                Some(base) => base.join(href),
                None => return,
            },
        };
        self.base.replace(own.ok().filter(|base| base.as_str().starts_with(BUNDLE)));
    }

    fn lead(&self, element: &mut Element<'_, '_>, attribute: &str) {
        if let Some(led) = element.get_attribute(attribute).and_then(|reference| self.led(&reference)) {
            let _ = element.set_attribute(attribute, &led);
        }
    }

    /// The same for a list of image candidates (HTML, "srcset attributes").
    fn lead_all(&self, element: &mut Element<'_, '_>, attribute: &str) {
        let Some(list) = element.get_attribute(attribute) else { return };
        let mut led = String::with_capacity(list.len());
        let mut rest = list.as_str();
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ',');
            if rest.is_empty() {
                break;
            }
            let end = rest.find(|c: char| c.is_ascii_whitespace()).unwrap_or(rest.len());
            let (candidate, after) = rest.split_at(end);
            let reference = candidate.trim_end_matches(',');
            let (descriptor, after) = match candidate.len() == reference.len() {
                true => after.split_at(after.find(',').unwrap_or(after.len())),
                false => ("", after),
            };
            if !led.is_empty() {
                led.push_str(", ");
            }
            led.push_str(self.led(reference).as_deref().unwrap_or(reference));
            led.push_str(descriptor.trim_end());
            rest = after;
        }
        let _ = element.set_attribute(attribute, &led);
    }

    /// Where a relative reference to a file of the bundle leads; `None` for everything else.
    fn led(&self, reference: &str) -> Option<String> {
        let reference = reference.trim();
        if reference.is_empty() || reference.starts_with(['/', '\\', '#', '?']) {
            return None;
        }
        let target = self.base.borrow().as_ref()?.join(reference).ok()?;
        let path = target.as_str().starts_with(BUNDLE).then(|| target.path().strip_prefix("/bundle/"))??;
        (self.has)(&percent_decode_str(path).decode_utf8().ok()?).then(|| {
            let mut led = format!("{}{path}", self.files);
            for (sign, part) in [('?', target.query()), ('#', target.fragment())] {
                if let Some(part) = part {
                    // Writing to a String cannot fail.
                    let _ = write!(led, "{sign}{part}");
                }
            }
            led
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rewrite(page: &str, path: &str) -> String {
        let has = |path: &str| ["app.js", "a/b.js", "a/ü b.png", "x.css"].contains(&path);
        let bytes = with_files_at(page.as_bytes(), &FilePath::parse(path).unwrap(), "/v/", has);
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn what_a_page_loads_is_led_to_the_files_of_its_version() {
        for (page, rewritten) in [
            ("<script src=app.js></script>", "<script src=\"/v/app.js\"></script>"),
            ("<SCRIPT SRC='./app.js?x=1&amp;y#z'>", "<SCRIPT SRC=\"/v/app.js?x=1&amp;y#z\">"),
            ("<link rel=stylesheet href=' x.css '>", "<link rel=stylesheet href=\"/v/x.css\">"),
            ("<img src=a/%C3%BC%20b.png>", "<img src=\"/v/a/%C3%BC%20b.png\">"),
            ("<img src='a/ü b.png'>", "<img src=\"/v/a/%C3%BC%20b.png\">"),
            (
                "<img srcset='app.js, a/b.js 2x,none.png 3x, https://x.test/app.js 4x'>",
                "<img srcset=\"/v/app.js, /v/a/b.js 2x, none.png 3x, https://x.test/app.js 4x\">",
            ),
            (
                "<video poster=app.js><source src=a/b.js>",
                "<video poster=\"/v/app.js\"><source src=\"/v/a/b.js\">",
            ),
            ("<audio src=app.js><track src=app.js>", "<audio src=\"/v/app.js\"><track src=\"/v/app.js\">"),
        ] {
            assert_eq!(rewrite(page, "index.html"), rewritten);
        }
        assert_eq!(
            rewrite("<script src=b.js></script>", "a/page.html"),
            "<script src=\"/v/a/b.js\"></script>"
        );
        assert_eq!(rewrite("<img src=../app.js>", "a/page.html"), "<img src=\"/v/app.js\">");
    }

    #[test]
    fn links_forms_and_what_is_not_in_the_bundle_stay() {
        for page in [
            "<a href=app.js>x</a>",
            "<a href=\"#s\">x</a><form action=app.js>",
            "<script src=/v1/module.js></script>",
            "<script src=//cdn.test/app.js></script>",
            "<script src=https://cdn.test/app.js></script>",
            "<script src=../app.js></script>",
            "<script src=none.js></script>",
            "<img src=data:,x>",
            "<img src>",
            "<img src=\"#x\">",
            "<iframe src=app.js></iframe>",
            "<!-- <script src=app.js> --><p>only text",
            "",
        ] {
            assert_eq!(rewrite(page, "index.html"), page);
        }
    }

    #[test]
    fn a_base_of_the_page_counts_and_its_root_is_the_bundles() {
        for (path, page, rewritten) in [
            (
                "index.html",
                "<base href=/><script src=app.js>",
                "<base href=\"./\"><script src=\"/v/app.js\">",
            ),
            ("a/p.html", "<base href='/'><img src=app.js>", "<base href=\"../\"><img src=\"/v/app.js\">"),
            ("index.html", "<base href=/a/><img src=b.js>", "<base href=\"./a/\"><img src=\"/v/a/b.js\">"),
            ("index.html", "<base href=a/><img src=b.js>", "<base href=a/><img src=\"/v/a/b.js\">"),
            ("index.html", "<base href=//x.test/><img src=b.js>", "<base href=//x.test/><img src=b.js>"),
            ("index.html", "<base target=_top><img src=app.js>", "<base target=_top><img src=\"/v/app.js\">"),
        ] {
            assert_eq!(rewrite(page, path), rewritten);
        }
    }

    #[test]
    fn a_page_of_an_earlier_release_is_served_without_its_base() {
        let path = FilePath::parse("a b/index.html").unwrap();
        let base = format!("<base href=\"/embed/{}/1.0/a%20b/\">", Uuid::nil());
        let stored = Bytes::from(format!("<head>{base}<title>x"));
        assert_eq!(without_base(&stored, Uuid::nil(), "1.0", &path), "<head><title>x");
        assert_eq!(without_base(&stored, Uuid::nil(), "2.0", &path), stored, "only its own");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_without_references_stay(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
            let rewritten = with_files_at(&bytes, &FilePath::INDEX, "/v/", |_| false);
            prop_assert!(rewritten.len() >= bytes.len().saturating_sub(1) || bytes.windows(6).any(|part| part.eq_ignore_ascii_case(b"srcset")));
        }

        #[test]
        fn a_list_of_candidates_is_read_without_panic(list in "[a., \t0-9x]{0,40}") {
            rewrite(&format!("<img srcset=\"{list}\">"), "index.html");
        }
    }
}
