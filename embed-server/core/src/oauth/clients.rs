//! The apps that a module's admins have registered.

use super::events::{self, ClientChanged, GrantRevoked};
use super::{CLIENTS, ClientChanges, GRANTS, NewClient, OAuth, RedirectUri, store};
use crate::accounts::{Person, Role};
use crate::modules;
use crate::sites::SITES;
use chrono::{DateTime, TimeDelta, Utc};
use embed_base::cache::Read;
use embed_base::change::{Change, Listed as ListedChange};
use embed_base::crypto::{Random, hex, sha256_hex};
use embed_base::db::Tx;
use embed_base::events::activity::Actor;
use embed_base::http::{Listed, Paged, Paging, Scope, ScopeSet};
use embed_base::{Code, Error, Result};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use sqlx::FromRow;
use sqlx::types::Json;
use std::sync::Arc;
use uuid::Uuid;

/// What every client id begins with; 24 hex digits follow.
const ID_PREFIX: &str = "dram_";
/// What every client secret begins with; 64 hex digits follow.
pub const SECRET_PREFIX: &str = "dram_secret_";
/// The most clients of a module.
pub const MOST_CLIENTS: i64 = 50;
/// The default time that the old secret stays valid after a rotation.
const OVERLAP: TimeDelta = TimeDelta::hours(24);

/// A registered app, without its secret.
#[derive(Clone, Debug, PartialEq, FromRow, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Client {
    #[serde(skip)]
    pub id: Uuid,
    /// The site that it belongs to.
    pub site_id: Uuid,
    /// The module whose data it may ask for.
    pub module_id: Uuid,
    /// Its name, which people are shown.
    pub name: String,
    /// Its public identifier, `dram_` and 24 hex digits.
    pub client_id: String,
    /// Whether it has a secret, which it has to show; a public client has none.
    // SHA-256 of the secret.
    #[serde(rename = "confidential", serialize_with = "is_there")]
    #[schemars(with = "bool")]
    pub client_secret_hash: Option<String>,
    #[serde(skip)]
    pub previous_secret_hash: Option<String>,
    /// Until when the secret before the last rotation is accepted as well.
    pub previous_secret_until: Option<DateTime<Utc>>,
    /// The addresses that a person may be sent back to, compared as they stand.
    #[schemars(with = "Vec<String>")]
    pub redirect_uris: Json<Vec<String>>,
    /// The origins of web pages that may use its tokens at the module's API, besides those of its https redirect URIs.
    #[schemars(with = "Vec<String>")]
    pub allowed_origins: Json<Vec<String>>,
    /// The most that it may ask for.
    #[schemars(with = "ScopeSet")]
    pub scopes: Json<ScopeSet>,
    /// The app's website.
    pub homepage: Option<String>,
    /// Where it says what it does with data.
    pub privacy_url: Option<String>,
    /// Its terms.
    pub terms_url: Option<String>,
    /// Whether it may get tokens of its own, without a person (`client_credentials`).
    pub client_credentials: bool,
    /// The admin who answers for its own tokens; null for the operator of the server.
    pub answers_by: Option<Uuid>,
    /// When it was switched off.
    pub disabled_at: Option<DateTime<Utc>>,
    /// The person that registered it; null for the command line.
    pub created_by: Option<Uuid>,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

fn is_there<S: Serializer>(hash: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bool(hash.is_some())
}

/// A client with a new secret: the only response that contains it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CreatedClient {
    /// The secret; null for a public client.
    pub secret: Option<String>,
    /// The client without its secret.
    #[serde(flatten)]
    pub details: Client,
}

impl Listed for Client {
    const LIST: &'static str = "oauth clients";

    fn id(&self) -> Uuid {
        self.id
    }
}

impl Client {
    /// Whether it can keep a secret, so that it has to show one.
    pub fn is_confidential(&self) -> bool {
        self.client_secret_hash.is_some()
    }

    /// Its redirect URIs.
    pub fn redirect_uris(&self) -> impl Iterator<Item = RedirectUri> + '_ {
        // Each was parsed when it was registered; one that a later release refuses matches nothing.
        self.redirect_uris.iter().filter_map(|text| RedirectUri::parse(text).ok())
    }

    /// Whether this text is its current secret.
    pub fn has_secret(&self, secret: &str) -> bool {
        self.client_secret_hash.as_ref() == Some(&sha256_hex(secret.as_bytes()))
    }
}

