//! The keys that sign access tokens. One signs; one more is published beforehand, so that whoever has fetched the JWKS knows
//! it when it begins to sign; those that have signed stay until their last token has expired.

use super::KEY_SET;
use super::store::{self, StoredKey};
use super::token::ACCESS_SECONDS;
use chrono::{DateTime, TimeDelta, Utc};
use embed_base::cache::{Read, RevisionCache};
use embed_base::change::{Change, Unlisted};
use embed_base::crypto::Place;
use embed_base::crypto::jwt::{Jwk, JwtKey};
use embed_base::{Code, Context, Error, Result};
use serde::Serialize;
use sqlx::types::Json;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// The id of the first key, so that of servers that start together one makes it.
const FIRST: Uuid = Uuid::from_u128(1);
/// How long a key is published before it should sign: what caches of the JWKS may keep, twice.
const KNOWN_AFTER: TimeDelta = TimeDelta::minutes(10);
/// How long a key is published after its last token has expired.
const KEPT: TimeDelta = TimeDelta::hours(1);
/// The longest time that keys are cached.
const CACHE_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// The signing keys. Cheap to clone; clones share one cache.
#[derive(Clone)]
pub(super) struct Keys {
    context: Context,
    cached: RevisionCache<(), Option<Arc<KeySet>>>,
}

/// The keys of an installation.
pub(super) struct KeySet {
    signing: JwtKey,
    published: Vec<Jwk>,
}

/// What a rotation did, for operators.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RotatedKeys {
    /// The key that signs from now on.
    pub signing: String,
    /// The key that signed before, or that was compromised.
    pub ended: String,
    /// Whether the signing key was not published long enough, so that some apps do not know it yet.
    pub unknown_to_some: bool,
}

impl KeySet {
    /// The key that signs now.
    pub fn signing(&self) -> &JwtKey {
        &self.signing
    }

    /// The public keys: the one that signs, the next one, and those whose tokens may still be valid.
    pub fn published(&self) -> &[Jwk] {
        &self.published
    }

    /// The public key of this id.
    pub fn find(&self, kid: &str) -> Option<&Jwk> {
        self.published.iter().find(|key| key.kid == kid)
    }
}

impl Keys {
    pub fn new(context: &Context) -> Self {
        let metrics = context.metrics.cache("oauth keys");
        let cached = RevisionCache::new(&context.changes, metrics, 1, CACHE_LIFETIME);
        Self { context: context.clone(), cached }
    }

    /// The current keys; makes the first ones.
    pub async fn current(&self) -> Result<Arc<KeySet>> {
        if let Some(keys) = self.cached.get((), || self.read()).await? {
            return Ok(keys);
        }
        self.make_first().await?;
        // The cache learns of it with the next changes.
        let (keys, _) = self.read().await?;
        keys.ok_or_else(|| Error::internal("there is no key that signs access tokens"))
    }

    async fn read(&self) -> Result<Read<Option<Arc<KeySet>>>> {
        let mut tx = self.context.db.read_global().await?;
        let stored = store::keys(&mut tx).await?;
        drop(tx);
        let since = self.context.clock.now() - TimeDelta::seconds(ACCESS_SECONDS.into()) - KEPT;
        let published =
            stored.iter().filter(|key| key.retired_at.is_none_or(|retired| retired > since)).cloned();
        let published = published.map(|key| key.public_jwk.0).collect();
        // A key that was sealed with another secret, as in development, where each start makes one up, is passed over.
        let signing = stored.iter().rev().filter(|key| key.signs()).find_map(|key| {
            let opened = self.open(key);
            if let Err(error) = &opened {
                tracing::warn!(
                    kid = key.kid,
                    causes = error.causes(),
                    "a key of access tokens cannot be opened"
                );
            }
            opened.ok()
        });
        let keys = signing.map(|signing| Arc::new(KeySet { signing, published }));
        Ok((keys, vec![(KEY_SET, String::new())]))
    }

    fn open(&self, key: &StoredKey) -> Result<JwtKey> {
        let sealing = self.context.secret()?.sealing_key();
        JwtKey::from_pkcs8(sealing.open(place(key.id), &key.private_key)?)
    }

