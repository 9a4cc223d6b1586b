//! The queue, worked by processes that are killed and stopped: what they have done is counted in a table.

use crate::app::TestApp;
use crate::story;
use embed_base::Context;
use embed_base::config::Settings;
use embed_base::db::{Tx, execute, on};
use embed_base::jobs::{Failure, Handled, Handlers, Job, Jobs, Kind, NewJob, Pace, Worker};
use embed_testing::until;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Names a worker, in the environment of its process.
const WORKER: &str = "TEST_JOB_WORKER";
/// How long its leases last, in milliseconds.
const LEASE: &str = "TEST_JOB_LEASE";
/// Where it says how far it is, and waits.
const FOLDER: &str = "TEST_JOB_FOLDER";
const LIMIT: Duration = Duration::from_secs(30);

/// Short, so that a job whose worker was killed soon has its next one; many, because a slow machine uses some up.
const WAITS: &[Duration] = &[Duration::from_millis(10); 50];
/// Does two things in one transaction.
const TOGETHER: Kind<()> = Kind::new("together", WAITS);
/// Does two things in a transaction each.
const IN_PARTS: Kind<()> = Kind::new("in_parts", WAITS);
/// Does one thing, and is not held up by the end of its lease.
const STUBBORN: Kind<()> = Kind::new("stubborn", WAITS);

story!(a_job_killed_within_a_transaction_is_done_once_by_another_worker, |app| {
    let test = Test::new(&app).await;
    let id = test.add(TOGETHER, "a").await;
    let mut first = test.worker("first", 1000);
    test.until_at("first", "between").await;
    first.kill().await.unwrap();
    let _second = test.worker("second", 1000);
    test.open("second", "between");
    test.until_completed(id).await;
    assert_eq!(test.effects().await, [effect(id, 1, "second"), effect(id, 2, "second")]);
});

story!(a_job_killed_between_transactions_is_continued_by_another_worker, |app| {
    let test = Test::new(&app).await;
    let id = test.add(IN_PARTS, "a").await;
    let mut first = test.worker("first", 1000);
    test.until_at("first", "between").await;
    assert_eq!(test.effects().await, [effect(id, 1, "first")]);
    first.kill().await.unwrap();
    let _second = test.worker("second", 1000);
    test.open("second", "between");
    test.until_completed(id).await;
    assert_eq!(test.effects().await, [effect(id, 1, "first"), effect(id, 2, "second")]);
});

story!(a_worker_stopped_for_longer_than_its_lease_repeats_nothing, |app| {
    let test = Test::new(&app).await;
    let id = test.add(STUBBORN, "a").await;
    let first = test.worker("first", 1000);
    test.until_at("first", "before").await;
    signal(&first, "STOP").await;
    let _second = test.worker("second", 1000);
    test.open("second", "before");
    test.until_completed(id).await;
    test.open("first", "before");
    signal(&first, "CONT").await;
    test.until_at("first", "lost").await;
    assert_eq!(test.effects().await, [effect(id, 1, "second")]);
});

story!(two_workers_share_the_jobs_and_do_each_once, |app| {
    let test = Test::new(&app).await;
    let mut ids = Vec::new();
    for key in 0..30 {
        ids.push(test.add(IN_PARTS, &key.to_string()).await);
    }
    let _workers = [test.worker("first", 60_000), test.worker("second", 60_000)];
    for name in ["first", "second"] {
        test.until_at(name, "between").await;
    }
    for name in ["first", "second"] {
        test.open(name, "between");
    }
    for id in &ids {
        test.until_completed(*id).await;
    }
    let effects = test.effects().await;
    for name in ["first", "second"] {
        assert!(effects.iter().any(|(_, _, worker)| worker == name), "{name} had none of them");
    }
    let done: Vec<_> = effects.into_iter().map(|(job, act, _)| (job, act)).collect();
    let mut expected: Vec<_> = ids.iter().flat_map(|id| [(id.to_string(), 1), (id.to_string(), 2)]).collect();
    expected.sort();
    assert_eq!(done, expected);
});

/// The worker of the other tests, which start it as a process of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the other tests start it"]
async fn worker_process() {
    let Some(acting) = Acting::from_environment().await else { return };
    let mut handlers = Handlers::default();
    let own = acting.clone();
    handlers.add(TOGETHER, move |job| own.clone().together(job));
    let own = acting.clone();
    handlers.add(IN_PARTS, move |job| own.clone().in_parts(job));
    let own = acting.clone();
    // What was begun goes on when the worker drops the handler.
    handlers.add(STUBBORN, move |job| {
        let acting = tokio::spawn(own.clone().stubborn(job));
        async { acting.await.unwrap() }
    });
    let lease = Duration::from_millis(std::env::var(LEASE).unwrap().parse().unwrap());
    let pace = Pace { at_once: 4, lease, poll: Duration::from_millis(20), grace: Duration::ZERO };
    Worker::new(&acting.context, handlers, pace).run(CancellationToken::new()).await;
}

/// What the worker's process acts on.
#[derive(Clone)]
struct Acting {
    name: String,
    folder: PathBuf,
    context: Context,
}

impl Acting {
    async fn from_environment() -> Option<Self> {
        let name = std::env::var(WORKER).ok()?;
        let environment: Vec<_> =
            std::env::vars().filter(|(variable, _)| !variable.starts_with("TEST_")).collect();
        let environment = environment.iter().map(|(variable, value)| (variable.as_str(), value.clone()));
        let context = embed_server::open(Settings::from_environment(environment).unwrap()).await.unwrap();
        Some(Self { name, folder: std::env::var(FOLDER).unwrap().into(), context })
    }

