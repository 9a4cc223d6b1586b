//! The whole server: the one place that knows every capability. Builds the routers, starts what runs in the background,
//! and ends both in good order.

mod assets;
mod background;
mod lookups;
mod routes;

pub use assets::Assets;
use axum::extract::FromRef;
use embed_base::Context;
use embed_base::config::SecretText;
use embed_base::http::{self, RequestLog};
use embed_base::limits::RateLimits;
use embed_base::{Error, Result};
use embed_console::Console;
use embed_core::accounts::Accounts;
use embed_core::activity::Activity;
use embed_core::domains::Domains;
use embed_core::embed::document::Documents;
use embed_core::embed::{self, Allowlist, Embed};
use embed_core::modules::Modules;
use embed_core::records::Records;
use embed_core::requests::{self, Requests};
use embed_core::sites::Sites;
use embed_core::tokens::Tokens;
use embed_core::views::{self, Views};
pub use routes::{Rule, console_rules};

use background::{Background, Queues};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long the last lines of logs may take to be written once nobody asks any more.
const GRACE: Duration = Duration::from_secs(5);

/// What handlers find in their state. Every capability is behind a pointer, because each request clones it.
#[derive(Clone)]
pub struct App(Arc<Capabilities>);

struct Capabilities {
    context: Context,
    accounts: Accounts,
    activity: Activity,
    console: Console,
    assets: Assets,
    modules: Arc<Modules>,
    domains: Domains,
    sites: Sites,
    documents: Arc<Documents>,
    embed: Arc<Embed>,
    tokens: Tokens,
    limits: Arc<RateLimits>,
    request_log: RequestLog,
    records: Records,
    requests: Requests,
    views: Views,
}

impl App {
    /// Builds every capability on one ground, and the ends of the queues that its requests fill.
    fn new(context: Context) -> Result<(Self, Queues)> {
        let settings = &context.settings;
        let modules = Modules::new(&context)?;
        let domains = Domains::new(&context);
        let allowlist = Allowlist::new(&context, Sites::new(&context), modules.clone(), domains.clone());
        let (blocked, blocked_log) = embed::blocked(&context);
        let (counter, views) = views::counting(&context);
        let (request_log, lines) = RequestLog::new(context.metrics.clone());
        let requests = requests::Writer::new(&context, lines);
        let capabilities = Capabilities {
            assets: Assets::load(settings)?,
            documents: Arc::new(Documents::new(&context, modules.clone(), allowlist.clone())?),
            embed: Arc::new(Embed::new(&context, allowlist, blocked, counter)?),
            tokens: Tokens::new(&context),
            limits: Arc::new(RateLimits::new(
                settings.limits.redis_url.as_ref().map(SecretText::expose),
                context.clock.clone(),
                context.metrics.clone(),
            )?),
            request_log,
            records: Records::new(&context),
            requests: Requests::new(&context),
            views: Views::new(&context),
            modules: Arc::new(modules),
            domains,
            accounts: Accounts::new(&context),
            activity: Activity::new(&context),
            console: Console::new(&context)?,
            sites: Sites::new(&context),
            context,
        };
        Ok((Self(Arc::new(capabilities)), Queues { blocked: blocked_log, requests, views }))
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
    Accounts = accounts,
    Activity = activity,
    Console = console,
    Assets = assets,
    Context = context,
    Domains = domains,
    Records = records,
    Requests = requests,
    Sites = sites,
    Tokens = tokens,
    Views = views,
    Arc<Documents> = documents,
    Arc<Embed> = embed,
    Arc<Modules> = modules,
    Arc<RateLimits> = limits,
}

/// A server that runs.
pub struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
    background: Background,
    context: Context,
}

impl Server {
    /// Starts to listen where the settings say.
    pub async fn start(context: Context) -> Result<Self> {
        let listen = &context.settings.server.listen;
        let listener = TcpListener::bind(listen).await.map_err(|error| cannot_listen(listen, error))?;
        let address = listener.local_addr().map_err(Error::internal)?;
        if context.db.bypasses_row_security().await? {
            tracing::warn!(
                "the database role is a superuser or has BYPASSRLS, so row-level security does not hold it; use a role of its own"
            );
        }
        Requests::new(&context).prepare().await?;
        let (app, queues) = App::new(context.clone())?;
        let stop = CancellationToken::new();
        let serving = tokio::spawn(http::serve(listener, app.host_router()?, stop.clone()));
        let background = Background::start(&context, queues);
        Ok(Self { address, stop, serving, background, context })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts nobody new, lets requests under way finish, ends the background loops, and closes the database.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.serving.await {
            tracing::error!(%error, "the listener did not end well");
        }
        self.background.stop(GRACE).await;
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
