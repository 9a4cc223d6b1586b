//! `embed-server module`.

use super::site;
use crate::output::Readable;
use crate::output::{List, Output};
use clap::{Args, Subcommand};
use embed_base::Context;
use embed_base::events::activity::Actor;
use embed_base::ids;
use embed_base::{Error, Result};
use embed_core::modules::{Bundle, Module, ModuleChanges, Modules, Publication, Version, WhoMayConsent};
use embed_core::sites::Sites;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::fmt::{self, Display};
use std::path::PathBuf;
use uuid::Uuid;

/// Its subcommands.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Publish a folder with a module.json as a new version of a module
    Publish {
        /// The folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// The site's id
        #[arg(long, value_name = "ID")]
        site: String,
        /// The module's id [default: the site's module with the same name, or a new one]
        #[arg(long, value_name = "ID")]
        module: Option<String>,
    },
    /// List a site's modules
    List {
        /// The site's id
        #[arg(long, value_name = "ID")]
        site: String,
    },
    /// Show a module and its versions
    Show {
        #[command(flatten)]
        which: Which,
    },
    /// Serve an earlier version again
    Rollback {
        #[command(flatten)]
        which: Which,
        /// The version, as `module show` lists it
        #[arg(value_name = "VERSION")]
        to: String,
    },
    /// Change a module's settings
    Set {
        #[command(flatten)]
        which: Which,
        /// Whose consent external apps may ask for: nobody, admins or members
        #[arg(long, value_name = "WHO")]
        oauth_who: String,
    },
    /// Stop serving a module; its id, versions and domains are kept
    Unpublish {
        #[command(flatten)]
        which: Which,
    },
}

#[derive(Args)]
pub(super) struct Which {
    /// The module's id
    #[arg(value_name = "MODULE")]
    id: String,
    /// The site's id
    #[arg(long, value_name = "ID")]
    site: String,
}

pub(super) async fn run(command: Command, context: Context, output: Output) -> Result<()> {
    let modules = Modules::new(&context)?;
    match command {
        Command::Publish { folder, site, module } => {
            let site = site::id(&site)?;
            let module = module.as_deref().map(id).transpose()?;
            Sites::new(&context).find(site).await?;
            let bundle = tokio::task::spawn_blocking(move || Bundle::read(&folder))
                .await
                .map_err(Error::internal)??;
            let bar = ProgressBar::new(0).with_style(style()).with_message("Storing files");
            let progress = |done: usize, of: usize| {
                bar.set_length(of as u64);
                bar.set_position(done as u64);
            };
            let publication = modules.publish(&Actor::CommandLine, site, module, bundle, progress).await;
            bar.finish_and_clear();
            let settings = &context.settings;
            let cdn = settings.bundle.cdn_url.as_ref().unwrap_or(&settings.server.public_url).clone();
            output.print(&Published { publication: publication?, cdn })
        }
        Command::List { site } => {
            let site = Sites::new(&context).find(site::id(&site)?).await?.id;
            let none =
                "The site has no modules yet. Publish one with `embed-server module publish DIR --site ID`.";
            output.print(&List::new(modules.list(site).await?, none))
        }
        Command::Show { which } => {
            let (site, module) = which.ids()?;
            let module = modules.find(site, module).await?;
            let versions = modules.versions(site, module.id).await?;
            output.print(&Shown { module, versions })
        }
        Command::Rollback { which, to } => {
            let (site, module) = which.ids()?;
            output.print(&modules.roll_back(&Actor::CommandLine, site, module, &to).await?)
        }
        Command::Set { which, oauth_who } => {
            let (site, module) = which.ids()?;
            let changes = ModuleChanges { oauth_who: Some(WhoMayConsent::parse(&oauth_who)?) };
            output.print(&modules.change(&Actor::CommandLine, site, module, changes).await?)
        }
        Command::Unpublish { which } => {
            let (site, module) = which.ids()?;
            output.print(&modules.unpublish(&Actor::CommandLine, site, module).await?)
        }
    }
}

impl Which {
    fn ids(&self) -> Result<(Uuid, Uuid)> {
        Ok((site::id(&self.site)?, id(&self.id)?))
    }
}

fn id(text: &str) -> Result<Uuid> {
    ids::parse("module", text, "module list --site ID")
}

/// The bar is only drawn where standard error is a terminal.
fn style() -> ProgressStyle {
    ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl Readable for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.version.as_deref().unwrap_or("not published");
        write!(f, "{}  {}  {version}", self.id, self.name)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Published {
    publication: Publication,
    /// The origin that pages load `v1/embed.js` from.
    #[serde(skip)]
    cdn: String,
}

impl Readable for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Publication { id, site_id, name, version, lower_than, files, bytes, changed } = &self.publication;
        if !changed {
            return write!(f, "{name} {version} is already published with the same content: {id}");
        }
        let files = if *files == 1 { "1 file".to_owned() } else { format!("{files} files") };
        writeln!(f, "Published {name} {version}, {files}, {}: {id}", size(*bytes as u64))?;
        if let Some(before) = lower_than {
            writeln!(
                f,
                "\nNote that {before}, which was served before, is higher. To serve it again:\n  embed-server module rollback {id} {before} --site {site_id}"
            )?;
        }
        writeln!(f, "\nNext, allow a website to embed it:")?;
        writeln!(f, "  embed-server domain add DOMAIN --site {site_id} --module {id}")?;
        writeln!(f, "\nPaste this into its pages:")?;
        writeln!(f, "  <script async src=\"{}/v1/embed.js\"></script>", self.cdn)?;
        write!(f, "  <div data-dramac-embed=\"{id}\" data-site-id=\"{site_id}\"></div>")
    }
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    module: Module,
    versions: Vec<Version>,
}

impl Readable for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.module.fmt(f)?;
        for Version { version, published_at, files, bytes, .. } in &self.versions {
            let mark = if self.module.version.as_ref() == Some(version) { "→" } else { " " };
            let day = published_at.format("%Y-%m-%d %H:%M UTC");
            let files = if *files == 1 { "1 file".to_owned() } else { format!("{files} files") };
            write!(f, "\n{mark} {version}  {day}  {files}  {}", size(bytes.unsigned_abs()))?;
        }
        Ok(())
    }
}

fn size(bytes: u64) -> impl Display {
    indicatif::BinaryBytes(bytes)
}
