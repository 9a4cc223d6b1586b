//! What runs beside the requests.

use chrono::TimeDelta;
use embed_base::Context;
use embed_base::Result;
use embed_base::db::Lease;
use embed_core::accounts::Accounts;
use embed_core::activity::Activity;
use embed_core::domains::Domains;
use embed_core::embed::BlockedLog;
use embed_core::records::Records;
use embed_core::requests::{self, Requests};
use embed_core::tokens::Tokens;
use embed_core::views::{self, Views};
use std::time::Duration;
use tokio::task::JoinSet;

/// How often a server asks whether it is its turn to tidy up.
const PAUSE: Duration = Duration::from_secs(10 * 60);
/// Tidying up is done within this time, or begun again by another server.
const LEASE: TimeDelta = TimeDelta::hours(1);

/// The other ends of what requests fill.
pub(super) struct Queues {
    pub blocked: BlockedLog,
    pub requests: requests::Writer,
    pub views: views::Writer,
}

/// The loops of a server.
pub(super) struct Background {
    loops: JoinSet<()>,
    /// Those that end by themselves when nobody asks any more.
    writing: JoinSet<()>,
}

impl Background {
    /// Starts them all.
    pub fn start(context: &Context, queues: Queues) -> Self {
        let mut loops = JoinSet::new();
        loops.spawn(context.changes.clone().follow(context.db.clone()));
        loops.spawn(Domains::new(context).keep_checking());
        loops.spawn(queues.blocked.keep_recording());
        loops.spawn(keep_tidy(context.clone()));
        let mut writing = JoinSet::new();
        writing.spawn(queues.requests.keep_writing());
        writing.spawn(queues.views.keep_writing());
        Self { loops, writing }
    }

    /// Ends them all, once what the requests left behind is written; that takes no longer than `grace`.
    pub async fn stop(mut self, grace: Duration) {
        let written = async { while self.writing.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, written).await.is_err() {
            self.writing.abort_all();
            tracing::warn!("the last lines of the request log or the last views were not written in time");
        }
        self.loops.shutdown().await;
    }
}

/// Forgets what has had its time, and makes room for what comes. Of all servers on one database one does.
async fn keep_tidy(context: Context) {
    let lease = Lease::new("tidy up", LEASE);
    loop {
        match lease.take(&context.db, context.clock.now()).await {
            Ok(true) => {
                let tidied = tidy(&context).await;
                let error = tidied.as_ref().err().map(ToString::to_string);
                let now = context.clock.now();
                context.metrics.run("tidy up", tidied.is_ok(), now.timestamp());
                if let Err(error) = lease.finish(&context.db, now, error.as_deref()).await.and(tidied) {
                    tracing::warn!(%error, "what has had its time could not be forgotten");
                }
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "the database does not say whose turn it is to tidy up"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn tidy(context: &Context) -> Result<()> {
    let requests = Requests::new(context);
    requests.prepare().await?;
    requests.prune().await?;
    Views::new(context).prune().await?;
    Tokens::new(context).prune().await?;
    Records::new(context).prune(context.clock.now()).await?;
    Accounts::new(context).prune(context.clock.now()).await?;
    Activity::new(context).prune().await?;
    Ok(())
}
