//! Content that is compressed in advance, chosen by `Accept-Encoding` and revalidated by `ETag`.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use brotli::enc::BrotliEncoderParams;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

/// The largest body for brotli's slowest quality (11); for larger ones the gain is not worth the time.
const SMALL: usize = 512 * 1024;

/// An encoding of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Uncompressed.
    Plain,
    Gzip,
    Brotli,
}

impl Encoding {
    /// The suffix of the name of a file in this encoding.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Gzip => ".gz",
            Self::Brotli => ".br",
        }
    }

    const fn token(self) -> &'static str {
        match self {
            Self::Plain => "identity",
            Self::Gzip => "gzip",
            Self::Brotli => "br",
        }
    }
}

/// A body and those of its compressed forms that are smaller. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Content {
    /// Uncompressed.
    pub plain: Bytes,
    /// Compressed by gzip, if that is smaller.
    pub gzip: Option<Bytes>,
    /// Compressed by brotli, if that is smaller.
    pub brotli: Option<Bytes>,
}

impl Content {
    /// Compresses a body, which takes up to seconds for each megabyte, so not while a request waits.
    pub fn compressed(plain: Bytes) -> Self {
        let smaller = |form: Vec<u8>| (form.len() < plain.len()).then(|| Bytes::from(form));
        Self { gzip: smaller(gzip(&plain)), brotli: smaller(brotli(&plain)), plain }
    }

    /// Compresses a body only by gzip, ten times faster and a little larger.
    pub fn gzipped(plain: Bytes) -> Self {
        Self { gzip: Some(gzip(&plain).into()), brotli: None, plain }
    }

    /// A body in a format that is compressed already, such as an image.
    pub fn incompressible(plain: Bytes) -> Self {
        Self { plain, gzip: None, brotli: None }
    }

    /// The body in one encoding, if there is one.
    pub fn form(&self, encoding: Encoding) -> Option<&Bytes> {
        match encoding {
            Encoding::Plain => Some(&self.plain),
            Encoding::Gzip => self.gzip.as_ref(),
            Encoding::Brotli => self.brotli.as_ref(),
        }
    }

    /// The bytes of memory that all forms take.
    pub fn size(&self) -> usize {
        let bytes = |form: &Option<Bytes>| form.as_ref().map_or(0, Bytes::len);
        self.plain.len() + bytes(&self.gzip) + bytes(&self.brotli)
    }

    /// The response to a request: 200 in the smallest form that it accepts, or 304 if the client has that form
    /// already. `tag` stands for the content and for every header in `headers` whose change must invalidate cached
    /// copies; a 304 has `headers` too.
    pub fn answer(&self, request: &HeaderMap, tag: &str, mut headers: HeaderMap) -> Response {
        let encoding = self.best(request);
        let tag = match encoding {
            Encoding::Plain => format!("\"{tag}\""),
            encoding => format!("\"{tag}-{}\"", encoding.token()),
        };
        let unchanged = knows(request, &tag);
        if let Ok(tag) = HeaderValue::try_from(tag) {
            headers.insert(header::ETAG, tag);
        }
        if self.gzip.is_some() || self.brotli.is_some() {
            headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        let mut response = Response::new(Body::empty());
        if unchanged {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            headers.remove(header::CONTENT_TYPE);
        } else {
            if encoding != Encoding::Plain {
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.token()));
            }
            *response.body_mut() = Body::from(self.form(encoding).unwrap_or(&self.plain).clone());
        }
        *response.headers_mut() = headers;
        response
    }

    /// The smallest form that the request accepts, which is brotli where there are both.
    fn best(&self, request: &HeaderMap) -> Encoding {
        [Encoding::Brotli, Encoding::Gzip]
            .into_iter()
            .find(|&encoding| self.form(encoding).is_some() && accepts(request, encoding))
            .unwrap_or(Encoding::Plain)
    }
}

/// Whether `Accept-Encoding` names the encoding with a weight above zero (RFC 9110, section 12.5.3).
fn accepts(request: &HeaderMap, encoding: Encoding) -> bool {
    let listed = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    listed.flat_map(|list| list.split(',')).any(|item| {
        let (name, weight) = item.split_once(';').unwrap_or((item, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse().ok()).unwrap_or(0.0);
        name.trim().eq_ignore_ascii_case(encoding.token()) && weight > 0.0
    })
}

/// Whether `If-None-Match` lists the tag (RFC 9110, section 13.1.2: compared weakly).
fn knows(request: &HeaderMap, tag: &str) -> bool {
    let listed = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    listed
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail; if it did, the form would be missing, and the body served uncompressed.
    match encoder.write_all(plain).and_then(|()| encoder.finish()) {
        Ok(form) => form,
        Err(_) => plain.to_vec(),
    }
}

fn brotli(plain: &[u8]) -> Vec<u8> {
    let quality = if plain.len() <= SMALL { 11 } else { 9 };
    let params = BrotliEncoderParams { quality, lgwin: 22, size_hint: plain.len(), ..Default::default() };
    let mut form = Vec::new();
    match brotli::BrotliCompress(&mut &*plain, &mut form, &params) {
        Ok(_) => form,
        Err(_) => plain.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content() -> Content {
        Content::compressed(Bytes::from("words ".repeat(100)))
    }

    fn answer(content: &Content, name: header::HeaderName, value: &'static str) -> Response {
        let request = HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"))]);
        content.answer(&request, "tag", headers)
    }

    #[test]
    fn the_smallest_accepted_form_is_chosen() {
        for (accepted, encoding, tag) in [
            ("gzip, deflate, br, zstd", Some("br"), "\"tag-br\""),
            ("br;q=0.5, gzip;q=1", Some("br"), "\"tag-br\""),
            ("br;q=0, GZIP", Some("gzip"), "\"tag-gzip\""),
            ("gzip;q=0", None, "\"tag\""),
            ("br;q=nonsense", None, "\"tag\""),
            ("identity", None, "\"tag\""),
        ] {
            let response = answer(&content(), header::ACCEPT_ENCODING, accepted);
            let name = |name| response.headers().get(name).map(|value| value.to_str().unwrap());
            assert_eq!(
                (name(header::CONTENT_ENCODING), name(header::ETAG)),
                (encoding, Some(tag)),
                "{accepted}"
            );
            assert_eq!(name(header::VARY), Some("Accept-Encoding"));
        }
    }

    #[test]
    fn a_form_that_is_not_smaller_is_not_kept() {
        let content = Content::compressed(Bytes::from_static(b"x"));
        assert!(content.gzip.is_none() && content.brotli.is_none());
        assert_eq!(answer(&content, header::ACCEPT_ENCODING, "br").headers().get(header::VARY), None);
    }

    #[test]
    fn a_known_tag_of_the_same_form_is_answered_without_a_body() {
        for (known, status) in
            [("\"tag\"", 304), ("\"a\", W/\"tag\"", 304), ("*", 304), ("\"tag-br\"", 200), ("tag", 200)]
        {
            let response = answer(&content(), header::IF_NONE_MATCH, known);
            assert_eq!(response.status(), status, "{known}");
            assert_eq!(response.headers().contains_key(header::CONTENT_TYPE), status == 200);
        }
    }
}
