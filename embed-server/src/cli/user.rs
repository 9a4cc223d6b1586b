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
use serde::Serialize;
use std::fmt;
use uuid::Uuid;

/// Its subcommands.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Take somebody into the organization
    Invite(Invite),
    /// List the organization's people
    List {
        #[command(flatten)]
        organization: Organization,
    },
    /// Give somebody another role
    Role {
        /// The person's e-mail address
        email: String,
        /// owner, admin or member
        role: String,
        #[command(flatten)]
        organization: Organization,
    },
    /// Take somebody out of the organization
    Remove {
        /// The person's e-mail address
        email: String,
        #[command(flatten)]
        organization: Organization,
    },
    /// Make a token with which somebody's programs call the management API; prints it once
    Token {
        /// The person's e-mail address
        email: String,
        /// What it is for
        #[arg(long, default_value = "command line")]
        name: String,
        /// When it ends, such as 30d or 12h [default: never]
        #[arg(long, value_name = "SPAN", value_parser = span::parse)]
        expires: Option<TimeDelta>,
    },
    /// List somebody's tokens
    Tokens {
        /// The person's e-mail address
        email: String,
    },
    /// End somebody's tokens
    Revoke {
        /// The person's e-mail address
        email: String,
        /// Only the one that begins so, as `user tokens` lists it [default: all of them]
        prefix: Option<String>,
    },
}

/// The organization that is meant.
#[derive(Args)]
pub(super) struct Organization {
    /// The organization; needed when there are several
    #[arg(long, value_name = "ID")]
    org: Option<String>,
}

#[derive(Args)]
pub(super) struct Invite {
    /// The person's e-mail address
    email: String,
    /// What people call the person [default: what stands before the @]
    #[arg(long)]
    name: Option<String>,
    /// owner, admin or member
    #[arg(long, default_value = "member", conflicts_with_all = ["owner", "admin", "member"])]
    role: String,
    /// The same as --role owner: manages people and deletes sites
    #[arg(long, conflicts_with_all = ["admin", "member"])]
    owner: bool,
    /// The same as --role admin: changes modules, domains and tokens
    #[arg(long, conflicts_with = "member")]
    admin: bool,
    /// The same as --role member: looks at everything
    #[arg(long)]
    member: bool,
    #[command(flatten)]
    organization: Organization,
}

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
            let none = "Nobody is here yet. `embed-server user invite EMAIL --owner` makes the first owner.";
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
        Command::Token { email, name, expires } => {
            let email = Email::parse(&email)?;
            let (about, secret) = accounts.token(&Actor::CommandLine, &email, &name, expires).await?;
            output.print(&Made { about, token: secret.reveal().to_owned(), email })
        }
        Command::Tokens { email } => {
            let email = Email::parse(&email)?;
            let none = "No token of this person is good. `embed-server user token EMAIL` makes one.";
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
    /// Whether a letter says so.
    letter: bool,
    #[serde(skip)]
    console: String,
}

impl Readable for Invited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Person { email, role, .. } = &self.person;
        let told = if self.letter { "; a letter is on its way" } else { "" };
        writeln!(f, "{email} is {} {role} now{told}.", if *role == Role::Member { "a" } else { "an" })?;
        writeln!(f, "\nTo sign in with this address:\n  {}", self.console)?;
        write!(f, "\nFor programs that act as this person:\n  embed-server user token {email}")
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Removed(Person);

impl Readable for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is out. Tokens of this person open nothing here any more.", self.0.email)
    }
}

/// A line of `user tokens`.
impl Readable for PersonalToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…  {}, made {}", self.prefix, self.name, self.created_at.format("%Y-%m-%d"))?;
        match self.expires_at {
            Some(end) => write!(f, ", ends {}", end.format("%Y-%m-%d %H:%M UTC")),
            None => f.write_str(", does not end"),
        }
    }
}

/// The secret is here and nowhere else.
#[derive(Serialize)]
struct Made {
    #[serde(flatten)]
    about: PersonalToken,
    token: String,
    email: Email,
}

impl Readable for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.token)?;
        write!(
            f,
            "\nThis is shown once: keep it safe. With it a program may whatever {} may:\n  curl -H 'Authorization: Bearer TOKEN' …/api/v1/sites",
            self.email
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
            0 => write!(f, "{} had no token that was good.", self.email),
            1 => write!(f, "Revoked a token of {}.", self.email),
            count => write!(f, "Revoked {count} tokens of {}.", self.email),
        }
    }
}
