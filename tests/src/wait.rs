//! Waiting for conditions, never for time to pass.

use anyhow::{Result, bail};
use std::time::{Duration, Instant};

/// The limit of a wait that names none: far beyond what a slow machine needs, so that reaching it is a fault.
pub const LIMIT: Duration = Duration::from_secs(30);

/// Asks `condition` again and again until it gives a value; after `limit` fails with a sentence that says what was
/// waited for. An error of the condition ends the wait at once.
pub async fn until<T>(
    what: &str,
    limit: Duration,
    mut condition: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(value) = condition().await? {
            return Ok(value);
        }
        if start.elapsed() > limit {
            bail!("waited {} s until {what}", limit.as_secs_f32());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
