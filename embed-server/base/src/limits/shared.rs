//! Counting in Redis, so that several servers share one limit.

use super::{Limit, Outcome};
use crate::error::{Error, Result};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisError, Script};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Longer than Redis takes for one script, and short enough that a request does not wait for its limit.
const REDIS_TIMEOUT: Duration = Duration::from_millis(250);
/// How long Redis is not asked after a failure, so that not every request waits for the timeout.
const PAUSE_MICROS: i64 = 1_000_000;

pub(super) struct Shared {
    connection: ConnectionManager,
    script: Script,
    /// Until when, in microseconds of the monotonic clock, Redis is not asked.
    paused_until: AtomicI64,
}

impl Shared {
    /// Connects when it first counts, so a server also starts without Redis.
    pub(super) fn new(url: &str) -> Result<Self> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(REDIS_TIMEOUT))
            .set_response_timeout(Some(REDIS_TIMEOUT));
        let client = Client::open(url).map_err(Error::internal)?;
        let connection = ConnectionManager::new_lazy_with_config(client, config).map_err(Error::internal)?;
        Ok(Self {
            connection,
            script: Script::new(include_str!("gcra.lua")),
            paused_until: AtomicI64::new(0),
        })
    }

    /// Whether Redis answers; the error says why it does not.
    pub(super) async fn ping(&self) -> Result<(), String> {
        let ping: Result<(), _> = redis::cmd("PING").query_async(&mut self.connection.clone()).await;
        ping.map_err(|error| error.to_string())
    }

    /// Counts as `Local` does; `None` when Redis does not answer.
    pub(super) async fn count(&self, limits: &[Limit], now: i64) -> Option<Outcome> {
        if now < self.paused_until.load(Ordering::Relaxed) {
            return None;
        }
        match self.ask(limits).await {
            Ok(outcome) => {
                if self.paused_until.swap(0, Ordering::Relaxed) != 0 {
                    tracing::info!("Redis answers again; limits are shared");
                }
                Some(outcome)
            }
            Err(error) => {
                if self.paused_until.swap(now + PAUSE_MICROS, Ordering::Relaxed) == 0 {
                    tracing::warn!(%error, "Redis does not answer; each server counts limits by itself");
                }
                None
            }
        }
    }

    async fn ask(&self, limits: &[Limit]) -> Result<Outcome, RedisError> {
        let mut call = self.script.prepare_invoke();
        for limit in limits {
            call.key(format!("embed:limit:{}", limit.subject)).arg(limit.cost()).arg(limit.window());
        }
        let answer: Vec<i64> = call.invoke_async(&mut self.connection.clone()).await?;
        let (refused, used) = answer.split_first().map_or((0, &[][..]), |(refused, used)| (*refused, used));
        Ok(Outcome { refused: usize::try_from(refused - 1).ok(), used: used.to_vec() })
    }
}
