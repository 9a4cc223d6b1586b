//! The operators of this installation: organizations, the people in them, and what each may do. A new database has
//! one organization, and as long as it is the only one, nobody has to name it.
//!
//! A caller of a management route or a visitor of the console is an [`Operator`]: a person with a role in each of
//! their organizations, authenticated by a personal token or by a session. How a session begins is no concern of this
//! folder. Roles and tokens are cached; every server sees a change within two seconds. An organization that has an
//! owner always keeps one.

mod browser;
mod email;
mod events;
mod operator;
mod organizations;
mod prune;
mod role;
mod sessions;
mod store;
mod tokens;

pub use browser::Browser;
pub use email::Email;
pub use events::ACTIONS;
pub use operator::Operator;
pub use organizations::{ManagedOrganization, Organization};
pub use role::{Admin, AtLeast, Member, Owner, Role};
pub use sessions::{MAX_SESSION, Proof, Session, StartedSession};
pub use tokens::PersonalToken;

use chrono::{DateTime, Utc};
use embed_base::Context;
use embed_base::cache::RevisionCache;
use embed_base::change::{Change, Listed};
use embed_base::db::Topic;
use embed_base::db::Tx;
use embed_base::events::activity::{Actor, Means};
use embed_base::names;
use embed_base::subscriber::Ended;
use embed_base::{Code, Error, Result};
use operator::TokenHolder;
use serde::Serialize;
use sqlx::FromRow;
use std::net::IpAddr;
use std::time::Duration;
use store::StoredUser;
use uuid::Uuid;

/// A person, by id: their memberships, roles and credentials.
pub const MEMBERS: Topic = Topic("members");
/// A personal token, by its hash.
const PERSONAL_TOKENS: Topic = Topic("personal_tokens");

/// Personal tokens in the cache, about 500 bytes each.
const CACHE_ENTRIES: u64 = 10_000;
/// The longest time that a cached token is used while the database does not answer.
const CACHE_LIFETIME: Duration = Duration::from_secs(30);

/// A person in an organization.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// The person's id, the same in every organization.
    pub id: Uuid,
    /// The address that identifies them.
    pub email: Email,
    /// Their name.
    pub name: String,
    /// The organization.
    pub organization_id: Uuid,
    /// Their role there.
    #[sqlx(try_from = "String")]
    pub role: Role,
    /// When they became a member.
    pub created_at: DateTime<Utc>,
    /// When they first signed in to the console; null until then.
    pub signed_in_at: Option<DateTime<Utc>>,
}

/// Organizations and people. Cheap to clone; clones share one cache.
#[derive(Clone)]
pub struct Accounts {
    context: Context,
    /// The holders of personal tokens, by the token's hash.
    holders: RevisionCache<String, Option<TokenHolder>>,
}

impl Accounts {
    pub fn new(context: &Context) -> Self {
        let metrics = context.metrics.cache("personal tokens");
        let holders = RevisionCache::new(&context.changes, metrics, CACHE_ENTRIES, CACHE_LIFETIME);
        Self { context: context.clone(), holders }
    }

    /// The organization with this id, or the only one where no id is given.
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

    /// Adds a person to an organization and creates the person where the address is new; they sign in with their
    /// address. 409 `member_exists` for a member.
    pub async fn invite(
        &self,
        by: &Actor,
        organization: Uuid,
        email: Email,
        name: Option<&str>,
        role: Role,
    ) -> Result<Person> {
        self.add_member(by, organization, (self.context.ids.next(), email), name, role).await
    }

    /// Creates the first person, who is the owner of the organization and does this in a browser at this address.
    pub(crate) async fn create_first_owner(
        &self,
        organization: Uuid,
        email: Email,
        name: Option<&str>,
        address: IpAddr,
    ) -> Result<Person> {
        let id = self.context.ids.next();
        let actor = Actor::Person { id, email: email.to_string(), means: Means::Console, address };
        self.add_member(&actor, organization, (id, email), name, Role::Owner).await
    }

