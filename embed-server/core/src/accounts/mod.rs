//! Who operates this installation: organizations, the people in them, and what each may do. A fresh database has one
//! organization, and as long as there is no other nobody needs to name it.
//!
//! Whoever calls a management route or opens a page of the console is an [`Operator`], a person with a role in each
//! organization that he is in: proved by a personal token, or by a session that began with a code, with GitHub's word, or
//! with a link. Who only guesses learns nothing, not even which addresses are known. Roles and tokens are answered from
//! memory; a change is seen by every server within two seconds. An organization that has an owner keeps one.

mod browser;
mod email;
mod events;
mod github;
mod links;
mod operator;
mod organizations;
mod role;
mod sessions;
mod sign_in;
mod store;
mod tokens;

pub use browser::Browser;
pub use email::Email;
pub use events::ACTIONS;
pub use github::{Attempt, GitHub};
pub use links::LinkKind;
pub use operator::Operator;
pub use organizations::{ManagedOrganization, Organization};
pub use role::{Admin, AtLeast, Member, Owner, Role};
pub use sessions::{LONGEST, Proof, Session, StartedSession};
pub use sign_in::CODES_PER_MINUTE;
pub use tokens::PersonalToken;

use chrono::{DateTime, Utc};
use embed_base::Context;
use embed_base::cache::RevisionCache;
use embed_base::change::{Change, Listed};
use embed_base::db::Topic;
use embed_base::db::Tx;
use embed_base::events::activity::Actor;
use embed_base::names;
use embed_base::{Code, Error, Result};
use operator::Known;
use serde::Serialize;
use sqlx::FromRow;
use std::time::Duration;
use store::StoredUser;
use uuid::Uuid;

/// A person, by id: memberships, roles and credentials.
pub const MEMBERS: Topic = Topic("members");
/// A personal token, by its hash.
const PERSONAL_TOKENS: Topic = Topic("personal_tokens");

/// Personal tokens that are remembered, at some 500 bytes each.
const REMEMBERED: u64 = 10_000;
/// How long a token is believed when nothing is heard from the database.
const BELIEVED: Duration = Duration::from_secs(30);

/// A person in an organization.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// The person's id, the same in every organization.
    pub id: Uuid,
    /// The address by which he is known.
    pub email: Email,
    /// What people call him.
    pub name: String,
    /// The organization.
    pub organization_id: Uuid,
    /// What he may do there.
    #[sqlx(try_from = "String")]
    pub role: Role,
    /// Since when he is a member.
    pub created_at: DateTime<Utc>,
    /// When he first signed in to the console; null while he has not.
    pub signed_in_at: Option<DateTime<Utc>>,
}

/// The organizations and people. Cheap to clone; clones share what they remember.
#[derive(Clone)]
pub struct Accounts {
    context: Context,
    /// By hash: whom a personal token stands for.
    holders: RevisionCache<String, Option<Known>>,
}

impl Accounts {
    /// Builds the capability.
    pub fn new(context: &Context) -> Self {
        let looks = context.metrics.cache("personal tokens");
        let holders = RevisionCache::new(&context.changes, looks, REMEMBERED, BELIEVED);
        Self { context: context.clone(), holders }
    }

    /// The organization that is meant: the one that is named, else the only one.
    pub async fn organization(&self, named: Option<Uuid>) -> Result<Uuid> {
        let mut tx = self.context.db.read_global().await?;
        let all = store::organizations(&mut tx).await?;
        match (named, all.as_slice()) {
            (Some(id), _) if all.iter().any(|organization| organization.id == id) => Ok(id),
            (Some(id), _) => {
                Err(Error::new(Code::OrganizationNotFound, format!("There is no organization {id}.")))
            }
            (None, [only]) => Ok(only.id),
            (None, _) => Err(Error::invalid("There are several organizations; say which with --org ID.")),
        }
    }

    /// Takes somebody into an organization, whom the installation may or may not know already; he signs in with his address.
    /// 409 `member_exists` when he is in it.
    pub async fn invite(
        &self,
        by: &Actor,
        organization: Uuid,
        email: Email,
        name: Option<&str>,
        role: Role,
    ) -> Result<Person> {
        let name = checked_name(name, &email)?;
        let mut change = self.context.change_organization(organization, by).await?;
        let now = change.now();
        let user = match store::user(&mut change, &email).await? {
            Some(user) => user,
            None => {
                let user = StoredUser { id: change.id(), email, name, signed_in_at: None };
                store::insert_user(&mut change, &user, now).await?;
                user
            }
        };
        store::insert_member(&mut change, organization, &user, role, now).await?;
        change.forget(MEMBERS, user.id);
        change.detail(format!("as {role}")).commit(events::MEMBER_INVITED, user.email.as_str()).await?;
        let StoredUser { id, email, name, signed_in_at } = user;
        Ok(Person { id, email, name, organization_id: organization, role, created_at: now, signed_in_at })
    }

