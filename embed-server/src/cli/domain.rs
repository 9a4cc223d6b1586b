//! `embed-server domain`.

use super::domain_output::{Added, Changed, Removed, Verified};
use super::site;
use crate::output::{List, Output};
use clap::{Args, Subcommand};
use embed_base::Context;
use embed_base::events::activity::Actor;
use embed_base::ids;
use embed_base::{Code, Error, Result};
use embed_core::domains::{
    AllowedDomain, DomainChanges, Domains, Instructions, Method, NewDomain, RATE_LIMIT,
};
use embed_protocol::EmbedType;
use std::num::NonZeroU32;
use uuid::Uuid;

/// Its subcommands.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Allow a domain to embed a module, and print what its owner must publish
    Add(Add),
    /// List a module's domains
    List {
        #[command(flatten)]
        module: ModuleArgs,
    },
    /// Change a domain's permissions
    Set(Set),
    /// Check for a domain's proof now
    Verify {
        #[command(flatten)]
        which: Which,
        /// Where to look: dns or meta [default: both]
        #[arg(long)]
        method: Option<String>,
    },
    /// Remove a domain from the list
    Remove {
        #[command(flatten)]
        which: Which,
    },
    /// Print what a domain's owner must publish
    Instructions {
        #[command(flatten)]
        which: Which,
    },
}

#[derive(Args)]
pub(super) struct ModuleArgs {
    /// The site's id
    #[arg(long, value_name = "ID")]
    site: String,
    /// The module's id
    #[arg(long, value_name = "ID")]
    module: String,
}

#[derive(Args)]
pub(super) struct Add {
    /// A domain such as example.com, or *.example.com for all its subdomains
    domain: String,
    #[command(flatten)]
    module: ModuleArgs,
    /// Allow all subdomains, the same as *.DOMAIN
    #[arg(long)]
    wildcard: bool,
    /// Allow only these embed types: widget, popup, inline [default: all]
    #[arg(long, value_name = "TYPE,…", value_delimiter = ',')]
    types: Vec<String>,
    /// Do not let its pages embed the module
    #[arg(long)]
    no_embed: bool,
    /// Do not let its pages call the module's API
    #[arg(long)]
    no_api: bool,
    /// API requests per hour for its pages
    #[arg(long, value_name = "NUMBER", default_value_t = RATE_LIMIT, value_parser = clap::value_parser!(i64).range(1..))]
    rate_limit: i64,
    /// A website that may frame its pages with the module in them, such as `https://portal.example.com`; may be repeated
    #[arg(long = "ancestor", value_name = "URL")]
    ancestors: Vec<String>,
}

/// Options that are not given stay unchanged.
#[derive(Args)]
pub(super) struct Set {
    #[command(flatten)]
    which: Which,
    /// Let its pages embed the module
    #[arg(long, conflicts_with = "no_embed")]
    embed: bool,
    /// Do not let its pages embed the module
    #[arg(long)]
    no_embed: bool,
    /// Let its pages call the module's API
    #[arg(long, conflicts_with = "no_api")]
    api: bool,
    /// Do not let its pages call the module's API
    #[arg(long)]
    no_api: bool,
    /// The allowed embed types: all, or some of widget, popup, inline
    #[arg(long, value_name = "TYPE,…", value_delimiter = ',')]
    types: Option<Vec<String>>,
    /// API requests per hour for its pages
    #[arg(long, value_name = "NUMBER")]
    rate_limit: Option<NonZeroU32>,
    /// A website that may frame its pages with the module in them; may be repeated, and replaces those before
    #[arg(long = "ancestor", value_name = "URL", conflicts_with = "no_ancestors")]
    ancestors: Vec<String>,
    /// Let no other website frame its pages with the module in them
    #[arg(long)]
    no_ancestors: bool,
}

/// A domain, by its id, or by its name on a module's list.
#[derive(Args)]
pub(super) struct Which {
    /// The domain's id, or its name together with --site and --module
    domain: String,
    /// The site's id
    #[arg(long, value_name = "ID")]
    site: Option<String>,
    /// The module's id
    #[arg(long, value_name = "ID")]
    module: Option<String>,
}

