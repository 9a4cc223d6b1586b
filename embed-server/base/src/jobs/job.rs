//! A job as its handler sees it.

use super::store::{self, ClaimedJob, Standing};
use crate::context::Context;
use crate::db::Tx;
use crate::error::{Error, Result};
use serde::de::DeserializeOwned;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// A job that this worker has claimed.
pub struct Job<P> {
    /// Its id.
    pub id: Uuid,
    /// The organization that it is for; none where it is the installation's.
    pub organization: Option<Uuid>,
    /// The site that it is for, if it is for one.
    pub site: Option<Uuid>,
    /// What there is to do.
    pub payload: P,
    /// Which attempt this is, from 1.
    pub attempt: i64,
    /// How far earlier attempts came, as [`Job::progress`] has noted.
    pub done: i64,
    lease: Lease,
}

/// What a handler comes to.
pub type Handled = std::result::Result<Completed, Failure>;

/// A job that ended well: made by [`Job::complete`] or [`Job::completed`].
#[derive(Debug)]
pub struct Completed(pub(super) CompletedBy);

#[derive(Debug, PartialEq, Eq)]
pub(super) enum CompletedBy {
    /// The transaction of its effects.
    Handler,
    /// The worker, once the handler is back.
    Worker,
}

/// Why an attempt came to nothing.
#[derive(Debug)]
pub enum Failure {
    /// Another attempt may help.
    Retry(Error),
    /// No other attempt can help: what the job is about is gone or no longer allowed.
    Dead(Error),
    /// The job has been cancelled.
    Cancelled,
    /// The lease has ended, and another worker may have the job.
    LeaseLost,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Retry(error)
    }
}

impl<P: DeserializeOwned> Job<P> {
    pub(super) fn read(claimed: ClaimedJob, lease: Lease) -> Result<Self, serde_json::Error> {
        Ok(Self {
            id: claimed.id,
            organization: claimed.organization_id,
            site: claimed.site_id,
            payload: serde_json::from_value(claimed.payload.0)?,
            attempt: claimed.attempts,
            done: claimed.progress_done,
            lease,
        })
    }
}

impl<P> Job<P> {
    /// Ends the job in the transaction of its effects, which is thereby theirs or nobody's: called before the first effect,
    /// and where it fails, the transaction is dropped.
    pub async fn complete(&self, tx: &mut Tx) -> Handled {
        let now = self.lease.context.database_clock.now(tx).await?;
        if store::complete(tx, self.lease.id, self.lease.fence, now).await? {
            Ok(Completed(CompletedBy::Handler))
        } else {
            Err(Failure::LeaseLost)
        }
    }

    /// Says that the job's effects, none of which are rows of ours, are done.
    pub fn completed(&self) -> Completed {
        Completed(CompletedBy::Worker)
    }

    /// Notes in the transaction of a part of the effects how many parts of how many are done, and prolongs the lease. Where it
    /// fails, because the job was cancelled or another worker has it, the transaction is dropped.
    pub async fn progress(&self, tx: &mut Tx, done: i64, total: i64) -> Result<(), Failure> {
        self.lease.renew(tx, Some((done, total))).await
    }

    /// Prolongs the lease of work that takes long. Fails where the job was cancelled or another worker has it.
    pub async fn renew(&self) -> Result<(), Failure> {
        let mut tx = self.lease.context.db.begin_global().await?;
        self.lease.renew(&mut tx, None).await?;
        Ok(tx.commit().await?)
    }
}

/// A worker's hold on one job.
#[derive(Clone)]
pub(super) struct Lease {
    pub id: Uuid,
    pub fence: i64,
    context: Context,
    length: Duration,
    until: Arc<Mutex<Instant>>,
}

impl Lease {
    /// The lease of a job that was claimed after `claimed_at`.
    pub fn new(job: &ClaimedJob, context: &Context, length: Duration, claimed_at: Instant) -> Self {
        let until = Arc::new(Mutex::new(claimed_at + length));
        Self { id: job.id, fence: job.fence, context: context.clone(), length, until }
    }

    async fn renew(&self, tx: &mut Tx, progress: Option<(i64, i64)>) -> Result<(), Failure> {
        let asked = Instant::now();
        let now = self.context.database_clock.now(tx).await?;
        match store::renew(tx, (self.id, self.fence), progress, now + self.length).await? {
            Standing::Held => {
                *self.until.lock().unwrap_or_else(PoisonError::into_inner) = asked + self.length;
                Ok(())
            }
            Standing::Cancelled => Err(Failure::Cancelled),
            Standing::Lost => Err(Failure::LeaseLost),
        }
    }

    /// Waits until the lease has ended by this server's own clock.
    pub async fn ended(&self) {
        loop {
            let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
            if until <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }
}
