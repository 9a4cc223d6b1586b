//! The whole server: the one place that knows every capability. Builds the routers, starts what runs in the background,
//! and ends both in good order.

use crate::error::{Error, Result};
use crate::http::{self, Front};
use crate::state::Context;
use axum::extract::State;
use axum::middleware::from_fn;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// What handlers find in their state.
#[derive(Clone)]
pub struct App {
    context: Context,
}

impl App {
    /// Builds every capability on one ground.
    pub fn new(context: Context) -> Result<Self> {
        Ok(Self { context })
    }

    /// The routers: one for the public origin, one for the modules' own.
    fn front(&self) -> Front {
        let module_host = self.context.settings.module_host.clone();
        let public = Router::new().merge(health());
        let module = Router::new();
        Front::new(module_host, self.finish(public), self.finish(module))
    }

    fn finish(&self, routes: Router<App>) -> Router {
        http::guarded(routes)
            .fallback(http::nothing_here)
            .method_not_allowed_fallback(http::wrong_method)
            .layer(from_fn(http::passage))
            .with_state(self.clone())
    }

    /// Starts what runs beside the requests.
    fn background(&self) -> JoinSet<()> {
        let mut loops = JoinSet::new();
        loops.spawn(self.context.revision.clone().follow(self.context.db.clone()));
        loops
    }
}

/// A server that runs.
pub struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
    background: JoinSet<()>,
    context: Context,
}

impl Server {
    /// Starts to listen where the settings say.
    pub async fn start(context: Context) -> Result<Self> {
        let listen = &context.settings.listen;
        let listener = TcpListener::bind(listen).await.map_err(|error| cannot_listen(listen, error))?;
        let address = listener.local_addr().map_err(Error::internal)?;
        if context.db.bypasses_row_security().await? {
            tracing::warn!(
                "the database role is a superuser or has BYPASSRLS, so row-level security does not hold it; use a role of its own"
            );
        }
        let app = App::new(context.clone())?;
        let stop = CancellationToken::new();
        let serving = tokio::spawn(http::serve(listener, app.front(), stop.clone()));
        Ok(Self { address, stop, serving, background: app.background(), context })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts nobody new, lets requests under way finish, ends the background loops, and closes the database.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Err(error) = self.serving.await {
            tracing::error!(%error, "the listener did not end well");
        }
        self.background.shutdown().await;
        self.context.db.close().await;
    }
}

fn cannot_listen(listen: &str, error: std::io::Error) -> Error {
    let reason = match error.kind() {
        ErrorKind::AddrInUse => {
            "another program listens there. Stop it, or choose another with EMBED_LISTEN".to_owned()
        }
        ErrorKind::PermissionDenied => {
            "ports below 1024 need more rights. Choose another with EMBED_LISTEN".to_owned()
        }
        _ => format!("{error}. EMBED_LISTEN says where"),
    };
    Error::unavailable(format!("The server cannot listen on {listen}: {reason}."), error)
}

/// `GET /healthz`: the process lives. `GET /readyz`: it can do its work.
fn health() -> Router<App> {
    async fn alive() -> Json<Value> {
        Json(json!({ "status": "ok" }))
    }
    async fn ready(State(app): State<App>) -> Result<Json<Value>> {
        app.context.db.ping().await?;
        Ok(Json(json!({ "status": "ok" })))
    }
    Router::new().route("/healthz", get(alive)).route("/readyz", get(ready))
}
