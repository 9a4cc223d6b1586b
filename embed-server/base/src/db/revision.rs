//! How a running server hears of changes, its own and those of others: one number that every change counts up.
//!
//! Caches put the number into their keys. So a change makes everything that was read before it unreachable, and what a
//! slow reader puts in late cannot come back as news.

use super::{Db, Tx, execute, on};
use crate::error::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// How often the number is read; a change is seen within two seconds, with room for a slow answer.
const POLL: Duration = Duration::from_millis(800);

/// The revision that this process has seen.
#[derive(Clone, Debug, Default)]
pub struct Revision(Arc<AtomicI64>);

impl Revision {
    /// The newest revision that is known here. Take it *before* reading what will be cached under it.
    pub fn seen(&self) -> i64 {
        self.0.load(Ordering::Acquire)
    }

    /// Reads the number from the database.
    pub async fn refresh(&self, db: &Db) -> Result<()> {
        let mut tx = db.read_global().await?;
        let value =
            on!(&mut tx, |conn| sqlx::query_scalar("SELECT value FROM revision").fetch_one(conn).await)?;
        self.0.store(value, Ordering::Release);
        Ok(())
    }

    /// Keeps reading, for as long as it is polled. While the database is away, what is cached lives until its own end.
    pub async fn follow(self, db: Db) {
        let mut away = false;
        loop {
            tokio::time::sleep(POLL).await;
            match self.refresh(&db).await {
                Ok(()) if away => {
                    away = false;
                    tracing::info!("the database answers again");
                }
                Ok(()) => {}
                Err(error) if !away => {
                    away = true;
                    tracing::error!(%error, "the database does not answer");
                }
                Err(_) => {}
            }
        }
    }
}

impl Tx {
    /// Tells every server that what this transaction changes must be read anew. The row stays locked until the end of
    /// the transaction, so it comes last.
    pub async fn announce(&mut self) -> Result<()> {
        execute!(self, sqlx::query("UPDATE revision SET value = value + 1"))?;
        Ok(())
    }
}
