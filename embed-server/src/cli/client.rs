//! `embed-server client`.

use super::domain::ModuleArgs;
use super::span;
use crate::output::{List, Output, Readable};
use chrono::TimeDelta;
use clap::{Args, Subcommand};
use embed_base::Context;
use embed_base::events::activity::Actor;
use embed_base::http::{Scope, ScopeSet};
use embed_base::{Error, Result};
use embed_core::accounts::Accounts;
use embed_core::modules::Modules;
use embed_core::oauth::{Client, ClientChanges, CreatedClient, NewClient, OAuth};
use embed_core::sites::Sites;
use serde::Serialize;
use std::fmt;

/// Its subcommands.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Register an app that may ask people for access to a module's data; its secret is printed only once
    Create(Box<Create>),
    /// List a module's apps
    List {
        #[command(flatten)]
        module: ModuleArgs,
    },
    /// Show an app
    Show {
        /// Its client id
        client: String,
    },
    /// Change an app
    Set(Box<Set>),
    /// Give an app a new secret; the old one keeps working for a while
    Rotate {
        /// Its client id
        client: String,
        /// How long the old one keeps working
        #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = span::parse)]
        overlap: TimeDelta,
    },
    /// Delete an app; everything that people have allowed it ends
    Delete {
        /// Its client id
        client: String,
    },
}

#[derive(Args)]
pub(super) struct Create {
    /// Its name, which people are shown
    name: String,
    #[command(flatten)]
    module: ModuleArgs,
    /// An address that a person may be sent back to; may be repeated
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// The most that it may ask for: read, write, delete, for one collection as in read:entries, profile
    #[arg(long, value_name = "SCOPE,…", value_delimiter = ',', required = true)]
    scopes: Vec<String>,
    /// It runs on people's own devices or in their browsers, so it can keep no secret and gets none
    #[arg(long)]
    public: bool,
    /// Let it get tokens of its own, without a person
    #[arg(long, conflicts_with = "public")]
    client_credentials: bool,
    /// The origin of web pages that may use its tokens, besides those of its redirect URIs; may be repeated
    #[arg(long = "origin", value_name = "URL")]
    origins: Vec<String>,
    #[command(flatten)]
    pages: Pages,
}

/// Options that are not given stay unchanged.
#[derive(Args)]
pub(super) struct Set {
    /// Its client id
    client: String,
    /// Its name; people are asked for their consent again
    #[arg(long)]
    name: Option<String>,
    /// An address that a person may be sent back to; may be repeated, and replaces those before
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// The most that it may ask for
    #[arg(long, value_name = "SCOPE,…", value_delimiter = ',')]
    scopes: Option<Vec<String>>,
    /// The origin of web pages that may use its tokens; may be repeated, and replaces those before
    #[arg(long = "origin", value_name = "URL", conflicts_with = "no_origins")]
    origins: Vec<String>,
    /// Only web pages of its redirect URIs may use its tokens
    #[arg(long)]
    no_origins: bool,
    /// Let it get tokens of its own, without a person; the operator of the server answers for them
    #[arg(long, conflicts_with = "no_client_credentials")]
    client_credentials: bool,
    /// Let it get no tokens of its own, and end those that it has
    #[arg(long)]
    no_client_credentials: bool,
    /// Switch it off: it gets no tokens, and its tokens are refused
    #[arg(long, conflicts_with = "enable")]
    disable: bool,
    /// Switch it on again
    #[arg(long)]
    enable: bool,
    #[command(flatten)]
    pages: Pages,
}

/// The pages of an app; when it changes, an empty address removes one.
#[derive(Args)]
struct Pages {
    /// Its website
    #[arg(long, value_name = "URL")]
    homepage: Option<String>,
    /// Where it says what it does with data
    #[arg(long, value_name = "URL")]
    privacy_url: Option<String>,
    /// Its terms
    #[arg(long, value_name = "URL")]
    terms_url: Option<String>,
}

