//! What a worker does with jobs. It is one of the test's own process; `job_workers` has some that are processes.

use super::{COUNT, LIMIT, MINUTE, PACE, TestQueue, WAITS, complete, effect, new, runs};
use crate::story;
use chrono::TimeDelta;
use embed_base::clock::Clock;
use embed_base::db::Lease;
use embed_base::jobs::{Failure, Kind, NewJob, Pace};
use embed_base::{Code, Error};
use embed_testing::until;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

story!(a_job_and_its_effects_are_one_transaction, |app| {
    let queue = TestQueue::new(&app).await;
    let mut dropped = queue.context.db.begin_global().await.unwrap();
    queue.jobs.enqueue(&mut dropped, new(COUNT, "dropped", 0)).await.unwrap();
    drop(dropped);
    let id = queue.add(new(COUNT, "a", 7)).await;
    assert!(queue.effects().await.is_empty());
    let db = queue.context.db.clone();
    let worker = queue.work(COUNT, move |job| {
        assert_eq!((job.attempt, job.done, job.organization, job.site), (1, 0, None, None));
        complete(db.clone(), job)
    });
    queue.until(id, "completed").await;
    assert_eq!(queue.effects().await, [7], "what was queued in a transaction that was dropped never was");
    assert!(queue.row(id).await.finished_at.is_some());
    worker.stop().await;
});

story!(a_job_whose_effects_are_not_ours_is_ended_by_the_worker, |app| {
    let queue = TestQueue::new(&app).await;
    let id = queue.add(new(COUNT, "a", 7)).await;
    let worker = queue.work(COUNT, |job| async move { Ok(job.completed()) });
    queue.until(id, "completed").await;
    until("the metric", LIMIT, async || runs(&queue.context, "done") == 1).await;
    worker.stop().await;
});

story!(a_job_that_fails_waits_longer_each_time_and_is_dead_in_the_end, |app| {
    let queue = TestQueue::new(&app).await;
    let id = queue.add(new(COUNT, "a", 1)).await;
    let worker = queue.work(COUNT, |_| async { Err(Error::new(Code::Unavailable, "Try later.").into()) });
    for (attempt, shortest) in [(1, 60), (2, 600)] {
        let before = queue.now().await;
        until(&format!("attempt {attempt}"), LIMIT, async || {
            let row = queue.row(id).await;
            row.status == "failed" && row.attempts == attempt
        })
        .await;
        let row = queue.row(id).await;
        assert_eq!(row.error_message.as_deref(), Some("Try later."));
        let wait = (row.due_at - before).num_seconds();
        assert!((shortest - 1..=shortest * 6 / 5 + 10).contains(&wait), "attempt {attempt} waits {wait} s");
        app.context.clock.advance(TimeDelta::seconds(shortest * 6 / 5 + 1));
    }
    queue.until(id, "dead").await;
    let row = queue.row(id).await;
    assert_eq!((row.attempts, row.finished_at.is_some()), (3, true));
    assert_eq!((runs(&queue.context, "failed"), runs(&queue.context, "dead")), (2, 1));
    worker.stop().await;
    assert_ne!(queue.add(new(COUNT, "a", 1)).await, id, "what is dead is in nobody's way");
});

story!(a_handler_that_panics_or_gives_up_stops_no_other, |app| {
    let queue = TestQueue::new(&app).await;
    let mut ids = Vec::new();
    for number in 0..3 {
        ids.push(queue.add(new(COUNT, &number.to_string(), number)).await);
    }
    let worker = queue.work(COUNT, |job| async move {
        match job.payload {
            0 => panic!("this handler panics"),
            1 => Err(Failure::Dead(Error::new(Code::SiteNotFound, "The site is gone."))),
            _ => Ok(job.completed()),
        }
    });
    let internal = "Something went wrong inside the server; its log says what, under this job's id.";
    for (id, status, message) in [
        (ids[0], "failed", Some(internal)),
        (ids[1], "dead", Some("The site is gone.")),
        (ids[2], "completed", None),
    ] {
        queue.until(id, status).await;
        assert_eq!(queue.row(id).await.error_message.as_deref(), message);
    }
    worker.stop().await;
});

