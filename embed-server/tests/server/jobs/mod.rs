//! The queue, worked by a worker of the test's own process. `job_workers` has workers that are processes.

mod queueing;
mod working;

use crate::app::TestApp;
use chrono::{DateTime, Utc};
use embed_base::Context;
use embed_base::clock::Clock;
use embed_base::crypto::Random;
use embed_base::db::{Db, Tx, execute, on};
use embed_base::jobs::{Handled, Handlers, Job, Jobs, Kind, NewJob, Pace, Worker};
use embed_testing::until;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::FromRow;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const LIMIT: Duration = Duration::from_secs(10);
const MINUTE: Duration = Duration::from_secs(60);
const WAITS: &[Duration] = &[MINUTE, Duration::from_secs(600)];

const COUNT: Kind<i64> = Kind::new("count", WAITS);

const PACE: Pace =
    Pace { at_once: 4, lease: MINUTE, poll: Duration::from_millis(20), grace: Duration::from_millis(500) };

/// The queue of a server's database, with a context of its own, so that signals and metrics are the test's alone.
struct TestQueue {
    context: Context,
    jobs: Jobs,
}

#[derive(Debug, FromRow)]
struct Row {
    status: String,
    attempts: i64,
    due_at: DateTime<Utc>,
    progress_done: i64,
    progress_total: Option<i64>,
    error_message: Option<String>,
    finished_at: Option<DateTime<Utc>>,
}

impl TestQueue {
    async fn new(app: &TestApp) -> Self {
        Self::with_clock(app, app.context.clock.clone()).await
    }

    /// The queue of a server that goes by another clock.
    async fn with_clock(app: &TestApp, clock: Clock) -> Self {
        let settings = app.context.settings.clone();
        let context = embed_server::open_with(settings, clock, Random::seeded(3)).await.unwrap();
        let mut tx = context.db.begin_global().await.unwrap();
        let text = "CREATE TABLE IF NOT EXISTS effects (number BIGINT NOT NULL)";
        execute!(&mut tx, sqlx::query(text)).unwrap();
        tx.commit().await.unwrap();
        Self { jobs: Jobs::new(&context), context }
    }

    async fn add<P: Serialize + DeserializeOwned>(&self, job: NewJob<'_, P>) -> Uuid {
        let mut tx = self.context.db.begin_global().await.unwrap();
        let id = self.jobs.enqueue(&mut tx, job).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    async fn cancel(&self, organization: Option<Uuid>, id: Uuid) -> bool {
        let mut tx = self.context.db.begin_global().await.unwrap();
        let cancelled = self.jobs.cancel(&mut tx, organization, id).await.unwrap();
        tx.commit().await.unwrap();
        cancelled
    }

    async fn now(&self) -> DateTime<Utc> {
        let mut tx = self.context.db.read_global().await.unwrap();
        self.context.database_clock.now(&mut tx).await.unwrap()
    }

    async fn find(&self, id: Uuid) -> Option<Row> {
        let text =
            "SELECT status, attempts, due_at, progress_done, progress_total, error_message, finished_at
             FROM jobs WHERE id = $1";
        let mut tx = self.context.db.read_global().await.unwrap();
        on!(&mut tx, |conn| sqlx::query_as(text).bind(id).fetch_optional(conn).await).unwrap()
    }

    async fn row(&self, id: Uuid) -> Row {
        self.find(id).await.unwrap()
    }

    async fn until(&self, id: Uuid, status: &str) {
        until(&format!("the job to be {status}"), LIMIT, async || self.row(id).await.status == status).await;
    }

    async fn effects(&self) -> Vec<i64> {
        let text = "SELECT number FROM effects ORDER BY number";
        let mut tx = self.context.db.read_global().await.unwrap();
        on!(&mut tx, |conn| sqlx::query_scalar(text).fetch_all(conn).await).unwrap()
    }

    fn work<P, F>(&self, kind: Kind<P>, handler: impl Fn(Job<P>) -> F + Send + Sync + 'static) -> Running
    where
        P: Serialize + DeserializeOwned + Send + 'static,
        F: Future<Output = Handled> + Send + 'static,
    {
        self.work_with(kind, handler, PACE)
    }

    fn work_with<P, F>(
        &self,
        kind: Kind<P>,
        handler: impl Fn(Job<P>) -> F + Send + Sync + 'static,
        pace: Pace,
    ) -> Running
    where
        P: Serialize + DeserializeOwned + Send + 'static,
        F: Future<Output = Handled> + Send + 'static,
    {
        let mut handlers = Handlers::default();
        handlers.add(kind, handler);
        let stop = CancellationToken::new();
        let worker = Worker::new(&self.context, handlers, pace);
        Running { running: tokio::spawn(worker.run(stop.clone())), stop }
    }
}

/// A worker that runs.
struct Running {
    running: JoinHandle<()>,
    stop: CancellationToken,
}

impl Running {
    async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(LIMIT, self.running).await.expect("the worker to stop").unwrap();
    }

    /// Ends it and its handlers where they stand.
    async fn crash(self) {
        self.running.abort();
        assert!(self.running.await.unwrap_err().is_cancelled());
    }
}

fn new<P>(kind: Kind<P>, key: &str, payload: P) -> NewJob<'_, P> {
    NewJob { kind, key, payload, organization: None, site: None, once: false, delay: Duration::ZERO }
}

async fn complete(db: Db, job: Job<i64>) -> Handled {
    let mut tx = db.begin_global().await?;
    let completed = job.complete(&mut tx).await?;
    effect(&mut tx, job.payload).await;
    tx.commit().await?;
    Ok(completed)
}

async fn effect(tx: &mut Tx, number: i64) {
    execute!(tx, sqlx::query("INSERT INTO effects (number) VALUES ($1)").bind(number)).unwrap();
}

/// How many attempts of the kind `count` had this outcome.
fn runs(context: &Context, outcome: &str) -> u64 {
    let start = format!("embed_job_runs_total{{job=\"count\",outcome=\"{outcome}\"}} ");
    let metrics = context.metrics.render();
    metrics.lines().find_map(|line| line.strip_prefix(&start)).map_or(0, |count| count.parse().unwrap())
}