    async fn make_first(&self) -> Result<()> {
        let mut change = self.context.change_installation().await?;
        let now = change.now();
        let unreadable = store::keys_to_change(&mut change).await?;
        if unreadable.iter().any(|key| key.signs() && self.open(key).is_ok()) {
            // Another server has made it meanwhile.
            return Ok(());
        }
        let first = if unreadable.is_empty() { FIRST } else { change.id() };
        for key in unreadable.iter().filter(|key| key.retired_at.is_none()) {
            store::retire_key(&mut change, key.id, now).await?;
        }
        if self.insert(&mut change, first, Some(now)).await? {
            let spare = change.id();
            self.insert(&mut change, spare, None).await?;
        }
        change.forget(KEY_SET, "");
        change.commit_unlisted().await
    }

    /// Makes a key; `false` where there is one of this id.
    async fn insert(
        &self,
        change: &mut Change<Unlisted>,
        id: Uuid,
        signs_from: Option<DateTime<Utc>>,
    ) -> Result<bool> {
        let key = JwtKey::generate()?;
        let sealing = self.context.secret()?.sealing_key();
        let stored = StoredKey {
            id,
            kid: key.jwk().kid.clone(),
            private_key: sealing.seal(place(id), key.pkcs8(), &self.context.random)?,
            public_jwk: Json(key.jwk().clone()),
            published_at: change.now(),
            signs_from,
            retired_at: None,
        };
        store::insert_key(change, &stored).await
    }

    /// Lets the next key sign from now on, and publishes one more. Tokens of the key before stay valid until they expire;
    /// with `compromised`, the key of that id is deleted, and every server refuses what it signed within two seconds.
    pub async fn rotate(&self, compromised: Option<&str>) -> Result<RotatedKeys> {
        self.current().await?;
        let mut change = self.context.change_installation().await?;
        let now = change.now();
        let stored = store::keys_to_change(&mut change).await?;
        let signing = stored.iter().rfind(|key| key.signs());
        let ended = match compromised {
            None => signing,
            Some(kid) => stored.iter().find(|key| key.kid == kid),
        };
        let Some(ended) = ended else {
            let detail = format!(
                "There is no key {}. `{}/oauth/jwks` lists the keys.",
                compromised.unwrap_or_default().escape_debug(),
                self.context.settings.server.public_url
            );
            return Err(Error::new(Code::NotFound, detail));
        };
        match compromised {
            None => store::retire_key(&mut change, ended.id, now).await?,
            Some(_) => store::delete_key(&mut change, ended.id).await?,
        }
        let next = stored.iter().rfind(|key| key.signs() && key.id != ended.id);
        let spare = stored.iter().find(|key| key.is_spare() && key.id != ended.id);
        let (signing, unknown_to_some) = match (next, spare) {
            // A compromised key that no longer signed, or did not sign yet.
            (Some(signing), _) => (signing.kid.clone(), false),
            (None, Some(spare)) => {
                store::sign_from(&mut change, spare.id, now).await?;
                (spare.kid.clone(), now - spare.published_at < KNOWN_AFTER)
            }
            (None, None) => {
                let id = change.id();
                self.insert(&mut change, id, Some(now)).await?;
                (self.kid_of(&mut change, id).await?, true)
            }
        };
        if spare.is_none() || next.is_none() {
            let id = change.id();
            self.insert(&mut change, id, None).await?;
        }
        let ended = ended.kid.clone();
        change.forget(KEY_SET, "");
        change.commit_unlisted().await?;
        tracing::info!(
            signing,
            ended,
            compromised = compromised.is_some(),
            "the keys of access tokens were rotated"
        );
        Ok(RotatedKeys { signing, ended, unknown_to_some })
    }

    async fn kid_of(&self, change: &mut Change<Unlisted>, id: Uuid) -> Result<String> {
        let stored = store::keys(change).await?;
        let found = stored.into_iter().find(|key| key.id == id).map(|key| key.kid);
        found.ok_or_else(|| Error::internal("a new key is gone"))
    }

    /// Deletes keys whose last token has expired; returns how many.
    pub async fn prune(&self) -> Result<u64> {
        let mut tx = self.context.db.begin_global().await?;
        let since = self.context.clock.now() - TimeDelta::seconds(ACCESS_SECONDS.into()) - KEPT;
        let pruned = store::prune_keys(&mut tx, since).await?;
        tx.commit().await?;
        Ok(pruned)
    }
}

fn place(row: Uuid) -> Place {
    Place { column: "oauth_signing_keys.private_key", row }
}