    /// Adds a person to an organization; the id is theirs where the address is new.
    async fn add_member(
        &self,
        by: &Actor,
        organization: Uuid,
        (id, email): (Uuid, Email),
        name: Option<&str>,
        role: Role,
    ) -> Result<Person> {
        let name = checked_name(name, &email)?;
        let mut change = self.context.change_organization(organization, by).await?;
        let now = change.now();
        let user = match store::user(&mut change, &email).await? {
            Some(user) => user,
            None => {
                let user = StoredUser { id, email, name, signed_in_at: None };
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

    /// Sends the mail to an invited person; `false` where this server sends no mail. The invitation is valid without
    /// it.
    pub async fn write_invitation(&self, email: &Email) -> Result<bool> {
        let public_url = &self.context.settings.server.public_url;
        let text = format!(
            "You were invited to manage the embeds at {public_url}.\n\nSign in with this address, {email}:\n{public_url}/console\n"
        );
        self.context.mail.send(email.as_str(), "You were invited to Dramac Embed", text).await
    }

    /// Whether there are people at all.
    pub async fn has_people(&self) -> Result<bool> {
        let mut tx = self.context.db.read_global().await?;
        Ok(store::users(&mut tx).await? > 0)
    }

    /// Whether the person with this address is in an organization.
    pub async fn is_member(&self, email: &Email) -> Result<bool> {
        Ok(self.member(email).await?.is_some())
    }

    /// The person with this address, if they are in an organization.
    async fn member(&self, email: &Email) -> Result<Option<StoredUser>> {
        let mut tx = self.context.db.read_global().await?;
        let Some(user) = store::user(&mut tx, email).await? else { return Ok(None) };
        let memberships = store::memberships(&mut tx, user.id).await?;
        Ok((!memberships.is_empty()).then_some(user))
    }

    /// The id of the person with this address; 404 `user_not_found` where there is none.
    pub async fn id_of(&self, email: &Email) -> Result<Uuid> {
        let mut tx = self.context.db.read_global().await?;
        let user = store::user(&mut tx, email).await?.ok_or_else(|| unknown_user(email))?;
        Ok(user.id)
    }

    /// A person's role in an organization at this moment; `None` where they are no member.
    pub async fn role_in(&self, user: Uuid, organization: Uuid) -> Result<Option<Role>> {
        let mut tx = self.context.db.read_global().await?;
        let memberships = store::memberships(&mut tx, user).await?;
        let found = memberships.into_iter().find(|membership| membership.organization_id == organization);
        Ok(found.map(|membership| membership.role))
    }

    /// A person's address and name; `None` where there is no such person.
    pub async fn profile_of(&self, user: Uuid) -> Result<Option<(Email, String)>> {
        let mut tx = self.context.db.read_global().await?;
        Ok(store::user_by_id(&mut tx, user).await?.map(|user| (user.email, user.name)))
    }

    /// The people of an organization, by address.
    pub async fn list(&self, organization: Uuid) -> Result<Vec<Person>> {
        let mut tx = self.context.db.read_global().await?;
        store::people(&mut tx, organization).await
    }

    /// Changes a person's role. 409 `last_owner` where the organization would have no owner left.
    pub async fn set_role(
        &self,
        by: &Actor,
        organization: Uuid,
        email: &Email,
        role: Role,
    ) -> Result<Person> {
        let (mut change, person) = self.change(by, organization, email).await?;
        if role < Role::Owner {
            require_another_owner(&mut change, &person).await?;
        }
        store::set_role(&mut change, organization, person.id, role).await?;
        change.ended(Ended::Role { user: person.id, organization, role: role.as_str() }).await?;
        change.forget(MEMBERS, person.id);
        let change = change.detail(format!("from {} to {role}", person.role));
        change.commit(events::MEMBER_ROLE_CHANGED, email.as_str()).await?;
        Ok(Person { role, ..person })
    }

    /// Ends a membership. The last one takes the person's tokens and sessions with it, so that a later invitation
    /// does not bring them back. 409 `last_owner` where the organization would have no owner left.
    pub async fn remove(&self, by: &Actor, organization: Uuid, email: &Email) -> Result<Person> {
        let (mut change, person) = self.change(by, organization, email).await?;
        require_another_owner(&mut change, &person).await?;
        let now = change.now();
        store::remove_member(&mut change, organization, person.id).await?;
        change.ended(Ended::Membership { user: person.id, organization }).await?;
        if store::memberships(&mut change, person.id).await?.is_empty() {
            store::revoke_tokens(&mut change, person.id, None, now).await?;
            store::end_sessions(&mut change, person.id, None).await?;
        }
        change.forget(MEMBERS, person.id);
        change.commit(events::MEMBER_REMOVED, email.as_str()).await?;
        Ok(person)
    }

    /// Begins a change of a person in an organization.
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

/// A person's organizations: each lists what the person does to their own credentials.
async fn organizations_of(context: &Context, user: Uuid) -> Result<Vec<Uuid>> {
    let mut tx = context.db.read_global().await?;
    let memberships = store::memberships(&mut tx, user).await?;
    Ok(memberships.into_iter().map(|membership| membership.organization_id).collect())
}

/// The given name, or the part of the address before the `@`.
pub(crate) fn checked_name(name: Option<&str>, email: &Email) -> Result<String> {
    names::checked("A person's name", name.unwrap_or_else(|| email.local_part()))
}

/// Refuses to remove the last owner of an organization.
async fn require_another_owner(tx: &mut Tx, person: &Person) -> Result<()> {
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
        "There is nobody with the address {email} here. `embed-server user list` lists the people, `embed-server user invite {email}` invites somebody."
    );
    Error::new(Code::UserNotFound, detail)
}
