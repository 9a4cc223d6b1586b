//! What people say when they make a site, or change one.

use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

/// A site to make.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSite {
    /// What people call it, 1 to 200 characters.
    pub name: String,
    /// The organization that it belongs to; needed by whoever is in several.
    #[serde(default)]
    pub organization_id: Option<Uuid>,
}

/// What changes about a site; what is left out stays.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SiteChanges {
    /// What people call it, 1 to 200 characters.
    pub name: Option<String>,
}
