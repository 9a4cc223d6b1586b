//! The tasks that run in the background.

use embed_base::Result;
use embed_base::db::Changes;
use embed_base::events;
use embed_base::jobs::{Handlers, Jobs, Next, Pace, PeriodicTask, Worker};
use embed_core::services::{Capabilities, Queues, Services};
use std::time::Duration;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// How often expired rows are deleted.
const CLEANUP_PERIOD: Duration = Duration::from_secs(10 * 60);
/// Enough to delete a month of a busy request log in batches.
const CLEANUP_LEASE: Duration = Duration::from_secs(60 * 60);
/// How often domains that are due for a check are looked for.
const DOMAIN_CHECK_PERIOD: Duration = Duration::from_secs(20);
/// A batch of checks takes less than this even if every look-up runs into its timeout.
const DOMAIN_CHECK_LEASE: Duration = Duration::from_secs(5 * 60);

/// The loops of a server.
pub(super) struct Background {
    loops: JoinSet<()>,
    /// These end by themselves when the senders of their queues are dropped.
    writing: JoinSet<()>,
    worker: JoinHandle<()>,
    stop: CancellationToken,
}

impl Background {
    pub fn start(services: &Services, queues: Queues) -> Self {
        let context = &services.context;
        let mut loops = JoinSet::new();
        loops.spawn(context.changes.clone().follow(context.db.clone()));
        loops.spawn(queues.blocked.run());
        for task in periodic_tasks(services) {
            loops.spawn(task.keep_running(context.clone()));
        }
        let mut writing = JoinSet::new();
        writing.spawn(queues.requests.run());
        writing.spawn(queues.views.run());
        let stop = CancellationToken::new();
        // No capability has jobs yet; the worker says which a newer server has queued.
        let worker = Worker::new(context, Handlers::default(), Pace::default());
        let worker = tokio::spawn(worker.run(stop.clone()));
        Self { loops, writing, worker, stop }
    }

    /// Waits at most `grace` until the queues are written, then ends all tasks.
    pub async fn stop(mut self, grace: Duration) {
        self.stop.cancel();
        let written = async { while self.writing.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, written).await.is_err() {
            self.writing.abort_all();
            tracing::warn!("the last lines of the request log or the last views were not written in time");
        }
        self.loops.shutdown().await;
        if let Err(error) = self.worker.await {
            tracing::error!(%error, "the worker failed");
        }
    }
}

/// The periodic tasks. Of all servers on a database, the one that takes the lease runs the task.
fn periodic_tasks(services: &Services) -> Vec<PeriodicTask> {
    let Capabilities { context, domains, .. } = &**services;
    let domains = domains.clone();
    vec![
        cleanup("request_partitions", services.requests.clone(), |requests| async move {
            requests.prepare().await
        }),
        cleanup(
            "request_cleanup",
            services.requests.clone(),
            |requests| async move { requests.prune().await },
        ),
        cleanup("view_cleanup", services.views.clone(), |views| async move { views.prune().await }),
        cleanup("token_cleanup", services.tokens.clone(), |tokens| async move { tokens.prune().await }),
        cleanup("oauth_cleanup", services.oauth.clone(), |oauth| async move { oauth.prune().await }),
        cleanup("idempotency_key_cleanup", services.records.clone(), |records| async move {
            records.prune().await
        }),
        cleanup("sign_in_cleanup", services.sign_in.clone(), |sign_in| async move { sign_in.prune().await }),
        cleanup(
            "session_cleanup",
            services.accounts.clone(),
            |accounts| async move { accounts.prune().await },
        ),
        cleanup(
            "activity_cleanup",
            services.activity.clone(),
            |activity| async move { activity.prune().await },
        ),
        cleanup("event_cleanup", context.clone(), |context| async move { events::prune(&context).await }),
        cleanup("record_event_cleanup", services.records.clone(), |records| async move {
            records.forget_told().await
        }),
        cleanup("change_cleanup", context.clone(), |context| async move {
            Changes::prune(&context.db, context.clock.now()).await
        }),
        cleanup("job_cleanup", Jobs::new(context), |jobs| async move { jobs.prune().await }),
        PeriodicTask::new("domain_checks", DOMAIN_CHECK_PERIOD, DOMAIN_CHECK_LEASE, move || {
            let domains = domains.clone();
            async move { Ok(if domains.check_due().await? == 0 { Next::Later } else { Next::AtOnce }) }
        }),
    ]
}

/// A task that does everything in one run.
fn cleanup<T, D, F>(name: &'static str, capability: T, run: fn(T) -> F) -> PeriodicTask
where
    T: Clone + Send + Sync + 'static,
    F: Future<Output = Result<D>> + Send + 'static,
{
    PeriodicTask::new(name, CLEANUP_PERIOD, CLEANUP_LEASE, move || {
        let run = run(capability.clone());
        async move { run.await.map(|_| Next::Later) }
    })
}
