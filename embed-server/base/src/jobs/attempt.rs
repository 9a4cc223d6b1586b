//! One attempt at a job: the handler runs for as long as the lease lasts, and what it comes to is written.

use super::job::{Completed, CompletedBy, Failure, Handled, Lease};
use super::kind::Handler;
use super::{reason, store};
use crate::context::Context;
use crate::error::{Code, Error, Result};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What is noted of a job whose lease ended before the work did.
pub(super) const LEASE_ENDED: &str = "The server that worked on this stopped, or took longer than its lease.";

/// An attempt at a job that was claimed.
pub(super) struct Attempt {
    pub context: Context,
    pub handler: Arc<Handler>,
    pub number: i64,
    pub lease: Lease,
}

impl Attempt {
    /// Runs the handler, and ends the job unless the handler has. Gives the job back when `abandon` is cancelled.
    pub async fn run(self, work: BoxFuture<'static, Handled>, abandon: CancellationToken) {
        let handled = tokio::select! {
            handled = AssertUnwindSafe(work).catch_unwind() => {
                handled.unwrap_or_else(|_| Err(Error::internal("the handler panicked").into()))
            }
            () = self.lease.ended() => Err(Error::unavailable(LEASE_ENDED, "the lease has ended").into()),
            () = abandon.cancelled() => {
                if let Err(error) = self.release().await {
                    tracing::warn!(kind = self.handler.kind, job = %self.lease.id, %error, "a job could not be given back");
                }
                return;
            }
        };
        match self.end(handled).await {
            Ok(outcome) => {
                self.context.metrics.run(self.handler.kind, outcome, self.context.clock.now().timestamp())
            }
            // The lease ends by itself, and the job is tried again.
            Err(error) => {
                tracing::warn!(kind = self.handler.kind, job = %self.lease.id, %error, "a job could not be ended")
            }
        }
    }

    /// Writes what the handler has not written itself; the outcome, for the metrics.
    async fn end(&self, handled: Handled) -> Result<&'static str> {
        let (error, no_more) = match handled {
            Ok(Completed(CompletedBy::Handler)) => return Ok("done"),
            Ok(Completed(CompletedBy::Worker)) => return self.complete().await,
            Err(Failure::LeaseLost) => return Ok("lost"),
            Err(Failure::Cancelled) => (None, false),
            Err(Failure::Retry(error)) => (Some(error), false),
            Err(Failure::Dead(error)) => (Some(error), true),
        };
        let message = error.as_ref().map(message);
        let outcome = self.fail(message, no_more).await?;
        if let Some(error) = error {
            let (id, reason) = (self.lease.id, reason(&error));
            tracing::warn!(kind = self.handler.kind, job = %id, attempt = self.number, outcome, reason, "a job failed");
        }
        Ok(outcome)
    }

    async fn complete(&self) -> Result<&'static str> {
        let mut tx = self.context.db.begin_global().await?;
        let now = self.context.database_clock.now(&mut tx).await?;
        let completed = store::complete(&mut tx, self.lease.id, self.lease.fence, now).await?;
        tx.commit().await?;
        Ok(if completed { "done" } else { "lost" })
    }

    async fn fail(&self, message: Option<&str>, no_more: bool) -> Result<&'static str> {
        let wait = self.handler.wait(self.number, &self.context.random);
        let mut tx = self.context.db.begin_global().await?;
        let now = self.context.database_clock.now(&mut tx).await?;
        let hold = (self.lease.id, self.lease.fence);
        let status = store::fail(&mut tx, hold, message, no_more, now + wait, now).await?;
        tx.commit().await?;
        Ok(outcome(status.as_deref()))
    }

    /// Puts the job back as if it had not been claimed.
    pub async fn release(&self) -> Result<()> {
        let mut tx = self.context.db.begin_global().await?;
        store::release(&mut tx, self.lease.id, self.lease.fence).await?;
        tx.commit().await
    }
}

/// The word of the metrics for the status of a job whose attempt came to nothing.
pub(super) fn outcome(status: Option<&str>) -> &'static str {
    match status {
        Some("dead") => "dead",
        Some("cancelled") => "cancelled",
        Some(_) => "failed",
        None => "lost",
    }
}

/// What is kept with the job, for the people whose job it is: nothing internal.
fn message(error: &Error) -> &str {
    if error.code() == Code::Internal {
        "Something went wrong inside the server; its log says what, under this job's id."
    } else {
        error.detail()
    }
}
