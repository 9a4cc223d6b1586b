//! What operators changed, when and from where. An entry is written in the transaction of its change, so neither
//! exists without the other.
//!
//! Events tell programs what happened to a thing; entries tell people who did it.

use crate::db::{Tx, execute};
use crate::error::Result;
use chrono::{DateTime, Utc};
use std::net::IpAddr;
use uuid::Uuid;

/// The operator that changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A person with access to this server's machine.
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

/// How a person's request is authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// By a signed-in browser.
    Console,
    /// By a personal token.
    Api,
}

impl Actor {
    pub fn person(&self) -> Option<Uuid> {
        match self {
            Self::CommandLine => None,
            Self::Person { id, .. } => Some(*id),
        }
    }
}

/// The name of what an operator did, such as `domain.added`. Names are public: the API's list has them. Each
/// capability defines its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action(pub &'static str);

/// An entry of the list, without its actor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub id: Uuid,
    /// The organization whose list it is in.
    pub organization: Uuid,
    /// The site and the module, where the entry is about one.
    pub site: Option<Uuid>,
    pub module: Option<Uuid>,
    pub action: Action,
    /// The name, at that time, of what was changed.
    pub subject: &'a str,
    pub detail: Option<&'a str>,
    pub at: DateTime<Utc>,
}

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