impl OAuth {
    /// Registers a client of a module. The secret of a confidential one is in the answer and nowhere else. While the module is
    /// published, scopes can only name collections that it has.
    pub async fn create_client(&self, by: &Actor, site: Uuid, new: NewClient) -> Result<CreatedClient> {
        let module = self.modules.find(site, new.module_id).await?.id;
        let secret = new.confidential.then(|| random_secret(&self.context.random));
        let client_id = format!("{ID_PREFIX}{}", hex(&self.context.random.bytes::<12>()));
        let tenant = self.sites.tenant(site, Some(module)).await?;
        let mut change = self.context.change(&tenant, by).await?;
        check_collections(&mut change, (site, module), &new.scopes).await?;
        let ids = (change.id(), client_id, secret.as_ref().map(|secret| sha256_hex(secret.as_bytes())));
        let client = new.check(site, ids, (by, change.now(), self.context.settings.server.dev))?;
        if store::count_clients(&mut change, site, module).await? >= MOST_CLIENTS {
            let detail =
                format!("The module has {MOST_CLIENTS} apps, the most that it may have; delete one first.");
            return Err(Error::invalid(detail));
        }
        store::insert_client(&mut change, &client).await?;
        change.forget(CLIENTS, &client.client_id);
        change.forget(CLIENTS, module);
        change.commit(events::CLIENT_CREATED, &client.name).await?;
        Ok(CreatedClient { secret, details: client })
    }

    /// A page of a site's clients, newest first.
    pub async fn client_page(&self, site: Uuid, paging: &Paging<Client>) -> Result<Paged<Client>> {
        let mut tx = self.context.db.read(site).await?;
        store::client_page(&mut tx, site, paging).await.map(|found| paging.page(found))
    }

    /// A module's clients, newest first.
    pub async fn list_clients(&self, site: Uuid, module: Uuid) -> Result<Vec<Client>> {
        let mut tx = self.context.db.read(site).await?;
        store::list_clients(&mut tx, site, module).await
    }

    /// A client of a site, or 404 `client_not_found`.
    pub async fn find_client(&self, site: Uuid, client_id: &str) -> Result<Client> {
        require_client_id(client_id)?;
        let mut tx = self.context.db.read(site).await?;
        store::find_client(&mut tx, site, client_id).await?.ok_or_else(|| not_found(client_id))
    }

    /// The client with this id in any site, for an operator of the whole installation.
    pub async fn find_client_anywhere(&self, client_id: &str) -> Result<Client> {
        require_client_id(client_id)?;
        let mut tx = self.context.db.read_global().await?;
        store::client(&mut tx, client_id).await?.ok_or_else(|| not_found(client_id))
    }

    /// Changes a client. Where its name or redirect URIs change, people are asked for their consent again.
    pub async fn change_client(
        &self,
        by: &Actor,
        site: Uuid,
        client_id: &str,
        changes: ClientChanges,
    ) -> Result<Client> {
        let found = self.find_client(site, client_id).await?;
        let (mut change, old) = self.begin_client_change(by, &found).await?;
        let client = changes.apply(&old, (by, change.now(), self.context.settings.server.dev))?;
        if client == old {
            return Ok(found);
        }
        // A collection that a later version of the module lacks may stay where it was.
        let more = client.scopes.beyond(&old.scopes);
        check_collections(&mut change, (site, client.module_id), &more).await?;
        store::update_client(&mut change, &client).await?;
        if (&client.name, &client.redirect_uris) != (&old.name, &old.redirect_uris) {
            store::forget_consent(&mut change, site, client_id).await?;
            change.event(&ClientChanged { client_id, name: &client.name })?;
        }
        // Whoever takes over answers for what comes, and for no token of before.
        let is_taken_over = old.answers_by != client.answers_by;
        if old.client_credentials && (!client.client_credentials || is_taken_over) {
            revoke_grants(&mut change, &client, GrantsOf::Itself).await?;
        }
        change.forget(CLIENTS, client_id);
        change.forget(CLIENTS, client.module_id);
        change.commit(events::CLIENT_CHANGED, &client.name).await?;
        Ok(client)
    }

    /// Gives a confidential client a new secret. The old one stays valid for `overlap`, so that the app can switch without
    /// a gap; the one before it ends.
    pub async fn rotate_client(
        &self,
        by: &Actor,
        site: Uuid,
        client_id: &str,
        overlap: Option<TimeDelta>,
    ) -> Result<CreatedClient> {
        let found = self.find_client(site, client_id).await?;
        let (mut change, old) = self.begin_client_change(by, &found).await?;
        if !old.is_confidential() {
            let detail = format!("{} is a public client, which has no secret.", old.name);
            return Err(Error::invalid(detail));
        }
        let secret = random_secret(&self.context.random);
        let client = Client {
            client_secret_hash: Some(sha256_hex(secret.as_bytes())),
            previous_secret_hash: old.client_secret_hash,
            previous_secret_until: Some(change.now() + overlap.unwrap_or(OVERLAP).max(TimeDelta::zero())),
            ..old
        };
        store::update_client(&mut change, &client).await?;
        change.forget(CLIENTS, client_id);
        change.commit(events::CLIENT_ROTATED, &client.name).await?;
        Ok(CreatedClient { secret: Some(secret), details: client })
    }

