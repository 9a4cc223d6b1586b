//! `embed-server site`.

use crate::output::Readable;
use crate::output::{List, Output};
use clap::Subcommand;
use embed_base::Context;
use embed_base::events::activity::Actor;
use embed_base::ids;
use embed_base::{Error, Result};
use embed_core::accounts::Accounts;
use embed_core::modules::Modules;
use embed_core::sites::{Site, Sites};
use serde::Serialize;
use std::fmt;
use uuid::Uuid;

/// Its subcommands.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Create a site
    Create {
        /// Its name
        name: String,
        /// The organization; needed when there are several
        #[arg(long, value_name = "ID")]
        org: Option<String>,
    },
    /// List sites
    List {
        /// The organization; needed when there are several
        #[arg(long, value_name = "ID")]
        org: Option<String>,
    },
    /// Show one site
    Show {
        /// The site's id
        #[arg(value_name = "SITE")]
        id: String,
    },
    /// Delete a site with its modules, domains, tokens and records
    Delete {
        /// The site's id
        #[arg(value_name = "SITE")]
        id: String,
        /// Confirm; without this the command only says what would be deleted
        #[arg(long)]
        yes: bool,
    },
}

pub(super) async fn run(command: Command, context: Context, output: Output) -> Result<()> {
    let accounts = Accounts::new(&context);
    let sites = Sites::new(&context);
    match command {
        Command::Create { name, org } => {
            let organization = accounts.organization(organization(org)?).await?;
            output.print(&Created(sites.create(&Actor::CommandLine, organization, &name).await?))
        }
        Command::List { org } => {
            let organization = accounts.organization(organization(org)?).await?;
            let none = "There are no sites yet. Create one with `embed-server site create NAME`.";
            output.print(&List::new(sites.list(organization).await?, none))
        }
        Command::Show { id } => output.print(&sites.find(self::id(&id)?).await?),
        Command::Delete { id, yes } => {
            let site = sites.find(self::id(&id)?).await?;
            if !yes {
                return Err(not_confirmed(&site, Modules::new(&context)?.list(site.id).await?.len()));
            }
            sites.delete(&Actor::CommandLine, site.id).await?;
            output.print(&Deleted { id: site.id, name: site.name })
        }
    }
}

fn not_confirmed(site: &Site, modules: usize) -> Error {
    let modules = if modules == 1 { "its module".to_owned() } else { format!("its {modules} modules") };
    Error::invalid(format!(
        "This would permanently delete {} with {modules} and their domains, tokens and records. To confirm: `embed-server site delete {} --yes`.",
        site.name, site.id
    ))
}

/// Reads the id of a site.
pub(super) fn id(text: &str) -> Result<Uuid> {
    ids::parse("site", text, "site list")
}

fn organization(text: Option<String>) -> Result<Option<Uuid>> {
    text.map(|text| super::org::id(&text)).transpose()
}

impl Readable for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}", self.id, self.name)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Created(Site);

impl Readable for Created {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Site { id, name, .. } = &self.0;
        writeln!(f, "Created site {name}: {id}")?;
        write!(f, "\nNext, publish a module:\n  embed-server module publish DIR --site {id}")
    }
}

#[derive(Serialize)]
struct Deleted {
    id: Uuid,
    name: String,
}

impl Readable for Deleted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Deleted site {} and everything that belonged to it.", self.name)
    }
}
