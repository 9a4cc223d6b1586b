//! Work beside the requests. Knows no capability: `app` registers what there is to do.
//!
//! A *periodic task* has no input and is run by one server at a time; one that fails stops no other.
//!
//! A *job* is queued in the transaction of the change that makes it necessary, and survives a crash: a worker claims it with
//! a lease, and one whose worker stopped is given to another. It is tried again after a wait, and `dead` after the last attempt.
//! Its effects happen once where they are rows of ours, because it ends in their transaction, and at least once elsewhere.
//! A server leaves a job queued whose kind it does not know or whose payload it cannot read.

mod attempt;
mod job;
mod kind;
mod periodic;
mod store;
mod unreadable;
mod worker;

pub use job::{Completed, Failure, Handled, Job};
pub use kind::{Handlers, Kind};
pub use periodic::{Next, PeriodicTask};
pub use worker::{Pace, Worker};

use crate::context::Context;
use crate::db::Tx;
use crate::error::{Error, Result};
use chrono::TimeDelta;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use uuid::Uuid;

/// How long an ended job is kept; a job that is queued `once` is not queued again in this time.
const KEPT: TimeDelta = TimeDelta::days(30);
/// How many jobs are deleted in one transaction.
const BATCH: i64 = 1000;

/// The queue. Cheap to clone.
#[derive(Clone)]
pub struct Jobs {
    context: Context,
}

/// A job that is to be queued.
#[derive(Clone, Debug)]
pub struct NewJob<'a, P> {
    /// What kind of work it is.
    pub kind: Kind<P>,
    /// All that makes it another job than others of its kind.
    pub key: &'a str,
    /// What there is to do.
    pub payload: P,
    /// The organization that it is for; none where it is the installation's.
    pub organization: Option<Uuid>,
    /// The site that it is for, if it is for one.
    pub site: Option<Uuid>,
    /// Whether it is not queued again after it has ended.
    pub once: bool,
    /// How long it waits at least.
    pub delay: Duration,
}

impl Jobs {
    /// The queue of this installation.
    pub fn new(context: &Context) -> Self {
        Self { context: context.clone() }
    }

    /// Queues a job in the transaction of what makes it necessary; its id. The same work is queued once: while such a job waits,
    /// the caller joins it, and one that is being worked is worked again when it ends.
    pub async fn enqueue<P: Serialize + DeserializeOwned>(
        &self,
        tx: &mut Tx,
        job: NewJob<'_, P>,
    ) -> Result<Uuid> {
        let now = self.context.database_clock.now(tx).await?;
        let insert = store::Insert {
            id: self.context.ids.next(),
            organization: job.organization,
            site: job.site,
            kind: job.kind.name(),
            key: job.key,
            once: job.once,
            payload: serde_json::to_value(&job.payload).map_err(Error::internal)?,
            max_attempts: job.kind.max_attempts(),
            due_at: now + job.delay,
            now,
        };
        store::insert(tx, insert).await
    }

    /// Cancels a job of an organization: one that waits ends at once, and the worker of one that is being worked hears of it
    /// when it next renews its lease. `false` where there is no such job or it has ended.
    pub async fn cancel(&self, tx: &mut Tx, organization: Option<Uuid>, id: Uuid) -> Result<bool> {
        let now = self.context.database_clock.now(tx).await?;
        store::cancel(tx, organization, id, now).await
    }

    /// Deletes jobs that ended long ago.
    pub async fn prune(&self) -> Result<()> {
        loop {
            let mut tx = self.context.db.begin_global().await?;
            let before = self.context.database_clock.now(&mut tx).await? - KEPT;
            let pruned = store::prune(&mut tx, before, BATCH).await?;
            tx.commit().await?;
            if pruned < BATCH as u64 {
                return Ok(());
            }
        }
    }
}

/// Why something failed, for the log: the causes where there are any, because the sentence is for whoever sent a request.
fn reason(error: &Error) -> String {
    error.causes().unwrap_or_else(|| error.detail().to_owned())
}
