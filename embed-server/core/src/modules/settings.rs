//! What an operator sets of a module, beside what its bundle says.

use super::{Module, Modules, events, not_found, store};
use crate::sites::Sites;
use embed_base::events::activity::Actor;
use embed_base::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Whose consent an external app may ask for on a module's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WhoMayConsent {
    /// Nobody's.
    Nobody,
    /// That of admins and owners.
    Admins,
    /// That of every member of the organization, each for what their role allows.
    Members,
}

impl WhoMayConsent {
    /// All of them, the strictest first.
    pub const ALL: [Self; 3] = [Self::Nobody, Self::Admins, Self::Members];

    /// The word for it in JSON, on the command line and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Admins => "admins",
            Self::Members => "members",
        }
    }

    pub fn parse(word: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word).ok_or_else(|| {
            Error::invalid(format!("`{}` is not one of nobody, admins, members.", word.escape_debug()))
        })
    }
}

impl TryFrom<String> for WhoMayConsent {
    type Error = Error;

    fn try_from(word: String) -> Result<Self> {
        Self::parse(&word)
    }
}

/// Changes of a module's settings; members that are left out stay as they are.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModuleChanges {
    /// Whose consent an external app may ask for.
    #[serde(default)]
    pub oauth_who: Option<WhoMayConsent>,
}

impl Modules {
    /// Changes a module's settings.
    pub async fn change(
        &self,
        by: &Actor,
        site: Uuid,
        module: Uuid,
        changes: ModuleChanges,
    ) -> Result<Module> {
        let tenant = Sites::new(&self.context).tenant(site, Some(module)).await?;
        let found = self.find(site, module).await?;
        let Some(who) = changes.oauth_who.filter(|who| *who != found.oauth_who) else { return Ok(found) };
        let mut change = self.context.change(&tenant, by).await?;
        let now = change.now();
        if !store::set_oauth_who(&mut change, site, module, who, now).await? {
            return Err(not_found(site, module));
        }
        let change = change.detail(format!("apps may ask {}", who.as_str()));
        change.commit(events::MODULE_CHANGED, &found.name).await?;
        self.find(site, module).await
    }
}
