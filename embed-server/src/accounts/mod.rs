//! Who operates this installation: organizations, and the people in them. A fresh database has one organization, and as
//! long as there is no other nobody needs to name it.

mod store;

use crate::error::{Error, Result};
use crate::state::Context;
use uuid::Uuid;

/// The organizations. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    context: Context,
}

impl Accounts {
    /// Builds the capability.
    pub fn new(context: &Context) -> Self {
        Self { context: context.clone() }
    }

    /// The organization that is meant: the one that is named, else the only one.
    pub async fn organization(&self, named: Option<Uuid>) -> Result<Uuid> {
        let mut tx = self.context.db.read_global().await?;
        let ids = store::organizations(&mut tx).await?;
        match (named, ids.as_slice()) {
            (Some(id), _) if ids.contains(&id) => Ok(id),
            (Some(id), _) => {
                Err(Error::not_found("organization_not_found", format!("There is no organization {id}.")))
            }
            (None, [only]) => Ok(*only),
            (None, _) => Err(Error::invalid("There are several organizations; say which with --org ID.")),
        }
    }
}
