//! The bundle that customers' pages load, `/v1/…`: loader, SDK and `module.js`, from the binary or a folder.
//!
//! Everything is read once at the start; the loader's template is filled in and compressed then. Browsers cache files with a
//! hash in their path for ever, and the others for five minutes.

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::response::Response;
use axum::routing::get;
use embed_base::config::Settings;
use embed_base::files::Digest;
use embed_base::files::{Content, Encoding, Forms};
use embed_base::{Code, Error, Result};
use embed_bundle::{BUNDLE, Dir};
use embed_protocol::loader;
use std::collections::HashMap;
use std::sync::Arc;

const LOADER: &str = "v1/embed.js";
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const SHORT: HeaderValue = HeaderValue::from_static("public, max-age=300, stale-while-revalidate=86400");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const TIMING_ALLOW_ORIGIN: HeaderName = HeaderName::from_static("timing-allow-origin");

/// The bundle in memory. Cheap to clone.
#[derive(Clone)]
pub struct Assets(Arc<HashMap<String, Asset>>);

struct Asset {
    forms: Forms,
    tag: Digest,
    headers: HeaderMap,
}

impl Assets {
    /// Reads the bundle and fills the server's URL into the loader.
    pub fn load(settings: &Settings) -> Result<Self> {
        let mut files = match &settings.bundle.bundle_dir {
            None => embedded(&BUNDLE),
            Some(folder) => read(folder, "").map_err(|error| {
                let detail =
                    format!("The bundle in EMBED_BUNDLE_DIR, {}, cannot be read: {error}.", folder.display());
                Error::invalid(detail).caused_by(error)
            })?,
        };
        let template =
            files.remove(LOADER).and_then(|bytes| String::from_utf8(bytes.into()).ok()).ok_or_else(|| {
                Error::invalid(format!(
                    "The bundle has no {LOADER}. EMBED_BUNDLE_DIR is the folder that `cdn build` writes."
                ))
            })?;
        let pattern = settings.server.module_host.as_ref().map_or("", |host| host.pattern());
        let filled = loader::fill(&template, &settings.server.public_url, pattern);
        let mut assets =
            HashMap::from([(LOADER.to_owned(), Asset::new(LOADER, Content::compressed(filled.into()))?)]);

        let is_compressed = |path: &str| {
            [Encoding::Brotli, Encoding::Gzip].iter().any(|encoding| path.ends_with(encoding.suffix()))
        };
        for path in files.keys().filter(|path| !is_compressed(path) && *path != LOADER) {
            let compressed = |encoding: Encoding| files.get(&format!("{path}{}", encoding.suffix())).cloned();
            let plain = files[path].clone();
            let content =
                Content { plain, gzip: compressed(Encoding::Gzip), brotli: compressed(Encoding::Brotli) };
            assets.insert(path.clone(), Asset::new(path, content)?);
        }
        Ok(Self(Arc::new(assets)))
    }
}

impl Asset {
    fn new(path: &str, content: Content) -> Result<Self> {
        let hashed = path.split('/').count() > 2;
        let content_type = mime_guess::from_path(path).first_or_octet_stream();
        let headers = HeaderMap::from_iter([
            (header::CONTENT_TYPE, HeaderValue::try_from(content_type.as_ref()).map_err(Error::internal)?),
            (header::CACHE_CONTROL, if hashed { IMMUTABLE } else { SHORT }),
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
            (RESOURCE_POLICY, HeaderValue::from_static("cross-origin")),
            (TIMING_ALLOW_ORIGIN, HeaderValue::from_static("*")),
        ]);
        Ok(Self { tag: Digest::of(&content.plain), forms: Forms::from(&content), headers })
    }
}

/// `GET /v1/{path}`.
pub fn router() -> Router<Assets> {
    Router::new().route("/v1/{*path}", get(asset))
}

async fn asset(
    State(assets): State<Assets>,
    path: Result<Path<String>, PathRejection>,
    method: Method,
    request: HeaderMap,
) -> Result<Response> {
    let path = path.map_or_else(|_| String::new(), |Path(path)| path);
    let asset = assets.0.get(&format!("v1/{path}")).ok_or_else(|| {
        let detail = format!("The bundle has no file v1/{path}. A page that requests it has an old snippet: the loader is `/v1/embed.js`.");
        Error::new(Code::FileNotFound, detail)
    })?;
    Ok(asset.forms.answer_range(&method, &request, asset.tag.as_str(), asset.headers.clone()))
}

fn embedded(folder: &'static Dir<'static>) -> HashMap<String, Bytes> {
    let own = folder
        .files()
        .map(|file| (file.path().to_string_lossy().replace('\\', "/"), Bytes::from_static(file.contents())));
    own.chain(folder.dirs().flat_map(embedded)).collect()
}

fn read(folder: &std::path::Path, prefix: &str) -> std::io::Result<HashMap<String, Bytes>> {
    let mut files = HashMap::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            files.extend(read(&entry.path(), &format!("{path}/"))?);
        } else {
            files.insert(path, std::fs::read(entry.path())?.into());
        }
    }
    Ok(files)
}
