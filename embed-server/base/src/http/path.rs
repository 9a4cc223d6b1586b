//! Ids and names in paths.

use super::fallback;
use crate::error::{Error, Result};
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use uuid::Uuid;

/// Reads the id that the path has under `name`. Text that is no id is refused as an unknown id is, with `not_found` of that
/// text.
pub async fn path_id(parts: &mut Parts, name: &str, not_found: impl FnOnce(&str) -> Error) -> Result<Uuid> {
    let text = path_text(parts, name).await?;
    Uuid::try_parse(&text).map_err(|_| not_found(&text))
}

/// Reads the text that the path has under `name`. 404 where the path is not UTF-8.
pub async fn path_text(parts: &mut Parts, name: &str) -> Result<String> {
    let Ok(parameters) = RawPathParams::from_request_parts(parts, &()).await else {
        return Err(fallback::not_found().await);
    };
    let text = parameters.iter().find(|(known, _)| *known == name).map(|(_, text)| text.to_owned());
    text.ok_or_else(|| Error::internal(format!("the route has no {{{name}}}")))
}
