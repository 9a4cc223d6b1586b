//! `embed-server demo`: everything on one machine. A server in a temporary folder, the example modules, a website that can
//! embed them, one that cannot, and an app that asks for access to their data.

use crate::app::Server;
use crate::log::Log;
use crate::output::Output;
use crate::output::Readable;
use crate::shutdown;
use clap::Args;
use embed_base::Context;
use embed_base::config::Settings;
use embed_base::events::activity::Actor;
use embed_base::http::{Scope, ScopeSet, Verb};
use embed_base::{Error, Result};
use embed_bundle::{Dir, EXAMPLES};
use embed_core::accounts::{Accounts, Email, Role};
use embed_core::domains::{Domains, NewDomain, RATE_LIMIT};
use embed_core::modules::{Bundle, Modules};
use embed_core::oauth::{NewClient, OAuth};
use embed_core::sign_in::SignIn;
use embed_core::sites::Sites;
use embed_core::tokens::{NewToken, Tokens};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::io::ErrorKind;
use std::path::Path;
use std::pin::pin;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use uuid::Uuid;
use website::Website;

mod visits;
mod website;

#[derive(Args, Clone, Copy)]
pub struct Ports {
    /// Port of the embed server
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    port: u16,
    /// Port of the website that can embed
    #[arg(long, value_name = "PORT", default_value_t = 8081)]
    site_port: u16,
    /// Port of the website that cannot
    #[arg(long, value_name = "PORT", default_value_t = 8082)]
    stranger_port: u16,
    /// Port of the app that asks for access to data
    #[arg(long, value_name = "PORT", default_value_t = 8083)]
    app_port: u16,
}

pub async fn run(ports: Ports, output: Output) -> Result<()> {
    let mut stop = pin!(shutdown::requested());
    // The folder is removed when this function returns.
    let folder = tempfile::Builder::new()
        .prefix("embed-demo-")
        .tempdir()
        .map_err(|error| Error::unavailable(format!("Cannot create a temporary folder: {error}."), error))?;
    let demo = tokio::select! {
        started = Demo::start(ports, &folder) => started?,
        stopped = &mut stop => return stopped,
    };
    output.print(&demo.guide)?;
    let stopped = stop.await;
    demo.stop().await;
    stopped
}

/// A running demo.
struct Demo {
    server: Server,
    websites: JoinSet<()>,
    guide: Guide,
    _log: Log,
}

impl Demo {
    async fn start(ports: Ports, folder: &TempDir) -> Result<Self> {
        // Reports a port that is in use before anything is created. The server binds it again later.
        drop(listen(ports.port, "--port").await?);
        let allowed = listen(ports.site_port, "--site-port").await?;
        let stranger = listen(ports.stranger_port, "--stranger-port").await?;
        let app = listen(ports.app_port, "--app-port").await?;

        let settings = settings(ports.port, folder.path())?;
        let log = Log::start(&settings);
        let context = crate::open(settings).await?;
        let seeded = seed(&context, ports, folder.path()).await?;
        let server = Server::start(context.clone()).await?;

        let guide = Guide {
            server: context.settings.server.public_url.clone(),
            allowed: origin(ports.site_port),
            stranger: origin(ports.stranger_port),
            app: origin(ports.app_port),
            client_id: seeded.client_id,
            site_id: seeded.site,
            modules: seeded.modules,
            token: seeded.token,
            personal_token: seeded.personal_token,
            console: format!("{}{}", context.settings.server.public_url, seeded.console),
            page_token: seeded.page_token,
            pages: website::pages(),
        };
        let placeholders = guide
            .placeholders(context.settings.server.module_host.as_ref().map_or("", |host| host.pattern()));
        let mut websites = JoinSet::new();
        websites.spawn(Website::new("sites", placeholders.clone()).serve(allowed));
        websites.spawn(Website::new("sites/stranger", placeholders.clone()).serve(stranger));
        websites.spawn(Website::new("apps/page", placeholders).serve(app));
        visits::simulate(&guide).await?;
        Ok(Self { server, websites, guide, _log: log })
    }

    async fn stop(mut self) {
        self.websites.shutdown().await;
        self.server.stop().await;
    }
}

