//! `embed-server user`.

use super::span;
use crate::output::Readable;
use crate::output::{List, Output};
use chrono::TimeDelta;
use clap::{Args, Subcommand};
use embed_base::Context;
use embed_base::Result;
use embed_base::events::activity::Actor;
use embed_core::accounts::{Accounts, Email, Person, PersonalToken, Role};
use embed_core::sign_in::SignIn;
use serde::Serialize;
use std::fmt;
use uuid::Uuid;

/// Its subcommands.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Add a person to an organization
    Invite(Invite),
    /// List the organization's people
    List {
        #[command(flatten)]
        organization: Organization,
    },
    /// Change a person's role
    Role {
        /// The person's email address
        email: String,
        /// owner, admin or member
        role: String,
        #[command(flatten)]
        organization: Organization,
    },
    /// Remove a person from an organization
    Remove {
        /// The person's email address
        email: String,
        #[command(flatten)]
        organization: Organization,
    },
    /// Print a link that signs a person in to the console once, within 15 minutes
    Link {
        /// The person's email address
        email: String,
    },
    /// Create a personal token for the management API; it is printed only once
    Token {
        /// The person's email address
        email: String,
        /// What it is for
        #[arg(long, default_value = "command line")]
        name: String,
        /// When it expires, such as 30d or 12h [default: never]
        #[arg(long, value_name = "SPAN", value_parser = span::parse)]
        expires: Option<TimeDelta>,
    },
    /// List a person's tokens
    Tokens {
        /// The person's email address
        email: String,
    },
    /// Revoke a person's tokens
    Revoke {
        /// The person's email address
        email: String,
        /// Only the token with this prefix, as `user tokens` lists it [default: all]
        prefix: Option<String>,
    },
}

#[derive(Args)]
pub(super) struct Organization {
    /// The organization; needed when there are several
    #[arg(long, value_name = "ID")]
    org: Option<String>,
}

#[derive(Args)]
pub(super) struct Invite {
    /// The person's email address
    email: String,
    /// The person's name [default: the local part of the address]
    #[arg(long)]
    name: Option<String>,
    /// owner, admin or member
    #[arg(long, default_value = "member", conflicts_with_all = ["owner", "admin", "member"])]
    role: String,
    /// The same as --role owner: can also manage people and delete sites
    #[arg(long, conflicts_with_all = ["admin", "member"])]
    owner: bool,
    /// The same as --role admin: can also change sites, modules, domains and tokens
    #[arg(long, conflicts_with = "member")]
    admin: bool,
    /// The same as --role member: can view everything
    #[arg(long)]
    member: bool,
    #[command(flatten)]
    organization: Organization,
}

/// How long the link of `user link` is valid.
const LINK_LIFETIME: TimeDelta = TimeDelta::minutes(15);

pub(super) async fn run(command: Command, context: Context, output: Output) -> Result<()> {
    let accounts = Accounts::new(&context);
    match command {
        Command::Invite(invite) => {
            let role = invite.role()?;
            let email = Email::parse(&invite.email)?;
            let organization = invite.organization.find(&accounts).await?;
            let person = accounts
                .invite(&Actor::CommandLine, organization, email, invite.name.as_deref(), role)
                .await?;
            let letter = accounts.write_invitation(&person.email).await?;
            let console = format!("{}/console", context.settings.server.public_url);
            output.print(&Invited { person, letter, console })
        }
        Command::List { organization } => {
            let people = accounts.list(organization.find(&accounts).await?).await?;
            let none = "This organization has no people yet. Invite its first owner with `embed-server user invite EMAIL --owner`.";
            output.print(&List::new(people, none))
        }
        Command::Role { email, role, organization } => {
            let (email, role) = (Email::parse(&email)?, Role::parse(&role)?);
            let organization = organization.find(&accounts).await?;
            output.print(&accounts.set_role(&Actor::CommandLine, organization, &email, role).await?)
        }
        Command::Remove { email, organization } => {
            let email = Email::parse(&email)?;
            let organization = organization.find(&accounts).await?;
            output.print(&Removed(accounts.remove(&Actor::CommandLine, organization, &email).await?))
        }
        Command::Link { email } => {
            let email = Email::parse(&email)?;
            let sign_in = SignIn::new(&context, accounts.clone())?;
            let path = sign_in.single_use_link(&email, LINK_LIFETIME).await?;
            let link = format!("{}{path}", context.settings.server.public_url);
            output.print(&SignInLink { email, link })
        }
        Command::Token { email, name, expires } => {
            let email = Email::parse(&email)?;
            let (about, secret) = accounts.token(&Actor::CommandLine, &email, &name, expires).await?;
            let server = context.settings.server.public_url.clone();
            output.print(&CreatedPersonalToken { about, token: secret.reveal().to_owned(), email, server })
        }
        Command::Tokens { email } => {
            let email = Email::parse(&email)?;
            let none = "This person has no active tokens. Create one with `embed-server user token EMAIL`.";
            output.print(&List::new(accounts.tokens(&email).await?, none))
        }
        Command::Revoke { email, prefix } => {
            let email = Email::parse(&email)?;
            let revoked = accounts.revoke(&Actor::CommandLine, &email, prefix.as_deref()).await?;
            output.print(&Revoked { email, revoked })
        }
    }
}

