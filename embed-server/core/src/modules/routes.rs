//! The HTTP routes of a version's files.

use super::origin::{SANDBOX, addressed};
use crate::services::Services;
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::Response;
use axum::routing::get;
use embed_base::http::ModuleOrigin;
use embed_base::{Code, Error, Result};

/// A version never changes, so its files can be cached for ever.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// What scripts of a sandboxed module read where they load a file by its ranges, as viewers of PDF do.
const READABLE: HeaderValue =
    HeaderValue::from_static("accept-ranges, content-encoding, content-length, content-range");
/// Only the document at `/embed/{module}` checks its embedder, so nothing else may be framed.
const UNFRAMEABLE: &str = "frame-ancestors 'none'";

/// `GET /embed/{module}/{version}/{path}`.
pub fn router() -> Router<Services> {
    Router::new().route("/embed/{module}/{version}/{*path}", get(file))
}

async fn file(
    State(services): State<Services>,
    own: Option<Extension<ModuleOrigin>>,
    path: Result<Path<(String, String, String)>, PathRejection>,
    method: Method,
    request: HeaderMap,
) -> Result<Response> {
    let Path((module, version, path)) = path.map_err(|_| no_such_file())?;
    let module = addressed(&module, own).ok_or_else(no_such_file)?;
    let published = services.modules.served_in(module, &version).await?.ok_or_else(no_such_file)?;
    let file = published.file(&path).ok_or_else(no_such_file)?;
    let forms = services.modules.forms(&file.digest).await?;
    let policy = if services.modules.have_own_origins() {
        HeaderValue::from_static(UNFRAMEABLE)
    } else {
        HeaderValue::try_from(format!("{SANDBOX}; {UNFRAMEABLE}")).map_err(Error::internal)?
    };
    let headers = HeaderMap::from_iter([
        (header::CONTENT_TYPE, file.content_type.clone()),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, IMMUTABLE),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, READABLE),
    ]);
    Ok(forms.answer_range(&method, &request, file.digest.as_str(), headers))
}

fn no_such_file() -> Error {
    Error::new(Code::FileNotFound, "No version of a published module has this file.")
}
