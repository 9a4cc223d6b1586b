//! `embed-server org`.

use crate::output::Readable;
use crate::output::{List, Output};
use clap::Subcommand;
use embed_base::Context;
use embed_base::Result;
use embed_base::events::activity::Actor;
use embed_base::ids;
use embed_core::accounts::{Accounts, Organization};
use std::fmt;
use uuid::Uuid;

/// Its subcommands.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Create an organization with its own people and sites
    Create {
        /// Its name
        name: String,
    },
    /// List organizations
    List,
    /// Rename an organization
    Rename {
        /// The organization's id
        #[arg(value_name = "ORG")]
        id: String,
        /// The new name
        name: String,
    },
}

pub(super) async fn run(command: Command, context: Context, output: Output) -> Result<()> {
    let accounts = Accounts::new(&context);
    match command {
        Command::Create { name } => {
            output.print(&accounts.create_organization(&Actor::CommandLine, &name).await?)
        }
        Command::List => {
            output.print(&List::new(accounts.organizations().await?, "There are no organizations."))
        }
        Command::Rename { id, name } => {
            output.print(&accounts.rename_organization(&Actor::CommandLine, self::id(&id)?, &name).await?)
        }
    }
}

/// Reads the id of an organization.
pub(super) fn id(text: &str) -> Result<Uuid> {
    ids::parse("organization", text, "org list")
}

/// A line of `org list`.
impl Readable for Organization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}", self.id, self.name)
    }
}