async fn listen(port: u16, flag: &str) -> Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| {
        let reason = match error.kind() {
            ErrorKind::AddrInUse => {
                format!("another program is using this port. Stop it, or choose another port with {flag}")
            }
            _ => format!("{error}. Choose another port with {flag}"),
        };
        let detail = format!("The demo cannot listen on port {port}: {reason}.");
        Error::unavailable(detail, error)
    })
}

fn origin(port: u16) -> String {
    format!("http://localhost:{port}")
}

/// The demo's settings. The environment is ignored, since it may be that of a real installation.
fn settings(port: u16, folder: &Path) -> Result<Settings> {
    Settings::from_environment([
        ("DATABASE_URL", format!("sqlite://{}", folder.join("embed.db").display())),
        ("EMBED_DEV", "1".into()),
        ("EMBED_LISTEN", format!("127.0.0.1:{port}")),
        ("EMBED_MODULE_HOST", format!("*.localhost:{port}")),
        ("EMBED_PUBLIC_URL", origin(port)),
        ("EMBED_STORAGE_URL", format!("file://{}", folder.join("files").display())),
        // Logs nothing but sign-in codes, for signing in again after signing out.
        ("RUST_LOG", "off,embed_server::sign_in=warn".into()),
    ])
}

/// The demo's content in the database.
struct Seeded {
    site: Uuid,
    /// Ids by the name of the example's folder.
    modules: BTreeMap<String, Uuid>,
    /// The owner's token for the management API.
    personal_token: String,
    /// The path of a link that signs the owner in.
    console: String,
    /// A token with all scopes for the feedback form's entries.
    token: String,
    /// A token that can read them, from the first website only.
    page_token: String,
    /// The apps that may ask people to let them read the entries.
    client_id: String,
}

/// Creates a site with every example module, each allowed on the first website, and registers the app.
async fn seed(context: &Context, ports: Ports, folder: &Path) -> Result<Seeded> {
    let allowed_port = ports.site_port;
    let unpacked = folder.join("examples");
    std::fs::create_dir_all(&unpacked).and_then(|()| EXAMPLES.extract(&unpacked)).map_err(Error::internal)?;

    let accounts = Accounts::new(context);
    let organization = accounts.organization(None).await?;
    let owner = Email::parse("owner@example.com")?;
    accounts.invite(&Actor::CommandLine, organization, owner.clone(), None, Role::Owner).await?;
    let (_, personal_token) = accounts.token(&Actor::CommandLine, &owner, "Demo", None).await?;
    let site = Sites::new(context).create(&Actor::CommandLine, organization, "Demo").await?.id;
    let modules = Modules::new(context)?;
    let domains = Domains::new(context);
    let mut published = BTreeMap::new();
    for example in EXAMPLES.get_dir("modules").into_iter().flat_map(Dir::dirs) {
        let bundle = Bundle::read(&unpacked.join(example.path()))?;
        let module = modules.publish(&Actor::CommandLine, site, None, bundle, |_, _| {}).await?.id;
        let domain = NewDomain {
            pattern: domains.pattern(&format!("localhost:{allowed_port}"))?,
            allow_embed: true,
            allow_api: true,
            embed_types: Vec::new(),
            rate_limit: RATE_LIMIT,
            ancestors: Vec::new(),
        };
        domains.add(&Actor::CommandLine, site, module, domain).await?;
        let name = example.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        published.insert(name, module);
    }
    let feedback = published.get("feedback").copied().unwrap_or_default();
    let website = Some(vec![format!("localhost:{allowed_port}")]);
    Ok(Seeded {
        site,
        personal_token: personal_token.reveal().to_owned(),
        console: SignIn::new(context, accounts.clone())?.reusable_link(&owner).await?,
        token: token(
            context,
            (site, feedback),
            "From the command line",
            &Verb::ALL.map(Scope::Records),
            None,
        )
        .await?,
        page_token: token(
            context,
            (site, feedback),
            "The website's own",
            &[Scope::Records(Verb::Read)],
            website,
        )
        .await?,
        client_id: client(context, accounts, (site, feedback), &origin(ports.app_port)).await?,
        modules: published,
    })
}