pub(super) async fn run(command: Command, context: Context, output: Output) -> Result<()> {
    let (accounts, sites) = (Accounts::new(&context), Sites::new(&context));
    let oauth = OAuth::new(&context, accounts, Modules::new(&context)?, sites);
    let by = &Actor::CommandLine;
    match command {
        Command::Create(create) => output.print(&create.run(&oauth).await?),
        Command::List { module } => {
            let (site, module) = module.ids()?;
            let none = "This module has no apps yet. Register one with `embed-server client create NAME`.";
            output.print(&List::new(oauth.list_clients(site, module).await?, none))
        }
        Command::Show { client } => output.print(&Shown(oauth.find_client_anywhere(&client).await?)),
        Command::Set(set) => output.print(&Shown(set.run(&oauth).await?)),
        Command::Rotate { client, overlap } => {
            let client = oauth.find_client_anywhere(&client).await?;
            output.print(&oauth.rotate_client(by, client.site_id, &client.client_id, Some(overlap)).await?)
        }
        Command::Delete { client } => {
            let client = oauth.find_client_anywhere(&client).await?;
            oauth.delete_client(by, client.site_id, &client.client_id).await?;
            output.print(&Deleted(client))
        }
    }
}

impl Create {
    async fn run(self, oauth: &OAuth) -> Result<CreatedClient> {
        let (site, module_id) = self.module.ids()?;
        let new = NewClient {
            module_id,
            name: self.name,
            redirect_uris: self.redirect_uris,
            scopes: parse_scopes(&self.scopes)?,
            allowed_origins: self.origins,
            homepage: self.pages.homepage,
            privacy_url: self.pages.privacy_url,
            terms_url: self.pages.terms_url,
            confidential: !self.public,
            client_credentials: self.client_credentials,
        };
        oauth.create_client(&Actor::CommandLine, site, new).await
    }
}

impl Set {
    async fn run(self, oauth: &OAuth) -> Result<Client> {
        let page = |given: Option<String>| given.map(|url| Some(url).filter(|url| !url.is_empty()));
        let changes = ClientChanges {
            name: self.name,
            redirect_uris: (!self.redirect_uris.is_empty()).then_some(self.redirect_uris),
            scopes: self.scopes.as_deref().map(parse_scopes).transpose()?,
            allowed_origins: (self.no_origins || !self.origins.is_empty()).then_some(self.origins),
            homepage: page(self.pages.homepage),
            privacy_url: page(self.pages.privacy_url),
            terms_url: page(self.pages.terms_url),
            client_credentials: (self.client_credentials || self.no_client_credentials)
                .then_some(self.client_credentials),
            disabled: (self.disable || self.enable).then_some(self.disable),
        };
        if changes == ClientChanges::default() {
            return Err(Error::invalid(
                "Nothing to change. `embed-server client set --help` lists the options.",
            ));
        }
        let client = oauth.find_client_anywhere(&self.client).await?;
        oauth.change_client(&Actor::CommandLine, client.site_id, &client.client_id, changes).await
    }
}

fn parse_scopes(texts: &[String]) -> Result<ScopeSet> {
    texts.iter().map(|text| Scope::parse(text)).collect()
}

impl Readable for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_confidential() { "confidential" } else { "public" };
        let off = if self.disabled_at.is_some() { "  switched off" } else { "" };
        let scopes: Vec<_> = self.scopes.iter().map(ToString::to_string).collect();
        write!(f, "{}  {kind}  {}  {}{off}", self.client_id, scopes.join(","), self.name)
    }
}

impl Readable for CreatedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: client id {}", self.details.name, self.details.client_id)?;
        match &self.secret {
            Some(secret) => write!(f, "\n\n  {secret}\n\nSave this secret now: it is not shown again."),
            None => write!(f, "\n\nIt is a public client and has no secret."),
        }
    }
}

/// A client with all of its settings.
#[derive(Serialize)]
#[serde(transparent)]
struct Shown(Client);

impl Readable for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let client = &self.0;
        write!(f, "{}", client.text())?;
        let lists = [("redirect URI", &client.redirect_uris), ("origin", &client.allowed_origins)];
        for (what, list) in lists {
            for entry in list.iter() {
                write!(f, "\n  {what:<14}{entry}")?;
            }
        }
        let pages =
            [("homepage", &client.homepage), ("privacy", &client.privacy_url), ("terms", &client.terms_url)];
        for (what, page) in pages {
            if let Some(page) = page {
                write!(f, "\n  {what:<14}{page}")?;
            }
        }
        if client.client_credentials {
            let by = client.answers_by.map_or("the operator of the server".to_owned(), |id| id.to_string());
            write!(f, "\n  {:<14}without a person, for which {by} answers", "tokens")?;
        }
        Ok(())
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Deleted(Client);

impl Readable for Deleted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is deleted; running servers refuse its tokens within two seconds.", self.0.name)
    }
}