impl Organization {
    async fn find(&self, accounts: &Accounts) -> Result<Uuid> {
        let named = self.org.as_deref().map(super::org::id);
        accounts.organization(named.transpose()?).await
    }
}

impl Invite {
    fn role(&self) -> Result<Role> {
        match (self.owner, self.admin, self.member) {
            (true, ..) => Ok(Role::Owner),
            (_, true, _) => Ok(Role::Admin),
            (.., true) => Ok(Role::Member),
            _ => Role::parse(&self.role),
        }
    }
}

/// A line of `user list`.
impl Readable for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}  {}", self.email, self.role, self.name)
    }
}

#[derive(Serialize)]
struct Invited {
    #[serde(flatten)]
    person: Person,
    /// Whether an invitation was sent by email.
    letter: bool,
    #[serde(skip)]
    console: String,
}

impl Readable for Invited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Person { email, role, .. } = &self.person;
        let sent = if self.letter { "; an email is on its way" } else { "" };
        writeln!(f, "{email} is {} {role} now{sent}.", if *role == Role::Member { "a" } else { "an" })?;
        writeln!(f, "\nTo sign in with this address:\n  {}", self.console)?;
        write!(f, "\nFor programs that act as this person:\n  embed-server user token {email}")
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Removed(Person);

impl Readable for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is removed. Their tokens no longer give access to this organization.", self.0.email)
    }
}

#[derive(Serialize)]
struct SignInLink {
    email: Email,
    link: String,
}

impl Readable for SignInLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.link)?;
        write!(
            f,
            "\nWhoever opens this link within 15 minutes is signed in as {}. It works once.",
            self.email
        )
    }
}

/// A line of `user tokens`.
impl Readable for PersonalToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…  {}, created {}", self.prefix, self.name, self.created_at.format("%Y-%m-%d"))?;
        match self.expires_at {
            Some(end) => write!(f, ", expires {}", end.format("%Y-%m-%d %H:%M UTC")),
            None => f.write_str(", never expires"),
        }
    }
}

/// The only place where the secret is shown.
#[derive(Serialize)]
struct CreatedPersonalToken {
    #[serde(flatten)]
    about: PersonalToken,
    token: String,
    email: Email,
    /// The server's public URL.
    #[serde(skip)]
    server: String,
}

impl Readable for CreatedPersonalToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.token)?;
        write!(
            f,
            "\nThis token is shown only once: keep it safe. A program with it can do whatever {} can:\n  curl -H 'Authorization: Bearer {}' {}/api/v1/sites",
            self.email, self.token, self.server
        )
    }
}

#[derive(Serialize)]
struct Revoked {
    email: Email,
    revoked: u64,
}

impl Readable for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.revoked {
            0 => write!(f, "{} had no active token.", self.email),
            1 => write!(f, "Revoked a token of {}.", self.email),
            count => write!(f, "Revoked {count} tokens of {}.", self.email),
        }
    }
}
