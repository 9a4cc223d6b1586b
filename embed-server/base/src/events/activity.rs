//! Who changed what, when and from where. An entry is written in the transaction of the change that it tells of, so there
//! is none without a change, and no change of an operator's without one.
//!
//! Events are for programs and say what became of a thing; this is for people, who want to know who it was.

use crate::db::{Tx, execute, on};
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

/// What somebody has done. The words are public: they stand in the API's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words say it")]
pub enum Action {
    OrganizationCreated,
    OrganizationRenamed,
    MemberInvited,
    MemberRoleChanged,
    MemberRemoved,
    SignedIn,
    SessionEnded,
    PersonalTokenCreated,
    PersonalTokenRevoked,
    SiteCreated,
    SiteRenamed,
    SiteDeleted,
    ModulePublished,
    ModuleRolledBack,
    ModuleUnpublished,
    DomainAdded,
    DomainChanged,
    DomainVerified,
    DomainRemoved,
    TokenCreated,
    TokenRotated,
    TokenRevoked,
}

impl Action {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OrganizationCreated => "organization.created",
            Self::OrganizationRenamed => "organization.renamed",
            Self::MemberInvited => "member.invited",
            Self::MemberRoleChanged => "member.role_changed",
            Self::MemberRemoved => "member.removed",
            Self::SignedIn => "session.started",
            Self::SessionEnded => "session.ended",
            Self::PersonalTokenCreated => "personal_token.created",
            Self::PersonalTokenRevoked => "personal_token.revoked",
            Self::SiteCreated => "site.created",
            Self::SiteRenamed => "site.renamed",
            Self::SiteDeleted => "site.deleted",
            Self::ModulePublished => "module.published",
            Self::ModuleRolledBack => "module.rolled_back",
            Self::ModuleUnpublished => "module.unpublished",
            Self::DomainAdded => "domain.added",
            Self::DomainChanged => "domain.changed",
            Self::DomainVerified => "domain.verified",
            Self::DomainRemoved => "domain.removed",
            Self::TokenCreated => "token.created",
            Self::TokenRotated => "token.rotated",
            Self::TokenRevoked => "token.revoked",
        }
    }
}

/// What an entry says besides who and when.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// What was done.
    pub action: Action,
    /// The site, where it is one's.
    pub site: Option<Uuid>,
    /// The module, where it is one's.
    pub module: Option<Uuid>,
    /// The name, at that time, of what it was done to.
    pub subject: &'a str,
    /// What else is worth knowing, such as the role before and after.
    pub detail: Option<&'a str>,
}

/// Notes what somebody has done to an organization or to the people in it.
pub async fn note(
    tx: &mut Tx,
    by: &Actor,
    organization: Uuid,
    entry: Entry<'_>,
    now: DateTime<Utc>,
) -> Result<()> {
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
            .bind(Uuid::now_v7())
            .bind(organization)
            .bind(entry.site)
            .bind(entry.module)
            .bind(by.person())
            .bind(email)
            .bind(means)
            .bind(address.map(IpAddr::to_string))
            .bind(entry.action.as_str())
            .bind(entry.subject)
            .bind(entry.detail)
            .bind(now)
    )?;
    Ok(())
}

/// Notes what somebody has done to a site or to what belongs to it; the site must still be there.
pub async fn note_at(
    tx: &mut Tx,
    by: &Actor,
    site: Uuid,
    module: Option<Uuid>,
    (action, subject): (Action, &str),
    now: DateTime<Utc>,
) -> Result<()> {
    let text = "SELECT organization_id FROM sites WHERE id = $1";
    let organization: Option<Uuid> =
        on!(tx, |conn| sqlx::query_scalar(text).bind(site).fetch_optional(conn).await)?;
    // Whoever changes what belongs to no site is about to hear that there is none.
    let Some(organization) = organization else { return Ok(()) };
    note(tx, by, organization, Entry { action, site: Some(site), module, subject, detail: None }, now).await
}
