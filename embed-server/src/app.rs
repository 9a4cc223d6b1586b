//! The whole server: the one place that knows every capability. Builds the routers, starts what runs in the background,
//! and ends both in good order.

use crate::assets::{self, Assets};
use crate::domains::Domains;
use crate::embed::document::Documents;
use crate::embed::{self, Allowlist, BlockedLog, Embed};
use crate::error::{Error, Result};
use crate::http::{self, Front, RateLimit, Readers};
use crate::modules::{self, Modules};
use crate::sites::Sites;
use crate::state::Context;
use axum::extract::{FromRef, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// What handlers find in their state. Every capability is behind a pointer, because each request clones it.
#[derive(Clone)]
pub struct App(Arc<Capabilities>);

struct Capabilities {
    context: Context,
    assets: Assets,
    modules: Arc<Modules>,
    domains: Domains,
    documents: Arc<Documents>,
    embed: Arc<Embed>,
    verify_limit: Arc<RateLimit>,
}

impl App {
    /// Builds every capability on one ground, and what must run beside the requests.
    fn new(context: Context) -> Result<(Self, BlockedLog)> {
        let settings = &context.settings;
        let modules = Modules::new(&context)?;
        let domains = Domains::new(&context);
        let allowlist = Allowlist::new(&context, Sites::new(&context), modules.clone(), domains.clone());
        let (blocked, blocked_log) = embed::blocked(&context);
        let capabilities = Capabilities {
            assets: Assets::load(settings)?,
            documents: Arc::new(Documents::new(&context, modules.clone(), allowlist.clone())),
            embed: Arc::new(Embed::new(&context, allowlist, blocked)?),
            verify_limit: Arc::new(RateLimit::per_minute(settings.verify_limit, context.clock.clone())),
            modules: Arc::new(modules),
            domains,
            context,
        };
        Ok((Self(Arc::new(capabilities)), blocked_log))
    }

    /// The routers: one for the public origin, one for the modules' own. Where modules have no origin of their own, they
    /// are served, sandboxed, from the public one.
    fn front(&self) -> Front {
        let module_host = self.0.context.settings.module_host.clone();
        let module = embed::document::router().merge(modules::routes::router());
        let mut public = assets::router().merge(health());
        if module_host.is_none() {
            public = public.merge(module.clone());
        }
        let public = http::passed(public.fallback(http::nothing_here), Readers::Own);
        let verify = http::passed(embed::routes::router(), Readers::Asker);
        let module = module.merge(assets::router()).fallback(http::nothing_here);
        let module = http::passed(module, Readers::Own);
        Front::new(
            module_host,
            public.merge(verify).with_state(self.clone()),
            module.with_state(self.clone()),
        )
    }

    /// Starts what runs beside the requests.
    fn background(&self, blocked: BlockedLog) -> JoinSet<()> {
        let mut loops = JoinSet::new();
        loops.spawn(self.0.context.revision.clone().follow(self.0.context.db.clone()));
        loops.spawn(self.0.domains.clone().keep_checking());
        loops.spawn(blocked.keep_recording());
        loops
    }
}

/// Lets a handler take just the capability that it calls.
macro_rules! hand_out {
    ($($capability:ty = $field:ident),+ $(,)?) => {
        $(impl FromRef<App> for $capability {
            fn from_ref(app: &App) -> Self {
                app.0.$field.clone()
            }
        })+
    };
}

hand_out! {
    Assets = assets,
    Context = context,
    Arc<Documents> = documents,
    Arc<Embed> = embed,
    Arc<Modules> = modules,
    Arc<RateLimit> = verify_limit,
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
        let (app, blocked) = App::new(context.clone())?;
        let stop = CancellationToken::new();
        let serving = tokio::spawn(http::serve(listener, app.front(), stop.clone()));
        Ok(Self { address, stop, serving, background: app.background(blocked), context })
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
    async fn ready(State(context): State<Context>) -> Result<Json<Value>> {
        context.db.ping().await?;
        Ok(Json(json!({ "status": "ok" })))
    }
    Router::new().route("/healthz", get(alive)).route("/readyz", get(ready))
}