story!(a_handler_that_takes_longer_than_the_lease_is_stopped, |app| {
    let queue = TestQueue::new(&app).await;
    let id = queue.add(new(COUNT, "a", 1)).await;
    let short = Pace { lease: Duration::from_millis(200), ..PACE };
    let dropped = Arc::new(Notify::new());
    let handler_dropped = dropped.clone();
    let worker = queue.work_with(
        COUNT,
        move |_| {
            let guard = NotifiesWhenDropped(handler_dropped.clone());
            async move {
                let _guard = guard;
                pending().await
            }
        },
        short,
    );
    tokio::time::timeout(LIMIT, dropped.notified()).await.expect("the handler to be dropped");
    queue.until(id, "failed").await;
    let message = "The server that worked on this stopped, or took longer than its lease.";
    assert_eq!(queue.row(id).await.error_message.as_deref(), Some(message));
    worker.stop().await;
});

struct NotifiesWhenDropped(Arc<Notify>);

impl Drop for NotifiesWhenDropped {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

story!(progress_is_kept_for_the_next_attempt, |app| {
    let queue = TestQueue::new(&app).await;
    let id = queue.add(new(COUNT, "a", 1)).await;
    let db = queue.context.db.clone();
    let worker = queue.work(COUNT, move |job| {
        let db = db.clone();
        async move {
            for part in job.done + 1..=3 {
                let mut tx = db.begin_global().await?;
                job.progress(&mut tx, part, 3).await?;
                effect(&mut tx, part).await;
                tx.commit().await?;
                if job.attempt == 1 && part == 2 {
                    return Err(Error::new(Code::Unavailable, "Half of it is done.").into());
                }
            }
            Ok(job.completed())
        }
    });
    queue.until(id, "failed").await;
    let row = queue.row(id).await;
    assert_eq!((row.progress_done, row.progress_total), (2, Some(3)));
    app.context.clock.advance(TimeDelta::minutes(2));
    queue.until(id, "completed").await;
    assert_eq!(queue.effects().await, [1, 2, 3]);
    worker.stop().await;
});

story!(what_a_server_cannot_read_stays_queued_and_is_reported, |app| {
    let queue = TestQueue::new(&app).await;
    let newer: Kind<String> = Kind::new("count", WAITS);
    let unreadable = queue.add(new(newer, "newer", "newer".to_owned())).await;
    let unknown = queue.add(new(Kind::new("unknown", WAITS), "a", 1)).await;
    let readable = queue.add(new(COUNT, "a", 1)).await;
    let worker = queue.work(COUNT, |job| async move { Ok(job.completed()) });
    queue.until(readable, "completed").await;
    until("the metric", LIMIT, async || queue.context.metrics.render().contains("embed_jobs_unreadable 2\n"))
        .await;
    for id in [unreadable, unknown] {
        let row = queue.row(id).await;
        assert_eq!((row.status.as_str(), row.attempts), ("pending", 0));
    }
    let later = queue.add(new(COUNT, "later", 1)).await;
    queue.until(later, "completed").await;
    worker.stop().await;

    let worker = queue.work(newer, |job| async move {
        assert_eq!(job.payload, "newer");
        Ok(job.completed())
    });
    queue.until(unreadable, "completed").await;
    worker.stop().await;
});

story!(a_job_whose_worker_is_gone_is_given_back_when_its_lease_has_ended, |app| {
    let queue = TestQueue::new(&app).await;
    let id = queue.add(new(COUNT, "a", 1)).await;
    let worker = queue.work(COUNT, |_| pending());
    queue.until(id, "processing").await;
    worker.crash().await;
    let db = queue.context.db.clone();
    let worker = queue.work(COUNT, move |job| complete(db.clone(), job));
    app.context.clock.advance(TimeDelta::seconds(50));
    let other = queue.add(new(COUNT, "b", 2)).await;
    queue.until(other, "completed").await;
    assert_eq!(queue.row(id).await.status, "processing", "its lease lasts for a minute");
    app.context.clock.advance(TimeDelta::seconds(11));
    queue.until(id, "failed").await;
    app.context.clock.advance(TimeDelta::seconds(73));
    queue.until(id, "completed").await;
    assert_eq!(queue.row(id).await.attempts, 2);
    worker.stop().await;
});

story!(a_lease_of_before_the_clock_was_set_back_has_ended, |app| {
    let queue = TestQueue::new(&app).await;
    let id = queue.add(new(COUNT, "a", 1)).await;
    app.context.clock.advance(TimeDelta::days(1));
    let worker = queue.work(COUNT, |_| pending());
    queue.until(id, "processing").await;
    worker.crash().await;
    app.context.clock.advance(TimeDelta::days(-1));
    let db = queue.context.db.clone();
    let worker = queue.work(COUNT, move |job| complete(db.clone(), job));
    queue.until(id, "failed").await;
    app.context.clock.advance(TimeDelta::seconds(73));
    queue.until(id, "completed").await;
    worker.stop().await;
});

story!(a_worker_that_stops_finishes_what_it_can_and_gives_back_the_rest, |app| {
    let queue = TestQueue::new(&app).await;
    let (short, long) = (queue.add(new(COUNT, "short", 1)).await, queue.add(new(COUNT, "long", 2)).await);
    let gate = Arc::new(Notify::new());
    let handler_gate = gate.clone();
    let worker = queue.work(COUNT, move |job| {
        let gate = handler_gate.clone();
        async move {
            if job.payload == 2 {
                pending::<()>().await;
            }
            gate.notified().await;
            Ok(job.completed())
        }
    });
    queue.until(short, "processing").await;
    queue.until(long, "processing").await;
    worker.stop.cancel();
    gate.notify_one();
    worker.stop().await;
    assert_eq!(queue.row(short).await.status, "completed");
    let row = queue.row(long).await;
    assert_eq!(
        (row.status.as_str(), row.attempts),
        ("pending", 0),
        "given back as if it had not been claimed"
    );
});

story!(the_metrics_say_how_many_jobs_wait, |app| {
    let queue = TestQueue::new(&app).await;
    for key in ["a", "b"] {
        queue.add(NewJob { delay: MINUTE, ..new(COUNT, key, 1) }).await;
    }
    let worker = queue.work(COUNT, |job| async move { Ok(job.completed()) });
    until("the depth", LIMIT, async || {
        let metrics = queue.context.metrics.render();
        ["embed_jobs{state=\"waiting\"} 2\n", "embed_jobs{state=\"processing\"} 0\n"]
            .iter()
            .all(|line| metrics.contains(line))
    })
    .await;
    worker.stop().await;
});

story!(a_server_whose_clock_is_wrong_claims_nothing, |app| {
    if !app.database.is_postgres() {
        // SQLite goes by the server's own clock.
        return;
    }
    for seconds in [90, -90] {
        let right = TestQueue::with_clock(&app, Clock::off_by(TimeDelta::seconds(30))).await;
        let wrong = TestQueue::with_clock(&app, Clock::off_by(TimeDelta::seconds(seconds))).await;
        let id = right.add(new(COUNT, &seconds.to_string(), seconds)).await;
        let db = wrong.context.db.clone();
        let idle = wrong.work(COUNT, move |mut job| {
            job.payload = 0;
            complete(db.clone(), job)
        });
        let metric = |queue: &TestQueue, name: &str| {
            let metrics = queue.context.metrics.render();
            let found = metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
            found.unwrap_or_default()
        };
        until("the worker to have looked", LIMIT, async || {
            metric(&wrong, "embed_jobs{state=\"waiting\"}") == 1.0
        })
        .await;
        let lease = Lease::new("some_task", Duration::ZERO);
        assert!(!lease.take(&wrong.context.db, &wrong.context.database_clock).await.unwrap());
        for ahead in
            [metric(&wrong, "embed_clock_ahead_seconds"), wrong.context.database_clock.seconds_ahead()]
        {
            assert!((ahead - seconds as f64).abs() < 30.0, "{ahead} s");
        }
        let db = right.context.db.clone();
        let worker = right.work(COUNT, move |job| complete(db.clone(), job));
        right.until(id, "completed").await;
        assert!(lease.take(&right.context.db, &right.context.database_clock).await.unwrap());
        idle.stop().await;
        worker.stop().await;
    }
    let queue = TestQueue::with_clock(&app, app.context.clock.clone()).await;
    assert_eq!(queue.effects().await, [-90, 90]);
});
