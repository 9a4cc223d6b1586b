//! The console's own files: one stylesheet and one small script. Their URLs contain a hash of their content.

use aide::axum::ApiRouter;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use axum::routing::get;
use embed_base::crypto::sha256_hex;
use embed_base::files::Content;
use embed_base::http::not_found;
use embed_base::{Code, Error, Result};
use std::sync::LazyLock;

const STYLE: &[u8] = include_bytes!("assets/console.css");
const SCRIPT: &[u8] = include_bytes!("assets/console.js");
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// A square with a smaller one in it: a page with an embed.
pub const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'%3E%3Crect x='2' y='4' width='20' height='16' rx='3' fill='none' stroke='%230b5fff' stroke-width='2.5'/%3E%3Crect x='11' y='10' width='8' height='7' rx='1.5' fill='%230b5fff'/%3E%3C/svg%3E";

struct File {
    address: String,
    content: Content,
    content_type: HeaderValue,
}

impl File {
    fn new(name: &str, bytes: &'static [u8], content_type: &'static str) -> Self {
        let address = format!("/console/assets/{}/{name}", &sha256_hex(bytes)[..16]);
        let content = Content::compressed(Bytes::from_static(bytes));
        Self { address, content, content_type: HeaderValue::from_static(content_type) }
    }
}

static FILES: LazyLock<[File; 2]> = LazyLock::new(|| {
    [
        File::new("console.css", STYLE, "text/css; charset=utf-8"),
        File::new("console.js", SCRIPT, "text/javascript; charset=utf-8"),
    ]
});

/// The URL of the stylesheet.
pub fn style() -> &'static str {
    &FILES[0].address
}

/// The URL of the script.
pub fn script() -> &'static str {
    &FILES[1].address
}

/// `/console/assets`. The files are the same for everybody, so they need no session.
pub fn router<S: Clone + Send + Sync + 'static>() -> ApiRouter<S> {
    ApiRouter::new().route("/console/assets/{hash}/{name}", get(asset))
}

async fn asset(Path((hash, name)): Path<(String, String)>, request: HeaderMap) -> Result<Response> {
    let address = format!("/console/assets/{hash}/{name}");
    let found = FILES.iter().find(|file| file.address == address);
    let file = match found {
        Some(file) => file,
        None => return Err(Error::new(Code::FileNotFound, not_found().await.detail())),
    };
    let headers = HeaderMap::from_iter([
        (header::CONTENT_TYPE, file.content_type.clone()),
        (header::CACHE_CONTROL, IMMUTABLE),
    ]);
    Ok(file.content.answer(&request, &hash, headers))
}