    async fn together(self, job: Job<()>) -> Handled {
        let mut tx = self.context.db.begin_global().await?;
        let completed = job.complete(&mut tx).await?;
        self.act(&mut tx, job.id, 1).await;
        self.pause("between").await;
        self.act(&mut tx, job.id, 2).await;
        tx.commit().await?;
        Ok(completed)
    }

    async fn in_parts(self, job: Job<()>) -> Handled {
        if job.done == 0 {
            let mut tx = self.context.db.begin_global().await?;
            job.progress(&mut tx, 1, 2).await?;
            self.act(&mut tx, job.id, 1).await;
            tx.commit().await?;
        }
        self.pause("between").await;
        let mut tx = self.context.db.begin_global().await?;
        let completed = job.complete(&mut tx).await?;
        self.act(&mut tx, job.id, 2).await;
        tx.commit().await?;
        Ok(completed)
    }

    async fn stubborn(self, job: Job<()>) -> Handled {
        self.pause("before").await;
        let mut tx = self.context.db.begin_global().await?;
        self.act(&mut tx, job.id, 1).await;
        match job.complete(&mut tx).await {
            Ok(completed) => {
                tx.commit().await?;
                Ok(completed)
            }
            Err(failure) => {
                if matches!(failure, Failure::LeaseLost) {
                    self.say("lost");
                }
                Err(failure)
            }
        }
    }

    async fn act(&self, tx: &mut Tx, job: Uuid, act: i64) {
        let text = "INSERT INTO effects (job, act, worker) VALUES ($1, $2, $3)";
        execute!(tx, sqlx::query(text).bind(job.to_string()).bind(act).bind(&self.name)).unwrap();
    }

    fn say(&self, place: &str) {
        std::fs::write(self.folder.join(format!("{}-at-{place}", self.name)), "").unwrap();
    }

    /// Says that it is at this place, and waits there until the test lets it go on.
    async fn pause(&self, place: &str) {
        self.say(place);
        let open = self.folder.join(format!("{}-from-{place}", self.name));
        while !open.exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// The test's side: the queue, and a folder in which workers say how far they are.
struct Test {
    context: Context,
    jobs: Jobs,
    folder: PathBuf,
    environment: Vec<(&'static str, String)>,
}

impl Test {
    async fn new(app: &TestApp) -> Self {
        // The processes go by the system's clock, and so does what is queued for them.
        let context = embed_server::open(app.context.settings.clone()).await.unwrap();
        let text = "CREATE TABLE effects (job TEXT NOT NULL, act BIGINT NOT NULL, worker TEXT NOT NULL)";
        let mut tx = context.db.begin_global().await.unwrap();
        execute!(&mut tx, sqlx::query(text)).unwrap();
        tx.commit().await.unwrap();
        let folder = app.database.folder.path().join("jobs");
        std::fs::create_dir(&folder).unwrap();
        Self { jobs: Jobs::new(&context), context, folder, environment: app.environment().collect() }
    }

    async fn add(&self, kind: Kind<()>, key: &str) -> Uuid {
        let mut tx = self.context.db.begin_global().await.unwrap();
        let (organization, site) = (None, None);
        let job = NewJob { kind, key, payload: (), organization, site, once: false, delay: Duration::ZERO };
        let id = self.jobs.enqueue(&mut tx, job).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// Starts a process that is killed with the test.
    fn worker(&self, name: &str, lease_millis: u64) -> Child {
        Command::new(std::env::current_exe().unwrap())
            .args(["job_workers::worker_process", "--exact", "--ignored", "--nocapture"])
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env(WORKER, name)
            .env(LEASE, lease_millis.to_string())
            .env(FOLDER, &self.folder)
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    async fn until_at(&self, worker: &str, place: &str) {
        let file = self.folder.join(format!("{worker}-at-{place}"));
        until(&format!("{worker} to be at {place}"), LIMIT, async || file.exists()).await;
    }

    /// Lets a worker go on from where it waits or will wait.
    fn open(&self, worker: &str, place: &str) {
        std::fs::write(self.folder.join(format!("{worker}-from-{place}")), "").unwrap();
    }

    async fn until_completed(&self, id: Uuid) {
        let text = "SELECT status FROM jobs WHERE id = $1";
        until("the job to be completed", LIMIT, async || {
            let mut tx = self.context.db.read_global().await.unwrap();
            let status: String =
                on!(&mut tx, |conn| sqlx::query_scalar(text).bind(id).fetch_one(conn).await).unwrap();
            status == "completed"
        })
        .await;
    }

    /// What the workers have done: job, act and worker.
    async fn effects(&self) -> Vec<(String, i64, String)> {
        let text = "SELECT job, act, worker FROM effects ORDER BY job, act";
        let mut tx = self.context.db.read_global().await.unwrap();
        on!(&mut tx, |conn| sqlx::query_as(text).fetch_all(conn).await).unwrap()
    }
}

fn effect(job: Uuid, act: i64, worker: &str) -> (String, i64, String) {
    (job.to_string(), act, worker.to_owned())
}

async fn signal(process: &Child, name: &str) {
    let command = format!("kill -{name} {}", process.id().unwrap());
    assert!(Command::new("sh").args(["-c", &command]).status().await.unwrap().success(), "{command}");
}
