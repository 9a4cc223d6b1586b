//! What is queued, and what of it is seen, cancelled and deleted.

use super::{COUNT, LIMIT, MINUTE, TestQueue, effect, new, runs};
use crate::story;
use chrono::TimeDelta;
use embed_base::db::on;
use embed_base::jobs::{Kind, NewJob};
use embed_testing::until;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::timeout;
use uuid::Uuid;

story!(the_same_work_is_queued_once, |app| {
    let queue = TestQueue::new(&app).await;
    let (one, other) = (Uuid::now_v7(), Uuid::now_v7());
    let first = queue.add(NewJob { delay: MINUTE, ..new(COUNT, "a", 1) }).await;
    let far = queue.row(first).await.due_at;
    assert_eq!(queue.add(NewJob { delay: 5 * MINUTE, ..new(COUNT, "a", 1) }).await, first);
    assert_eq!(queue.row(first).await.due_at, far, "a later time does not put it off");
    assert_eq!(queue.add(new(COUNT, "a", 1)).await, first);
    assert!(queue.row(first).await.due_at < far, "an earlier one brings it forward");
    for different in [
        queue.add(new(COUNT, "b", 1)).await,
        queue.add(new(Kind::new("other", &[]), "a", 1)).await,
        queue.add(NewJob { organization: Some(one), ..new(COUNT, "a", 1) }).await,
        queue.add(NewJob { organization: Some(other), ..new(COUNT, "a", 1) }).await,
    ] {
        assert_ne!(different, first);
    }
    let once = queue.add(NewJob { once: true, ..new(COUNT, "once", 1) }).await;
    let worker = queue.work(COUNT, |job| async move { Ok(job.completed()) });
    queue.until(first, "completed").await;
    queue.until(once, "completed").await;
    worker.stop().await;
    assert_eq!(queue.add(NewJob { once: true, ..new(COUNT, "once", 1) }).await, once);
    assert_eq!(queue.row(once).await.status, "completed");
    assert_ne!(queue.add(new(COUNT, "a", 1)).await, first);
});

story!(a_job_that_is_queued_while_it_is_worked_is_worked_again, |app| {
    let queue = TestQueue::new(&app).await;
    let id = queue.add(new(COUNT, "a", 1)).await;
    let (started, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (db, handler_started, handler_gate) = (queue.context.db.clone(), started.clone(), gate.clone());
    let worker = queue.work(COUNT, move |job| {
        let (db, started, gate) = (db.clone(), handler_started.clone(), handler_gate.clone());
        async move {
            started.notify_one();
            gate.notified().await;
            let mut tx = db.begin_global().await?;
            let completed = job.complete(&mut tx).await?;
            effect(&mut tx, job.attempt).await;
            tx.commit().await?;
            Ok(completed)
        }
    });
    timeout(LIMIT, started.notified()).await.expect("the handler to start");
    for _ in 0..3 {
        assert_eq!(queue.add(new(COUNT, "a", 1)).await, id);
    }
    gate.notify_one();
    timeout(LIMIT, started.notified()).await.expect("the handler to start");
    assert_eq!(queue.effects().await, [1]);
    gate.notify_one();
    queue.until(id, "completed").await;
    assert_eq!(queue.effects().await, [1, 1], "again once, however often it was queued, as a first attempt");
    worker.stop().await;
});

story!(what_is_cancelled_ends, |app| {
    let queue = TestQueue::new(&app).await;
    let organization = Some(Uuid::now_v7());
    let waiting = queue.add(NewJob { organization, delay: MINUTE, ..new(COUNT, "waiting", 1) }).await;
    assert!(!queue.cancel(None, waiting).await && !queue.cancel(Some(Uuid::now_v7()), waiting).await);
    assert_eq!(queue.row(waiting).await.status, "pending", "it is another organization's");
    assert!(queue.cancel(organization, waiting).await);
    assert!(!queue.cancel(organization, waiting).await, "once");
    assert_eq!(queue.row(waiting).await.status, "cancelled");

    let worked = queue.add(NewJob { organization, ..new(COUNT, "worked", 1) }).await;
    let worker = queue.work(COUNT, |job| async move {
        loop {
            job.renew().await?;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    queue.until(worked, "processing").await;
    assert!(queue.cancel(organization, worked).await);
    queue.until(worked, "cancelled").await;
    assert_eq!(queue.row(worked).await.error_message, None);
    until("the metric", LIMIT, async || runs(&queue.context, "cancelled") == 1).await;
    worker.stop().await;
});

story!(jobs_that_ended_a_month_ago_are_deleted, |app| {
    let queue = TestQueue::new(&app).await;
    let (ended, waiting) = (queue.add(new(COUNT, "a", 1)).await, queue.add(new(COUNT, "b", 1)).await);
    assert!(queue.cancel(None, ended).await);
    app.context.clock.advance(TimeDelta::days(29));
    queue.jobs.prune().await.unwrap();
    assert_eq!(queue.row(ended).await.status, "cancelled");
    app.context.clock.advance(TimeDelta::days(2));
    queue.jobs.prune().await.unwrap();
    assert!(queue.find(ended).await.is_none());
    assert_eq!(queue.row(waiting).await.status, "pending");
});

story!(a_site_sees_the_jobs_of_its_organization_alone, |app| {
    if !app.database.is_postgres() {
        // SQLite has no row-level security; `cancel` names the organization.
        return;
    }
    let queue = TestQueue::new(&app).await;
    let organization: Uuid = "00000000-0000-7000-8000-000000000001".parse().unwrap();
    let site = app.site().await;
    let mut change = queue.context.change_unlisted(site, None).await.unwrap();
    let job = NewJob { organization: Some(organization), site: Some(site), ..new(COUNT, "own", 1) };
    queue.jobs.enqueue(&mut change, job).await.unwrap();
    change.commit_unlisted().await.unwrap();
    for foreign in [None, Some(Uuid::now_v7())] {
        queue.add(NewJob { organization: foreign, ..new(COUNT, "foreign", 1) }).await;
        let mut change = queue.context.change_unlisted(site, None).await.unwrap();
        let refused =
            queue.jobs.enqueue(&mut change, NewJob { organization: foreign, ..new(COUNT, "x", 1) }).await;
        assert!(format!("{:?}", refused.unwrap_err()).contains("row-level security"));
    }
    for (mut tx, seen) in [
        (queue.context.db.read(site).await.unwrap(), 1),
        (queue.context.db.read(Uuid::now_v7()).await.unwrap(), 0),
        (queue.context.db.read_global().await.unwrap(), 3),
    ] {
        let text = "SELECT COUNT(*) FROM jobs";
        let count: i64 = on!(&mut tx, |conn| sqlx::query_scalar(text).fetch_one(conn).await).unwrap();
        assert_eq!(count, seen);
    }
});
