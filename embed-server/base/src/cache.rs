//! A cache whose entries know what they depend on. An entry is valid until a later change names one of its
//! dependencies.

use crate::db::{ChangePosition, Changes, Topic};
use crate::error::{Error, Result};
use crate::metrics::CacheMetrics;
use moka::future::Cache;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The longest life of an entry. Changes are kept longer than that, so an entry cannot outlive the record of its
/// change.
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// A value that was read, and the topics and keys that it depends on, including those of absent things.
pub type Read<V> = (V, Vec<(Topic, String)>);

/// Values by key. Cheap to clone; clones share their entries.
pub struct RevisionCache<K, V> {
    entries: Cache<K, Arc<Entry<V>>>,
    changes: Changes,
    metrics: CacheMetrics,
}

impl<K, V> Clone for RevisionCache<K, V> {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone(), changes: self.changes.clone(), metrics: self.metrics.clone() }
    }
}

struct Entry<V> {
    value: V,
    dependencies: Vec<(Topic, String)>,
    /// The latest position in the sequence of changes at which no dependency had changed.
    valid_at: Mutex<ChangePosition>,
}

impl<V> Entry<V> {
    fn is_valid(&self, changes: &Changes) -> bool {
        let now = changes.position();
        let mut valid_at = self.valid_at.lock().unwrap_or_else(PoisonError::into_inner);
        // Usually nothing has changed since the last lookup.
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
    /// A cache of at most `capacity` entries with a lifetime of `life`, at most ten minutes.
    pub fn new(changes: &Changes, metrics: CacheMetrics, capacity: u64, life: Duration) -> Self {
        let entries = Cache::builder().max_capacity(capacity).time_to_live(life.min(LONGEST)).build();
        Self { entries, changes: changes.clone(), metrics }
    }

    /// The value of `key`, from the cache or by `read`. Concurrent callers share one read; if it fails, all get the
    /// error.
    pub async fn get<F>(&self, key: K, read: impl Fn() -> F) -> Result<V>
    where
        F: Future<Output = Result<Read<V>>> + Send,
    {
        let cached = self.entries.get(&key).await.filter(|entry| entry.is_valid(&self.changes));
        self.metrics.count(cached.is_some());
        match cached {
            Some(entry) => Ok(entry.value.clone()),
            // The box keeps this rare path from enlarging the future of every request.
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
            // The entry is old, or its reading began before a change that is known by now.
            self.entries.invalidate(&key).await;
        }
    }
}
