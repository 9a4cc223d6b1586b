//! What stands in paths.

use super::nothing_here;
use crate::error::{Error, Result};
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use uuid::Uuid;

/// Reads the id that stands in the path under `name`. Whatever is no id names nothing, so it is refused as an id that
/// is unknown would be, with `not_found` and what stands there.
pub async fn path_id(parts: &mut Parts, name: &str, not_found: impl FnOnce(&str) -> Error) -> Result<Uuid> {
    let text = path_text(parts, name).await?;
    Uuid::try_parse(&text).map_err(|_| not_found(&text))
}

/// Reads what stands in the path under `name`. A path that is not UTF-8 leads nowhere.
pub async fn path_text(parts: &mut Parts, name: &str) -> Result<String> {
    let Ok(parameters) = RawPathParams::from_request_parts(parts, &()).await else {
        return Err(nothing_here().await);
    };
    let text = parameters.iter().find(|(known, _)| *known == name).map(|(_, text)| text.to_owned());
    text.ok_or_else(|| Error::internal(format!("the route has no {{{name}}}")))
}
