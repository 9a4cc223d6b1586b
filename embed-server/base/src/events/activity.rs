//! Who changed what, when and from where. An entry is written in the transaction of the change that it tells of, so there
//! is none without a change, and no change of an operator's without one.
//!
//! Events are for programs and say what became of a thing; this is for people, who want to know who it was.

use crate::db::{Tx, execute};
use crate::error::Result;
use chrono::{DateTime, Utc};
use std::net::IpAddr;
use uuid::Uuid;

/// Who changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Whoever may run commands on this server's machine.
    CommandLine,
    /// A person.
    Person {
        /// The person's id.
        id: Uuid,
        /// The person's address, which stays readable when the person is gone.
        email: String,
        /// How the request came.
        means: Means,
        /// From where.
        address: IpAddr,
    },
}

/// How a person's request comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// By a browser that is signed in.
    Console,
    /// With a personal token.
    Api,
}

impl Actor {
    /// The person's id, where it is one.
    pub fn person(&self) -> Option<Uuid> {
        match self {
            Self::CommandLine => None,
            Self::Person { id, .. } => Some(*id),
        }
    }
}

/// What somebody has done, such as `domain.added`. The words are public: they stand in the API's list. Each capability
/// defines its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action(pub &'static str);

/// An entry of the list, but for who made it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub id: Uuid,
    /// In whose list it stands.
    pub organization: Uuid,
    /// The site and the module, where it is one's.
    pub site: Option<Uuid>,
    pub module: Option<Uuid>,
    pub action: Action,
    /// The name, at that time, of what it was done to.
    pub subject: &'a str,
    pub detail: Option<&'a str>,
    pub at: DateTime<Utc>,
}

/// Writes an entry.
pub(crate) async fn insert(tx: &mut Tx, by: &Actor, entry: Entry<'_>) -> Result<()> {
    let (email, means, address) = match by {
        Actor::CommandLine => ("command line", "command line", None),
        Actor::Person { email, means: Means::Console, address, .. } => {
            (email.as_str(), "console", Some(address))
        }
        Actor::Person { email, means: Means::Api, address, .. } => (email.as_str(), "api", Some(address)),
    };
    let text = "INSERT INTO activity (id, organization_id, site_id, module_id, user_id, actor, means, ip_address, action,
         subject, detail, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    execute!(
        tx,
        sqlx::query(text)
            .bind(entry.id)
            .bind(entry.organization)
            .bind(entry.site)
            .bind(entry.module)
            .bind(by.person())
            .bind(email)
            .bind(means)
            .bind(address.map(IpAddr::to_string))
            .bind(entry.action.0)
            .bind(entry.subject)
            .bind(entry.detail)
            .bind(entry.at)
    )?;
    Ok(())
}
