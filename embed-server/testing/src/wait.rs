//! Waiting for conditions, never for time to pass.

use std::time::{Duration, Instant};

/// Waits until the condition holds, and says what it waited for when it does not.
pub async fn until(what: &str, limit: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < limit, "waited {limit:?} for: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
