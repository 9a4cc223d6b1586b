//! The whole server: the one place that knows every capability. Builds the routers, starts the background tasks, and shuts
//! both down in order.

mod assets;
mod background;
mod routes;

pub use assets::Assets;
use embed_base::Context;
use embed_base::config::Settings;
use embed_base::http;
use embed_base::open_files;
use embed_base::{Error, Result};
use embed_core::services::Services;
pub use routes::{Rule, UPLOAD_TIMEOUT, console_rules};

use background::Background;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long the queued log lines may take to be written after the last request.
const GRACE: Duration = Duration::from_secs(5);

/// A running server.
pub struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
    background: Background,
    context: Context,
}

impl Server {
    /// Listens on the address in the settings.
    pub async fn start(context: Context) -> Result<Self> {
        let listen = &context.settings.server.listen;
        let listener = TcpListener::bind(listen).await.map_err(|error| cannot_listen(listen, error))?;
        let address = listener.local_addr().map_err(Error::internal)?;
        if context.db.bypasses_row_security().await? {
            tracing::warn!(
                "the database role is a superuser or has BYPASSRLS, so row-level security does not apply to it; use a role of its own"
            );
        }
        let (services, queues) = Services::new(context.clone())?;
        services.requests.prepare().await?;
        let routes = routes::host_router(&services)?;
        let stop = CancellationToken::new();
        let limit = connection_limit(&context.settings);
        let serving = tokio::spawn(http::serve(listener, routes, limit, stop.clone()));
        let background = Background::start(&services, queues);
        Ok(Self { address, stop, serving, background, context })
    }

    /// The address it listens on, with the port that was chosen for port 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts no new connections, finishes open requests, ends the background tasks, and closes the database.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.serving.await {
            tracing::error!(%error, "the listener failed");
        }
        self.background.stop(GRACE).await;
        self.context.db.close().await;
    }
}

/// How many connections may be open: as many as are set, or as the limit of open files leaves room for.
fn connection_limit(settings: &Settings) -> usize {
    let wanted = settings.limits.connection_limit.get();
    match open_files::raise() {
        Ok(files) => {
            let limit = open_files::connections(wanted, files);
            if limit < usize::try_from(wanted).unwrap_or(usize::MAX) {
                tracing::warn!(
                    files,
                    connections = limit,
                    "the limit of open files is low, so fewer connections are accepted than EMBED_CONNECTION_LIMIT; raise it with `ulimit -n`, or LimitNOFILE of systemd"
                );
            }
            limit
        }
        Err(error) => {
            tracing::warn!(%error, "the limit of open files is not known; raise it with `ulimit -n`, or LimitNOFILE of systemd");
            usize::try_from(wanted).unwrap_or(usize::MAX)
        }
    }
}

fn cannot_listen(listen: &str, error: std::io::Error) -> Error {
    let reason = match error.kind() {
        ErrorKind::AddrInUse => {
            "another program is using this address. Stop it, or choose another address with EMBED_LISTEN or --listen"
                .to_owned()
        }
        ErrorKind::PermissionDenied => {
            "ports below 1024 need more rights. Choose another port with EMBED_LISTEN or --listen".to_owned()
        }
        _ => format!("{error}. Choose another address with EMBED_LISTEN or --listen"),
    };
    Error::unavailable(format!("The server cannot listen on {listen}: {reason}."), error)
}
