//! Ids as people hand them over.

use crate::error::{Error, Result};
use uuid::Uuid;

/// Reads the id of a `thing` ("site", "module"); `list` is the command that prints such ids.
pub fn parse(thing: &str, text: &str, list: &str) -> Result<Uuid> {
    Uuid::try_parse(text).map_err(|error| {
        // What is longer than any id is not worth repeating.
        let shown = if text.chars().count() <= 64 { format!("`{text}`") } else { "This".to_owned() };
        let article = if thing.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
        Error::invalid(format!(
            "{shown} is not {article} {thing} id. Ids look like 0198c9f2-7a31-7cc1-9d5e-3f1f6f2f8a10; `embed-server {list}` prints them."
        ))
        .caused_by(error)
    })
}
