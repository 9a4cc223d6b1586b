//! The SQL of `jobs`, but for what every queue shares.

use crate::db::{Tx, execute, on};
use crate::error::Result;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::FromRow;
use sqlx::types::Json;
use uuid::Uuid;

/// A job that was claimed.
#[derive(Clone, Debug, FromRow)]
pub(super) struct ClaimedJob {
    pub id: Uuid,
    pub organization_id: Option<Uuid>,
    pub site_id: Option<Uuid>,
    pub kind: String,
    pub payload: Json<Value>,
    pub attempts: i64,
    pub fence: i64,
    pub progress_done: i64,
}

/// A job that is to be queued.
pub(super) struct Insert<'a> {
    pub id: Uuid,
    pub organization: Option<Uuid>,
    pub site: Option<Uuid>,
    pub kind: &'static str,
    pub key: &'a str,
    pub once: bool,
    pub payload: Value,
    pub max_attempts: i64,
    pub due_at: DateTime<Utc>,
    pub now: DateTime<Utc>,
}

/// Queues a job, or joins the one that is there; its id. One that is being worked is queued again when it ends. One that
/// waits for its first attempt is due when the earlier of the two is; one that has failed keeps its back-off.
pub(super) async fn insert(tx: &mut Tx, job: Insert<'_>) -> Result<Uuid> {
    let text = "INSERT INTO jobs (id, tenant_id, organization_id, site_id, kind, key, once, payload, status,
                                  max_attempts, due_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'pending', $9, $10, $11)
         ON CONFLICT (tenant_id, kind, key) WHERE finished_at IS NULL OR once DO UPDATE SET
             again = jobs.again OR (jobs.status = 'processing' AND NOT jobs.once),
             due_at = CASE WHEN jobs.status = 'pending' AND excluded.due_at < jobs.due_at
                      THEN excluded.due_at ELSE jobs.due_at END
         RETURNING id";
    Ok(on!(tx, |conn| sqlx::query_scalar(text)
        .bind(job.id)
        .bind(tenant(job.organization))
        .bind(job.organization)
        .bind(job.site)
        .bind(job.kind)
        .bind(job.key)
        .bind(job.once)
        .bind(Json(&job.payload))
        .bind(job.max_attempts)
        .bind(job.due_at)
        .bind(job.now)
        .fetch_one(conn)
        .await)?)
}

/// Ends a job that nobody works; tells the worker of one that somebody does. `false` where it has ended already.
pub(super) async fn cancel(
    tx: &mut Tx,
    organization: Option<Uuid>,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<bool> {
    let text = "UPDATE jobs SET cancelled_at = $1, again = FALSE,
             finished_at = CASE WHEN status = 'processing' THEN NULL ELSE $1 END,
             status = CASE WHEN status = 'processing' THEN status ELSE 'cancelled' END
         WHERE tenant_id = $2 AND id = $3 AND finished_at IS NULL";
    Ok(execute!(tx, sqlx::query(text).bind(now).bind(tenant(organization)).bind(id))? == 1)
}

/// Ends a job well. `false` where this claim of it counts no more.
pub(super) async fn complete(tx: &mut Tx, id: Uuid, fence: i64, now: DateTime<Utc>) -> Result<bool> {
    let text = "UPDATE jobs SET status = 'completed', finished_at = $1, error_message = NULL,
             lease_owner = NULL, lease_until = NULL
         WHERE id = $2 AND fence = $3 AND status = 'processing'";
    let completed = execute!(tx, sqlx::query(text).bind(now).bind(id).bind(fence))? == 1;
    if completed {
        begin_again(tx, id, now).await?;
    }
    Ok(completed)
}

/// Ends an attempt that came to nothing: the job waits until `due_at`, or has been cancelled, or is `dead` because it has
/// had its attempts or `no_more` are worth it. What it came to; `None` where this claim of it counts no more.
pub(super) async fn fail(
    tx: &mut Tx,
    (id, fence): (Uuid, i64),
    message: Option<&str>,
    no_more: bool,
    due_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<String>> {
    let text = "UPDATE jobs SET error_message = $1, due_at = $2, lease_owner = NULL, lease_until = NULL,
             finished_at = CASE WHEN cancelled_at IS NOT NULL OR $3 OR attempts >= max_attempts THEN $4 END,
             status = CASE WHEN cancelled_at IS NOT NULL THEN 'cancelled'
                           WHEN $3 OR attempts >= max_attempts THEN 'dead' ELSE 'failed' END
         WHERE id = $5 AND fence = $6 AND status = 'processing' RETURNING status";
    let status = on!(tx, |conn| sqlx::query_scalar(text)
        .bind(message)
        .bind(due_at)
        .bind(no_more)
        .bind(now)
        .bind(id)
        .bind(fence)
        .fetch_optional(conn)
        .await)?;
    begin_again(tx, id, now).await?;
    Ok(status)
}

/// Queues a job anew that has ended, if it was queued again while it was worked.
async fn begin_again(tx: &mut Tx, id: Uuid, now: DateTime<Utc>) -> Result<()> {
    let text =
        "UPDATE jobs SET status = 'pending', again = FALSE, attempts = 0, due_at = $1, finished_at = NULL,
             cancelled_at = NULL, progress_done = 0, progress_total = NULL
         WHERE id = $2 AND again AND finished_at IS NOT NULL";
    execute!(tx, sqlx::query(text).bind(now).bind(id))?;
    Ok(())
}

/// Puts a job back as it was before it was claimed.
pub(super) async fn release(tx: &mut Tx, id: Uuid, fence: i64) -> Result<()> {
    let text = "UPDATE jobs SET status = CASE WHEN attempts > 1 THEN 'failed' ELSE 'pending' END,
             attempts = attempts - 1, lease_owner = NULL, lease_until = NULL
         WHERE id = $1 AND fence = $2 AND status = 'processing'";
    execute!(tx, sqlx::query(text).bind(id).bind(fence))?;
    Ok(())
}

/// Whether a job is still worked under a claim, and whether it has been cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Held,
    Cancelled,
    Lost,
}

/// Prolongs the lease, and notes how far the work is where that is told.
pub(super) async fn renew(
    tx: &mut Tx,
    (id, fence): (Uuid, i64),
    progress: Option<(i64, i64)>,
    lease_until: DateTime<Utc>,
) -> Result<Standing> {
    let text = "UPDATE jobs SET lease_until = $1, progress_done = COALESCE($2, progress_done),
             progress_total = COALESCE($3, progress_total)
         WHERE id = $4 AND fence = $5 AND status = 'processing' RETURNING cancelled_at";
    let renewed: Option<Option<DateTime<Utc>>> = on!(tx, |conn| sqlx::query_scalar(text)
        .bind(lease_until)
        .bind(progress.map(|(done, _)| done))
        .bind(progress.map(|(_, total)| total))
        .bind(id)
        .bind(fence)
        .fetch_optional(conn)
        .await)?;
    Ok(match renewed {
        Some(None) => Standing::Held,
        Some(Some(_)) => Standing::Cancelled,
        None => Standing::Lost,
    })
}

/// Deletes what ended before `before`; how many that were.
pub(super) async fn prune(tx: &mut Tx, before: DateTime<Utc>, most: i64) -> Result<u64> {
    let text = "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE finished_at < $1 ORDER BY finished_at LIMIT $2)";
    Ok(execute!(tx, sqlx::query(text).bind(before).bind(most))?)
}

/// The organization's id, or nil for the installation: a unique key takes NULLs for different.
fn tenant(organization: Option<Uuid>) -> Uuid {
    organization.unwrap_or_default()
}
