//! What a server does from time to time.

use crate::app::TestApp;
use crate::story;
use chrono::TimeDelta;
use embed_base::crypto::Random;
use embed_base::db::{Lease, execute, on};
use embed_base::jobs::{Next, PeriodicTask};
use embed_base::{Context, Error, Result};
use embed_server::app::Server;
use embed_testing::until;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(10);
const HOUR: Duration = Duration::from_secs(60 * 60);

story!(a_task_that_fails_stops_no_other, |app| {
    // Another server takes the leases over when those of the first have ended.
    let (settings, clock) = (app.context.settings.clone(), app.context.clock.clone());
    let context = embed_server::open_with(settings, clock, Random::seeded(2)).await.unwrap();
    app.server.stop().await;
    context.clock.advance(TimeDelta::hours(2));
    let mut tx = context.db.begin_global().await.unwrap();
    execute!(&mut tx, sqlx::query("ALTER TABLE module_views RENAME TO views_elsewhere")).unwrap();
    tx.commit().await.unwrap();
    let server = Server::start(context.clone()).await.unwrap();
    for (job, outcome) in [
        ("request_partitions", "done"),
        ("request_cleanup", "done"),
        ("view_cleanup", "failed"),
        ("token_cleanup", "done"),
        ("idempotency_key_cleanup", "done"),
        ("sign_in_cleanup", "done"),
        ("session_cleanup", "done"),
        ("activity_cleanup", "done"),
        ("change_cleanup", "done"),
        ("job_cleanup", "done"),
        ("domain_checks", "done"),
    ] {
        let what = format!("{job} to be {outcome}");
        until(&what, LIMIT, async || runs(&context, job, outcome) == 1).await;
    }
    server.stop().await;
});

story!(neither_an_error_nor_a_panic_ends_a_task, |app| {
    let (task, count) = counted("failing", Duration::from_millis(1), |run| match run {
        1 => panic!("this run panics"),
        2 => Err(Error::internal("this run fails")),
        3 => Ok(Next::AtOnce),
        _ => Ok(Next::Later),
    });
    let running = tokio::spawn(task.keep_running(app.context.clone()));
    until("five runs", LIMIT, async || count.load(Ordering::SeqCst) >= 5).await;
    until("the metrics", LIMIT, async || {
        runs(&app.context, "failing", "failed") == 2 && runs(&app.context, "failing", "done") >= 3
    })
    .await;
    running.abort();
});

story!(a_run_that_outlives_its_lease_is_stopped, |app| {
    let task = PeriodicTask::new("endless", HOUR, Duration::from_millis(50), std::future::pending);
    let running = tokio::spawn(task.keep_running(app.context.clone()));
    until("the failure to be noted", LIMIT, async || {
        error_of(&app, "endless").await.is_some_and(|error| error.contains("longer than 50ms"))
    })
    .await;
    running.abort();
});

story!(of_two_servers_one_has_the_lease, |app| {
    let (db, clock) = (&app.context.db, &app.context.database_clock);
    let (first, second) = (Lease::new("shared", HOUR), Lease::new("shared", HOUR));
    assert!(first.take(db, clock).await.unwrap());
    assert!(first.take(db, clock).await.unwrap(), "its owner prolongs it");
    assert!(!second.take(db, clock).await.unwrap());
    app.context.clock.advance(TimeDelta::minutes(61));
    assert!(second.take(db, clock).await.unwrap());
    assert!(!first.take(db, clock).await.unwrap());
});

/// A task whose runs are counted from one; what each comes to.
fn counted(
    name: &'static str,
    period: Duration,
    outcome: fn(usize) -> Result<Next>,
) -> (PeriodicTask, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    let task = PeriodicTask::new(name, period, HOUR, move || {
        let run = counter.fetch_add(1, Ordering::SeqCst) + 1;
        async move { outcome(run) }
    });
    (task, count)
}

fn runs(context: &Context, job: &str, outcome: &str) -> u64 {
    let start = format!("embed_job_runs_total{{job=\"{job}\",outcome=\"{outcome}\"}} ");
    let metrics = context.metrics.render();
    metrics.lines().find_map(|line| line.strip_prefix(&start)).map_or(0, |count| count.parse().unwrap())
}

/// What the last run of a task failed with.
async fn error_of(app: &TestApp, task: &str) -> Option<String> {
    let text = "SELECT error FROM job_leases WHERE name = $1";
    let mut tx = app.context.db.read_global().await.unwrap();
    let found: Option<Option<String>> =
        on!(&mut tx, |conn| sqlx::query_scalar(text).bind(task).fetch_optional(conn).await).unwrap();
    found.flatten()
}
