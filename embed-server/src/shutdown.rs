//! Waiting for a signal to stop.

use embed_base::{Error, Result};
use tokio::signal::unix::{SignalKind, signal};

/// Waits for SIGTERM (a service manager) or SIGINT (Ctrl-C).
pub async fn requested() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::internal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::internal)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
