//! Kinds of jobs, and what a worker does for each.

use super::job::{Handled, Job, Lease};
use super::store::ClaimedJob;
use crate::crypto::Random;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

/// A kind of job whose payload is a `P`. A payload holds ids and never a secret.
pub struct Kind<P> {
    name: &'static str,
    waits: &'static [Duration],
    payload: PhantomData<fn(P) -> P>,
}

impl<P: Serialize + DeserializeOwned> Kind<P> {
    /// A kind that is tried again after each of these waits, and is dead when the attempt after the last one fails.
    pub const fn new(name: &'static str, waits: &'static [Duration]) -> Self {
        Self { name, waits, payload: PhantomData }
    }

    pub(super) fn name(self) -> &'static str {
        self.name
    }

    pub(super) fn max_attempts(self) -> i64 {
        self.waits.len() as i64 + 1
    }
}

impl<P> Clone for Kind<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Kind<P> {}

impl<P> fmt::Debug for Kind<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kind({})", self.name)
    }
}

/// Starts the work on a job, or says why its payload cannot be read.
type Start =
    Box<dyn Fn(ClaimedJob, Lease) -> Result<BoxFuture<'static, Handled>, serde_json::Error> + Send + Sync>;

/// What a worker does, by kind.
#[derive(Default)]
pub struct Handlers(BTreeMap<&'static str, Arc<Handler>>);

/// What a worker does with jobs of one kind.
pub(super) struct Handler {
    pub kind: &'static str,
    pub start: Start,
    waits: &'static [Duration],
}

impl Handlers {
    /// Has jobs of a kind worked by `handler`.
    pub fn add<P, F>(&mut self, kind: Kind<P>, handler: impl Fn(Job<P>) -> F + Send + Sync + 'static)
    where
        P: Serialize + DeserializeOwned + Send + 'static,
        F: Future<Output = Handled> + Send + 'static,
    {
        let start: Start = Box::new(move |claimed, lease| Ok(handler(Job::read(claimed, lease)?).boxed()));
        self.0.insert(kind.name, Arc::new(Handler { kind: kind.name, start, waits: kind.waits }));
    }

    pub(super) fn get(&self, kind: &str) -> Option<Arc<Handler>> {
        self.0.get(kind).cloned()
    }

    pub(super) fn kinds(&self) -> Vec<&'static str> {
        self.0.keys().copied().collect()
    }
}

impl Handler {
    /// How long a job waits after so many attempts: up to a fifth longer than its kind says, so that what failed together does
    /// not come back together.
    pub fn wait(&self, attempts: i64, random: &Random) -> Duration {
        let tried = usize::try_from(attempts).unwrap_or(usize::MAX);
        let wait = self.waits.get(tried.saturating_sub(1)).or(self.waits.last()).copied().unwrap_or_default();
        let chance = f64::from(u32::from_le_bytes(random.bytes())) / f64::from(u32::MAX);
        wait.mul_f64(1.0 + chance / 5.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_follow_the_attempts_and_spread_by_a_fifth() {
        const WAITS: &[Duration] = &[Duration::from_secs(100), Duration::from_secs(500)];
        let start: Start = Box::new(|_, _| Ok(std::future::pending().boxed()));
        let (handler, random) = (Handler { kind: "any", start, waits: WAITS }, Random::seeded(1));
        // An older server may have allowed more attempts than this one.
        for (attempts, shortest) in [(1, 100), (2, 500), (9, 500)] {
            let waits: Vec<_> = (0..100).map(|_| handler.wait(attempts, &random).as_secs()).collect();
            assert!(waits.iter().all(|wait| (shortest..=shortest * 6 / 5).contains(wait)), "{waits:?}");
            assert!(waits.iter().any(|wait| *wait > shortest * 11 / 10), "{waits:?}");
        }
    }
}
