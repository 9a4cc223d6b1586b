//! Content that is compressed in advance.

use super::Forms;
use axum::body::Bytes;
use axum::http::HeaderMap;
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

    pub(super) const fn token(self) -> &'static str {
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

    /// The response to a request; see [`Forms::answer`].
    pub fn answer(&self, request: &HeaderMap, tag: &str, headers: HeaderMap) -> Response {
        Forms::from(self).answer(request, tag, headers)
    }
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
