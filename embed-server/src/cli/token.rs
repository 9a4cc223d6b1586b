//! `embed-server token`.

use super::domain::ModuleArgs;
use super::span;
use crate::output::Readable;
use crate::output::{List, Output};
use chrono::TimeDelta;
use clap::{Args, Subcommand};
use embed_base::Context;
use embed_base::events::activity::Actor;
use embed_base::http::Scope;
use embed_base::ids;
use embed_base::{Error, Result};
use embed_core::tokens::{ApiToken, CreatedToken, NewToken, Tokens};
use serde::Serialize;
use std::fmt;
use std::num::NonZeroU32;

/// Its subcommands.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Create a token for a module's API; it is printed only once
    Create(Create),
    /// List a module's tokens
    List {
        #[command(flatten)]
        module: ModuleArgs,
    },
    /// Revoke a token at once
    Revoke {
        /// The token's id
        #[arg(value_name = "TOKEN")]
        id: String,
    },
    /// Replace a token with a new one of the same scopes; the old one keeps working for a while
    Rotate {
        /// The token's id
        #[arg(value_name = "TOKEN")]
        id: String,
        /// How long the old one keeps working
        #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = span::parse)]
        overlap: TimeDelta,
    },
}

#[derive(Args)]
pub(super) struct Create {
    /// Its name
    name: String,
    #[command(flatten)]
    module: ModuleArgs,
    /// Its scopes: read, write, delete; for one collection only, as in read:entries
    #[arg(long, value_name = "SCOPE,…", value_delimiter = ',', required = true)]
    scopes: Vec<String>,
    /// Only pages of these domains can use it [default: any domain that can use the API, and programs]
    #[arg(long, value_name = "DOMAIN,…", value_delimiter = ',')]
    allowed_domains: Vec<String>,
    /// Only these IP addresses and networks can use it [default: any]
    #[arg(long, value_name = "CIDR,…", value_delimiter = ',')]
    allowed_ips: Vec<String>,
    /// Requests per minute [default: 100]
    #[arg(long, value_name = "NUMBER")]
    rate_limit: Option<NonZeroU32>,
    /// When it expires, such as 90d from now [default: never]
    #[arg(long, value_name = "SPAN", value_parser = span::parse)]
    expires: Option<TimeDelta>,
}

pub(super) async fn run(command: Command, context: Context, output: Output) -> Result<()> {
    let tokens = Tokens::new(&context);
    match command {
        Command::Create(create) => output.print(&create.run(&context, &tokens).await?),
        Command::List { module } => {
            let (site, module) = module.ids()?;
            let none = "This module has no tokens yet. Create one with `embed-server token create NAME`.";
            output.print(&List::new(tokens.list(site, module).await?, none))
        }
        Command::Revoke { id } => {
            let token = find(&tokens, &id).await?;
            output.print(&Revoked(tokens.revoke(&Actor::CommandLine, token.site_id, token.id).await?))
        }
        Command::Rotate { id, overlap } => {
            let token = find(&tokens, &id).await?;
            output.print(&tokens.rotate(&Actor::CommandLine, token.site_id, token.id, Some(overlap)).await?)
        }
    }
}

impl Create {
    async fn run(self, context: &Context, tokens: &Tokens) -> Result<CreatedToken> {
        let (site, module) = self.module.ids()?;
        let given = |list: Vec<String>| (!list.is_empty()).then_some(list);
        let new = NewToken {
            module_id: module,
            name: self.name,
            scopes: self.scopes.iter().map(|text| Scope::parse(text)).collect::<Result<_>>()?,
            allowed_domains: given(self.allowed_domains),
            allowed_ips: given(self.allowed_ips),
            rate_limit: self.rate_limit,
            expires_at: self.expires.map(|span| context.clock.now() + span),
        };
        tokens.create(&Actor::CommandLine, site, new).await.map_err(with_flags)
    }
}

/// The error with its fields named as they are typed on the command line.
fn with_flags(error: Error) -> Error {
    let flags = [
        ("`allowedDomains`", "`--allowed-domains`"),
        ("`allowedIps`", "`--allowed-ips`"),
        ("`scopes`", "`--scopes`"),
        ("`expiresAt`", "`--expires`"),
    ];
    if flags.iter().all(|(field, _)| !error.detail().contains(field)) {
        return error;
    }
    let detail =
        flags.iter().fold(error.detail().to_owned(), |text, (field, flag)| text.replace(field, flag));
    Error::new(error.code(), detail)
}

async fn find(tokens: &Tokens, id: &str) -> Result<ApiToken> {
    tokens.find_anywhere(ids::parse("token", id, "token list --site ID --module ID")?).await
}

impl Readable for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scopes: Vec<_> = self.scopes.iter().map(ToString::to_string).collect();
        write!(f, "{}  dram_live_{}…  {}  {}", self.id, self.token_prefix, scopes.join(","), self.name)?;
        match (self.revoked_at, self.expires_at) {
            (Some(at), _) => write!(f, "  revoked {}", at.format("%F")),
            (None, Some(at)) => write!(f, "  expires {}", at.format("%F")),
            (None, None) => Ok(()),
        }
    }
}

impl Readable for CreatedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Created token {}: {}", self.details.name, self.details.id)?;
        write!(f, "\n  {}\n\nSave it now: it is not shown again.", self.token)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Revoked(ApiToken);

impl Readable for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token {} is revoked; running servers refuse it within two seconds.", self.0.name)
    }
}
