//! The loop that works jobs.

use super::attempt::{Attempt, LEASE_ENDED, outcome};
use super::job::Lease;
use super::kind::Handlers;
use super::store::{self, ClaimedJob};
use super::unreadable::Unreadable;
use crate::context::Context;
use crate::db::Tx;
use crate::db::queue::{self, Claim, Queue};
use crate::error::Result;
use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often the depth of the queue is measured.
const DEPTH_PERIOD: Duration = Duration::from_secs(15);

/// How a worker goes about its work.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How many jobs it works at once.
    pub at_once: usize,
    /// How long it has a job without renewing the lease.
    pub lease: Duration,
    /// How often it looks for jobs.
    pub poll: Duration,
    /// How long its jobs may go on when it is stopped.
    pub grace: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            at_once: 8,
            lease: Duration::from_secs(60),
            poll: Duration::from_secs(1),
            grace: Duration::from_secs(5),
        }
    }
}

/// Claims jobs and has them worked.
pub struct Worker {
    context: Context,
    handlers: Arc<Handlers>,
    pace: Pace,
    owner: Uuid,
    unreadable: Unreadable,
    measured: Option<Instant>,
    abandon: CancellationToken,
    working: JoinSet<()>,
}

impl Worker {
    /// A worker that has done nothing yet.
    pub fn new(context: &Context, handlers: Handlers, pace: Pace) -> Self {
        Self {
            context: context.clone(),
            handlers: Arc::new(handlers),
            pace,
            owner: context.ids.next(),
            unreadable: Unreadable::default(),
            measured: None,
            abandon: CancellationToken::new(),
            working: JoinSet::new(),
        }
    }

    /// Works until `stop`, lets jobs under way finish for a while, and gives back those that do not.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut failing = false;
        while !stop.is_cancelled() {
            match self.look().await {
                Ok(()) => failing = false,
                Err(error) if !failing => {
                    failing = true;
                    tracing::warn!(%error, "jobs cannot be claimed");
                }
                Err(_) => {}
            }
            tokio::select! {
                () = stop.cancelled() => {}
                Some(_) = self.working.join_next() => {}
                () = tokio::time::sleep(self.pace.poll) => {}
            }
        }
        let finish = async { while self.working.join_next().await.is_some() {} };
        if tokio::time::timeout(self.pace.grace, finish).await.is_err() {
            self.abandon.cancel();
            while self.working.join_next().await.is_some() {}
        }
    }

    /// Gives back what other workers have left behind, and starts as many jobs as there is room for.
    async fn look(&mut self) -> Result<()> {
        while self.working.try_join_next().is_some() {}
        let kinds = self.handlers.kinds();
        self.unreadable.look(&self.context, &kinds).await?;
        self.measure().await?;
        while let room @ 1.. = self.pace.at_once.saturating_sub(self.working.len()) {
            let kinds = self.unreadable.readable(&kinds);
            if kinds.is_empty() {
                break;
            }
            let claimed_at = Instant::now();
            let claimed = self.claim(&kinds, room).await?;
            let full = claimed.len() == room;
            for job in claimed {
                self.start(job, claimed_at).await?;
            }
            if !full {
                break;
            }
        }
        Ok(())
    }

    /// Counts from time to time what waits and what is being worked, for the metrics.
    async fn measure(&mut self) -> Result<()> {
        if self.measured.is_some_and(|at| at.elapsed() < DEPTH_PERIOD) {
            return Ok(());
        }
        let mut tx = self.context.db.read_global().await?;
        let depth = queue::depth(&mut tx, Queue::JOBS).await?;
        self.context.metrics.jobs(depth.waiting, depth.processing);
        self.measured = Some(Instant::now());
        Ok(())
    }

    async fn claim(&self, kinds: &[&'static str], room: usize) -> Result<Vec<ClaimedJob>> {
        let mut tx = self.context.db.begin_global().await?;
        let Some(now) = self.context.database_clock.now_to_claim(&mut tx).await? else {
            return Ok(Vec::new());
        };
        self.give_back(&mut tx, kinds, now).await?;
        let except = self.unreadable.jobs(kinds);
        let (owner, lease) = (self.owner, self.pace.lease);
        let claim = Claim { kinds, except: &except, most: room, owner, lease, now };
        let claimed = queue::claim(&mut tx, Queue::JOBS, claim).await?;
        tx.commit().await?;
        Ok(claimed)
    }

    async fn give_back(&self, tx: &mut Tx, kinds: &[&'static str], now: DateTime<Utc>) -> Result<()> {
        for job in queue::expired::<ClaimedJob>(tx, Queue::JOBS, kinds, self.pace.lease, now).await? {
            let Some(handler) = self.handlers.get(&job.kind) else { continue };
            let (kind, wait) = (handler.kind, handler.wait(job.attempts, &self.context.random));
            let hold = (job.id, job.fence);
            let status = store::fail(tx, hold, Some(LEASE_ENDED), false, now + wait, now).await?;
            let outcome = outcome(status.as_deref());
            tracing::warn!(kind, job = %job.id, attempt = job.attempts, outcome, "the lease on a job has ended");
            self.context.metrics.run(kind, outcome, self.context.clock.now().timestamp());
        }
        Ok(())
    }

    /// Starts the work on a job; one that cannot be read is put back.
    async fn start(&mut self, job: ClaimedJob, claimed_at: Instant) -> Result<()> {
        let Some(handler) = self.handlers.get(&job.kind) else { return Ok(()) };
        let (id, number) = (job.id, job.attempts);
        let lease = Lease::new(&job, &self.context, self.pace.lease, claimed_at);
        let work = (handler.start)(job, lease.clone());
        let attempt = Attempt { context: self.context.clone(), handler, number, lease };
        match work {
            Ok(work) => {
                self.working.spawn(attempt.run(work, self.abandon.clone()));
                Ok(())
            }
            Err(error) => {
                self.unreadable.add(attempt.handler.kind, id, &error, &self.context.metrics);
                attempt.release().await
            }
        }
    }
}
