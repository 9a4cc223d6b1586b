//! A cache whose entries know what they depend on: each counts until a later change names one of these.

use crate::db::{Changes, Position, Topic};
use crate::error::{Error, Result};
use crate::metrics::CacheLooks;
use moka::future::Cache;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The longest life of an entry. What was changed is remembered longer, so none can outlive the memory of its change.
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// What was read, and the topics and keys that it depends on, absent things included.
pub type Read<V> = (V, Vec<(Topic, String)>);

/// Values by key. Cheap to clone; clones share their entries.
pub struct RevisionCache<K, V> {
    entries: Cache<K, Arc<Entry<V>>>,
    changes: Changes,
    looks: CacheLooks,
}

impl<K, V> Clone for RevisionCache<K, V> {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone(), changes: self.changes.clone(), looks: self.looks.clone() }
    }
}

struct Entry<V> {
    value: V,
    dependencies: Vec<(Topic, String)>,
    /// Up to where nothing that it depends on was changed.
    valid_at: Mutex<Position>,
}

impl<V> Entry<V> {
    fn is_valid(&self, changes: &Changes) -> bool {
        let now = changes.position();
        let mut valid_at = self.valid_at.lock().unwrap_or_else(PoisonError::into_inner);
        // Mostly nothing has happened since the last look.
        if *valid_at == now {
            return true;
        }
        let valid = changes.unchanged(*valid_at, &self.dependencies);
        if valid {
            *valid_at = now;
        }
        valid
    }
}

impl<K: Hash + Eq + Send + Sync + Clone + 'static, V: Clone + Send + Sync + 'static> RevisionCache<K, V> {
    /// A cache of at most `capacity` entries that live for `life`, which is ten minutes at most.
    pub fn new(changes: &Changes, looks: CacheLooks, capacity: u64, life: Duration) -> Self {
        let entries = Cache::builder().max_capacity(capacity).time_to_live(life.min(LONGEST)).build();
        Self { entries, changes: changes.clone(), looks }
    }

    /// The value of `key`, from memory or by `read`. Of many who ask at once one reads; when that fails, all get the error.
    pub async fn get<F>(&self, key: K, read: impl Fn() -> F) -> Result<V>
    where
        F: Future<Output = Result<Read<V>>> + Send,
    {
        let known = self.entries.get(&key).await.filter(|entry| entry.is_valid(&self.changes));
        self.looks.note(known.is_some());
        match known {
            Some(entry) => Ok(entry.value.clone()),
            // The box keeps the rare way from making every request's future as large as itself.
            None => Box::pin(self.load(key, read)).await,
        }
    }

    async fn load<F>(&self, key: K, read: impl Fn() -> F) -> Result<V>
    where
        F: Future<Output = Result<Read<V>>> + Send,
    {
        loop {
            let position = self.changes.position();
            let reading = async {
                let (value, dependencies) = read().await?;
                Ok::<_, Error>(Arc::new(Entry { value, dependencies, valid_at: Mutex::new(position) }))
            };
            let entry = self.entries.try_get_with_by_ref(&key, reading).await;
            let entry = entry.map_err(|error| Error::shared(&error))?;
            if entry.is_valid(&self.changes) {
                return Ok(entry.value.clone());
            }
            // An old entry, or one whose reading began before the change that is known here.
            self.entries.invalidate(&key).await;
        }
    }
}
