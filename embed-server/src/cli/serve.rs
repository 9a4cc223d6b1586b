//! `embed-server serve`.

use super::log::Log;
use crate::app::Server;
use crate::config::Settings;
use crate::error::{Error, Result};
use crate::state::Context;
use tokio::signal::unix::{SignalKind, signal};

pub(super) async fn run(settings: Settings) -> Result<()> {
    let _log = Log::start(&settings);
    // Asked for before anything is opened: a server that cannot sign should not touch the database.
    settings.require_secret()?;
    let public_url = settings.public_url.clone();
    let server = Server::start(Context::open(settings).await?).await?;
    tracing::info!(address = %server.address(), public_url, "listening");
    asked_to_stop().await?;
    tracing::info!("stopping: requests under way are finished first");
    server.stop().await;
    Ok(())
}

/// Waits for SIGTERM (a service manager) or SIGINT (Ctrl-C).
pub(super) async fn asked_to_stop() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::internal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::internal)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
