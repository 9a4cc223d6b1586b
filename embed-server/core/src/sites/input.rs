//! The input of operators for sites.

use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

/// A site to create.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSite {
    /// The site's name, 1 to 200 characters.
    pub name: String,
    /// The organization that it belongs to; required for members of several.
    #[serde(default)]
    pub organization_id: Option<Uuid>,
}

/// Changes of a site; members that are left out stay as they are.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SiteChanges {
    /// The site's name, 1 to 200 characters.
    pub name: Option<String>,
}