    /// Deletes a client; everything that people have allowed it ends.
    pub async fn delete_client(&self, by: &Actor, site: Uuid, client_id: &str) -> Result<()> {
        let found = self.find_client(site, client_id).await?;
        let (mut change, client) = self.begin_client_change(by, &found).await?;
        revoke_grants(&mut change, &client, GrantsOf::Anybody).await?;
        store::delete_client(&mut change, site, client_id).await?;
        change.forget(CLIENTS, client_id);
        change.forget(CLIENTS, client.module_id);
        change.commit(events::CLIENT_DELETED, &client.name).await
    }

    /// The admin who answers for a client's own tokens; `None` where the person is no admin any more, and for a client that
    /// was made on the command line.
    pub async fn answers_for(&self, client: &Client) -> Result<Option<Person>> {
        let Some(id) = client.answers_by else { return Ok(None) };
        let organization = self.sites.find(client.site_id).await?.organization_id;
        let people = self.accounts.list(organization).await?;
        Ok(people.into_iter().find(|person| person.id == id && person.role >= Role::Admin))
    }

    /// The client with this id that is not switched off, from the cache.
    pub async fn client(&self, client_id: &str) -> Result<Option<Arc<Client>>> {
        if require_client_id(client_id).is_err() {
            return Ok(None);
        }
        let found = self.clients.get(client_id.to_owned(), || self.read_client(client_id.to_owned())).await?;
        Ok(found.filter(|client| client.disabled_at.is_none()))
    }

    async fn read_client(&self, client_id: String) -> Result<Read<Option<Arc<Client>>>> {
        let mut tx = self.context.db.read_global().await?;
        let found = store::client(&mut tx, &client_id).await?;
        let mut dependencies = vec![(CLIENTS, client_id)];
        dependencies.extend(found.as_ref().map(|found| (SITES, found.site_id.to_string())));
        Ok((found.map(Arc::new), dependencies))
    }

    /// Begins a change of a client, whose row nobody else can change until it ends. The row has the change's time already.
    async fn begin_client_change(
        &self,
        by: &Actor,
        found: &Client,
    ) -> Result<(Change<ListedChange>, Client)> {
        let tenant = self.sites.tenant(found.site_id, Some(found.module_id)).await?;
        let mut change = self.context.change(&tenant, by).await?;
        let now = change.now();
        let locked = store::lock_client(&mut change, found.site_id, &found.client_id, now).await?;
        Ok((change, locked.ok_or_else(|| not_found(&found.client_id))?))
    }
}

/// Refuses scopes of collections that the served version of the module does not have.
async fn check_collections(tx: &mut Tx, (site, module): (Uuid, Uuid), scopes: &ScopeSet) -> Result<()> {
    let mut named = scopes.iter().filter_map(Scope::collection);
    match modules::served_manifest(tx, site, module).await? {
        Some(manifest) => named
            .find(|name| !manifest.collections.contains_key(*name))
            .map_or(Ok(()), |unknown| Err(Error::invalid(manifest.no_collection(unknown)))),
        None => Ok(()),
    }
}

/// Whose grants to a client end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GrantsOf {
    /// Those of people, and the client's own.
    Anybody,
    /// The client's own alone.
    Itself,
}

async fn revoke_grants(change: &mut Change<ListedChange>, client: &Client, whose: GrantsOf) -> Result<()> {
    let now = change.now();
    let ended = store::revoke_grants(change, (client.site_id, &client.client_id), whose, now).await?;
    for grant_id in ended {
        change.event(&GrantRevoked { grant_id, client_id: &client.client_id })?;
        change.forget(GRANTS, grant_id);
    }
    Ok(())
}

fn random_secret(random: &Random) -> String {
    format!("{SECRET_PREFIX}{}", random.hex_token())
}

/// 404 for a text that is no client id, which PostgreSQL might not even take.
fn require_client_id(text: &str) -> Result<()> {
    let digits = text.strip_prefix(ID_PREFIX).unwrap_or_default();
    let is_id = digits.len() == 24 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_id { Ok(()) } else { Err(not_found(text)) }
}

pub(super) fn not_found(client_id: &str) -> Error {
    let shown: String = client_id.chars().take(80).collect();
    let detail = format!(
        "There is no app {} here. `embed-server client list --site … --module …` lists the apps.",
        shown.escape_debug()
    );
    Error::new(Code::ClientNotFound, detail)
}