/// Registers the example apps, one of them a page of this origin, and returns their client id.
async fn client(
    context: &Context,
    accounts: Accounts,
    (site, module): (Uuid, Uuid),
    origin: &str,
) -> Result<String> {
    let new = NewClient {
        module_id: module,
        name: "Example reader".to_owned(),
        // The page, and the example for the command line.
        redirect_uris: vec![format!("{origin}/"), "http://127.0.0.1/callback".to_owned()],
        scopes: ScopeSet::parse("read profile")?,
        allowed_origins: vec![origin.to_owned()],
        homepage: None,
        privacy_url: None,
        terms_url: None,
        confidential: false,
        client_credentials: false,
    };
    let oauth = OAuth::new(context, accounts, Modules::new(context)?, Sites::new(context));
    Ok(oauth.create_client(&Actor::CommandLine, site, new).await?.details.client_id)
}

async fn token(
    context: &Context,
    (site, module): (Uuid, Uuid),
    name: &str,
    scopes: &[Scope],
    allowed_domains: Option<Vec<String>>,
) -> Result<String> {
    let new = NewToken {
        module_id: module,
        name: name.to_owned(),
        scopes: scopes.to_vec(),
        allowed_domains,
        allowed_ips: None,
        rate_limit: None,
        expires_at: None,
    };
    Ok(Tokens::new(context).create(&Actor::CommandLine, site, new).await?.token)
}

/// What the demo prints: addresses, ids and tokens.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Guide {
    server: String,
    allowed: String,
    stranger: String,
    /// An app that asks for access to the form's entries, and its client id.
    app: String,
    client_id: String,
    site_id: Uuid,
    modules: BTreeMap<String, Uuid>,
    /// An API token for the entries of the feedback form.
    token: String,
    /// A personal token of the demo's owner, for the management API.
    personal_token: String,
    /// A sign-in link to the console, valid until the demo ends.
    console: String,
    /// The token that the website's page reads the entries with.
    #[serde(skip)]
    page_token: String,
    /// By path, with the page's title.
    pages: BTreeMap<String, String>,
}

impl Guide {
    /// The values for the placeholders in the websites' files.
    fn placeholders(&self, module_origins: &str) -> Vec<(String, String)> {
        let ids = self.modules.iter().map(|(name, id)| (name.as_str(), id.to_string()));
        let fixed = [
            ("server", self.server.clone()),
            ("modules", module_origins.to_owned()),
            ("allowed", self.allowed.clone()),
            ("site", self.site_id.to_string()),
            ("token", self.page_token.clone()),
            ("client", self.client_id.clone()),
        ];
        fixed.into_iter().chain(ids).map(|(name, value)| (format!("{{{{{name}}}}}"), value)).collect()
    }
}

impl Readable for Guide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "A website that can embed the modules: {}/", self.allowed)?;
        for (path, title) in &self.pages {
            writeln!(f, "  {}{path:<30} {title}", self.allowed)?;
        }
        writeln!(f, "\nA website that cannot: {}/", self.stranger)?;
        writeln!(f, "  It shows an error with a Retry button; the browser's console says what to do.")?;
        writeln!(f, "\nThe console, to manage everything: {}", self.console)?;
        writeln!(f, "  Its charts start with one visit to each page by the demo itself.")?;
        writeln!(f, "\nAn app that asks you for access to the form's data: {}/", self.app)?;
        writeln!(
            f,
            "  Open the console first, so that you are signed in; then press Sign in there, and Allow."
        )?;
        writeln!(f, "\nThe embed server: {}", self.server)?;
        writeln!(f, "  {:<10} {}", "site", self.site_id)?;
        for (name, id) in &self.modules {
            writeln!(f, "  {name:<10} {id}")?;
        }
        writeln!(f, "  {:<10} {}", "client", self.client_id)?;
        writeln!(f, "\nAPI reference, with a form for each call: {}/api/docs", self.server)?;
        writeln!(f, "  for feedback's data, use as apiToken:       {}", self.token)?;
        writeln!(f, "  for the rest, use as personalToken:         {}", self.personal_token)?;
        write!(f, "\nEverything is in a temporary folder, which is deleted when you press Ctrl-C.")
    }
}
