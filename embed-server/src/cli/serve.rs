//! `embed-server serve`.

use super::log::Log;
use crate::app::Server;
use embed_base::config::Settings;
use embed_base::{Error, Result};
use embed_core::accounts::Accounts;
use tokio::signal::unix::{SignalKind, signal};

pub(super) async fn run(settings: Settings) -> Result<()> {
    let _log = Log::start(&settings);
    // Asked for before anything is opened: a server that cannot sign should not touch the database.
    settings.require_secret()?;
    let public_url = settings.public_url.clone();
    let context = crate::open(settings).await?;
    let server = Server::start(context.clone()).await?;
    tracing::info!(address = %server.address(), public_url, "listening");
    if let Some(link) = Accounts::new(&context).first_owner_link().await? {
        let link = format!("{public_url}{link}");
        tracing::warn!(
            link,
            "nobody manages this installation yet; whoever follows this link within a day is its first owner"
        );
    }
    asked_to_stop().await?;
    tracing::info!("stopping: requests under way are finished first");
    server.stop().await;
    Ok(())
}

/// Waits for SIGTERM (a service manager) or SIGINT (Ctrl-C).
pub(crate) async fn asked_to_stop() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::internal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::internal)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
