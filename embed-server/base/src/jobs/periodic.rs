//! Periodic tasks, each with its own lease, metric and error.

use super::reason;
use crate::context::Context;
use crate::db::Lease;
use crate::error::{Error, Result};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

/// When a task that went well runs again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// At once, because it did a batch and there may be more.
    AtOnce,
    /// After its period.
    Later,
}

/// Work without input that is done again and again.
pub struct PeriodicTask {
    name: &'static str,
    period: Duration,
    lease: Duration,
    run: Box<dyn Fn() -> BoxFuture<'static, Result<Next>> + Send + Sync>,
}

impl PeriodicTask {
    /// A task that runs when the server starts and every `period` from then on. A run that takes longer than `lease` is
    /// stopped, because another server may begin its own then.
    pub fn new<F>(
        name: &'static str,
        period: Duration,
        lease: Duration,
        run: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Next>> + Send + 'static,
    {
        Self { name, period, lease, run: Box::new(move || run().boxed()) }
    }

    /// Runs the task for as long as it is polled.
    pub async fn keep_running(self, context: Context) {
        let lease = Lease::new(self.name, self.lease);
        loop {
            match self.run_as_owner(&lease, &context).await {
                Ok(Next::AtOnce) => continue,
                Ok(Next::Later) => {}
                Err(error) => {
                    tracing::warn!(task = self.name, reason = reason(&error), "a periodic task failed")
                }
            }
            tokio::time::sleep(self.period).await;
        }
    }

    /// Runs the task once, unless another server holds its lease.
    async fn run_as_owner(&self, lease: &Lease, context: &Context) -> Result<Next> {
        let (db, clock) = (&context.db, &context.database_clock);
        if !lease.take(db, clock).await? {
            return Ok(Next::Later);
        }
        let run = AssertUnwindSafe((self.run)()).catch_unwind();
        let ran = match tokio::time::timeout(self.lease, run).await {
            Ok(Ok(ran)) => ran,
            Ok(Err(_)) => Err(Error::internal("it panicked")),
            Err(_) => {
                Err(Error::internal(format!("it was stopped because it took longer than {:?}", self.lease)))
            }
        };
        context.metrics.run(
            self.name,
            if ran.is_ok() { "done" } else { "failed" },
            context.clock.now().timestamp(),
        );
        let failure = ran.as_ref().err().map(reason);
        let noted = lease.finish(db, clock, failure.as_deref()).await;
        ran.and_then(|next| noted.map(|()| next))
    }
}