pub(super) async fn run(command: Command, context: Context, output: Output) -> Result<()> {
    let domains = Domains::new(&context);
    match command {
        Command::Add(add) => output.print(&Added(Instructions::new(&add.run(&domains).await?)?)),
        Command::List { module } => {
            let (site, module) = module.ids()?;
            let none =
                "No domain is allowed to embed this module yet. Allow one with `embed-server domain add`.";
            output.print(&List::new(domains.list(site, module).await?, none))
        }
        Command::Set(set) => output.print(&Changed(set.run(&domains).await?)),
        Command::Verify { which, method } => {
            let method = method.map(|word| parse_method(&word)).transpose()?;
            let domain = which.find(&domains).await?;
            output.print(&Verified(
                domains.verify(&Actor::CommandLine, domain.site_id, domain.id, method).await?,
            ))
        }
        Command::Remove { which } => {
            let domain = which.find(&domains).await?;
            output.print(&Removed(domains.remove(&Actor::CommandLine, domain.site_id, domain.id).await?))
        }
        Command::Instructions { which } => output.print(&Instructions::new(&which.find(&domains).await?)?),
    }
}

impl ModuleArgs {
    pub(super) fn ids(&self) -> Result<(Uuid, Uuid)> {
        Ok((site::id(&self.site)?, module_id(&self.module)?))
    }
}

impl Add {
    async fn run(self, domains: &Domains) -> Result<AllowedDomain> {
        let (site, module) = self.module.ids()?;
        let text = match self.domain.strip_prefix("*.") {
            None if self.wildcard => format!("*.{}", bare(&self.domain)),
            _ => self.domain,
        };
        let new = NewDomain {
            pattern: domains.pattern(&text)?,
            allow_embed: !self.no_embed,
            allow_api: !self.no_api,
            embed_types: self.types.iter().map(|word| parse_type(word)).collect::<Result<_>>()?,
            rate_limit: self.rate_limit,
            ancestors: self.ancestors,
        };
        domains.add(&Actor::CommandLine, site, module, new).await
    }
}

impl Set {
    async fn run(self, domains: &Domains) -> Result<AllowedDomain> {
        let changes = DomainChanges {
            allow_embed: (self.embed || self.no_embed).then_some(self.embed),
            allow_api: (self.api || self.no_api).then_some(self.api),
            embed_types: self.types.as_deref().map(parse_types).transpose()?,
            rate_limit: self.rate_limit,
            ancestors: (self.no_ancestors || !self.ancestors.is_empty()).then_some(self.ancestors),
        };
        if changes == DomainChanges::default() {
            return Err(Error::invalid(
                "Nothing to change. Use --embed, --no-embed, --api, --no-api, --types, --rate-limit, --ancestor or --no-ancestors.",
            ));
        }
        let domain = self.which.find(domains).await?;
        domains.change(&Actor::CommandLine, domain.site_id, domain.id, &changes).await
    }
}

/// An empty list stands for all types.
fn parse_types(words: &[String]) -> Result<Vec<EmbedType>> {
    match words {
        [all] if all == "all" => Ok(Vec::new()),
        words => words.iter().map(|word| parse_type(word)).collect(),
    }
}

impl Which {
    async fn find(&self, domains: &Domains) -> Result<AllowedDomain> {
        let site = self.site.as_deref().map(site::id).transpose()?;
        let module = self.module.as_deref().map(module_id).transpose()?;
        if let Ok(id) = Uuid::try_parse(&self.domain) {
            let domain = domains.find_anywhere(id).await?;
            let is_other_list = site.is_some_and(|site| site != domain.site_id)
                || module.is_some_and(|module| module != domain.module_id);
            if is_other_list {
                let detail = format!("Domain {id} is not on the list of that site and module.");
                return Err(Error::new(Code::DomainNotFound, detail));
            }
            return Ok(domain);
        }
        match (site, module) {
            (Some(site), Some(module)) => domains.find(site, module, &domains.pattern(&self.domain)?).await,
            _ => Err(Error::invalid(format!(
                "`{}` may be on several lists. Give the domain's id, or choose a list with --site ID --module ID.",
                self.domain
            ))),
        }
    }
}

/// The domain without its scheme, so that `*.` can be put before it.
fn bare(domain: &str) -> &str {
    domain.split_once("://").map_or(domain, |(_, rest)| rest)
}

fn module_id(text: &str) -> Result<Uuid> {
    ids::parse("module", text, "module list --site ID")
}

fn parse_method(word: &str) -> Result<Method> {
    match word {
        "dns" => Ok(Method::Dns),
        "meta" => Ok(Method::Meta),
        _ => Err(Error::invalid(format!("`{word}` is not a verification method; expected dns or meta."))),
    }
}

fn parse_type(word: &str) -> Result<EmbedType> {
    EmbedType::parse(word).ok_or_else(|| {
        let known: Vec<_> = EmbedType::ALL.iter().map(|known| known.as_str()).collect();
        Error::invalid(format!("`{word}` is not an embed type; expected {}.", known.join(", ")))
    })
}