    /// Writes to somebody who was invited; `false` where this server sends no letters. The invitation holds without one.
    pub async fn write_invitation(&self, email: &Email) -> Result<bool> {
        let public_url = &self.context.settings.server.public_url;
        let text = format!(
            "You were invited to manage the embeds at {public_url}.\n\nSign in with this address, {email}:\n{public_url}/console\n"
        );
        self.context.mail.send(email.as_str(), "You were invited to Dramac Embed", text).await
    }

    /// The people of an organization, by address.
    pub async fn list(&self, organization: Uuid) -> Result<Vec<Person>> {
        let mut tx = self.context.db.read_global().await?;
        store::people(&mut tx, organization).await
    }

    /// Gives somebody another role. 409 `last_owner` when nobody else would be owner.
    pub async fn set_role(
        &self,
        by: &Actor,
        organization: Uuid,
        email: &Email,
        role: Role,
    ) -> Result<Person> {
        let (mut change, person) = self.change(by, organization, email).await?;
        if role < Role::Owner {
            keep_an_owner(&mut change, &person).await?;
        }
        store::set_role(&mut change, organization, person.id, role).await?;
        change.forget(MEMBERS, person.id);
        let change = change.detail(format!("from {} to {role}", person.role));
        change.commit(events::MEMBER_ROLE_CHANGED, email.as_str()).await?;
        Ok(Person { role, ..person })
    }

    /// Ends somebody's membership. Who is a member nowhere any more loses his tokens and sessions too, so that they do not
    /// come back with another invitation. 409 `last_owner` when nobody else is owner.
    pub async fn remove(&self, by: &Actor, organization: Uuid, email: &Email) -> Result<Person> {
        let (mut change, person) = self.change(by, organization, email).await?;
        keep_an_owner(&mut change, &person).await?;
        let now = change.now();
        store::remove_member(&mut change, organization, person.id).await?;
        if store::memberships(&mut change, person.id).await?.is_empty() {
            store::revoke_tokens(&mut change, person.id, None, now).await?;
            store::end_sessions(&mut change, person.id, None).await?;
        }
        change.forget(MEMBERS, person.id);
        change.commit(events::MEMBER_REMOVED, email.as_str()).await?;
        Ok(person)
    }

    /// Opens a change of one of an organization's people.
    async fn change(
        &self,
        by: &Actor,
        organization: Uuid,
        email: &Email,
    ) -> Result<(Change<Listed>, Person)> {
        let mut change = self.context.change_organization(organization, by).await?;
        store::lock_organization(&mut change, organization).await?;
        match store::person(&mut change, organization, email).await? {
            Some(person) => Ok((change, person)),
            None => Err(unknown_user(email)),
        }
    }
}

/// The organizations that a person is in: in each of their lists stands what the person does to things of their own.
async fn organizations_of(context: &Context, user: Uuid) -> Result<Vec<Uuid>> {
    let mut tx = context.db.read_global().await?;
    let memberships = store::memberships(&mut tx, user).await?;
    Ok(memberships.into_iter().map(|membership| membership.organization_id).collect())
}

/// The name that was given, else what stands before the `@` of the address.
fn checked_name(name: Option<&str>, email: &Email) -> Result<String> {
    names::checked("A person's name", name.unwrap_or_else(|| email.local_part()))
}

/// Refuses to take an organization its last owner.
async fn keep_an_owner(tx: &mut Tx, person: &Person) -> Result<()> {
    if person.role < Role::Owner || store::owners(tx, person.organization_id).await? > 1 {
        return Ok(());
    }
    let detail = format!(
        "{} is the last owner. Make somebody else owner first, in the console under People or with `embed-server user role EMAIL owner`.",
        person.email
    );
    Err(Error::new(Code::LastOwner, detail))
}

fn unknown_user(email: &Email) -> Error {
    let detail = format!(
        "{email} is not known here. `embed-server user list` prints who is, `embed-server user invite {email}` invites."
    );
    Error::new(Code::UserNotFound, detail)
}
