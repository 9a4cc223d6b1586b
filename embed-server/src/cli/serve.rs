//! `embed-server serve`.

use crate::app::Server;
use crate::config::Settings;
use crate::crypto::Random;
use crate::error::{Error, Result};
use crate::state::Context;
use std::io::{BufWriter, stdout};
use tokio::signal::unix::{SignalKind, signal};
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::EnvFilter;

pub(super) async fn run(settings: Settings) -> Result<()> {
    let _log = log(&settings);
    // Asked for before anything is opened: a server that cannot sign should not touch the database.
    settings.secret(&Random::default())?;
    let public_url = settings.public_url.clone();
    let server = Server::start(Context::open(settings).await?).await?;
    tracing::info!(address = %server.address(), public_url, "listening");
    asked_to_stop().await?;
    tracing::info!("stopping: requests under way are finished first");
    server.stop().await;
    Ok(())
}

/// Logs to standard output: JSON, or lines for people in development. Writing happens on a thread of its own, in batches;
/// when it cannot keep up, lines are dropped rather than requests held. The guard writes what is left when it is dropped.
fn log(settings: &Settings) -> WorkerGuard {
    let (writer, guard) = tracing_appender::non_blocking(BufWriter::new(stdout()));
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(EnvFilter::new(&settings.log)).with_writer(writer);
    // Fails only when a test or an embedding program has set up its own, which then stays.
    let _ = if settings.dev {
        tracing::subscriber::set_global_default(subscriber.with_ansi(false).finish())
    } else {
        tracing::subscriber::set_global_default(subscriber.json().flatten_event(true).finish())
    };
    guard
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
