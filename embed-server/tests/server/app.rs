//! A server for one test: the real one, in this process, with the clock and the DNS in the test's hands.

use chrono::{DateTime, Utc};
use embed_base::Context;
use embed_base::clock::Clock;
use embed_base::config::Settings;
use embed_base::crypto::Random;
use embed_base::db::on;
use embed_base::events::activity::Actor;
use embed_core::accounts::Accounts;
use embed_core::domains::{AllowedDomain, Domains, NewDomain};
use embed_core::modules::{Bundle, Modules};
use embed_core::oauth::{CreatedClient, OAuth};
use embed_core::sites::Sites;
use embed_core::tokens::Tokens;
use embed_server::app::Server;
use embed_testing::Database;
use embed_testing::NameServer;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::process::{Command, Output};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

/// 32 bytes of nothing secret.
pub const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

pub struct TestApp {
    pub context: Context,
    pub names: NameServer,
    pub server: Server,
    environment: Vec<(&'static str, String)>,
    client: reqwest::Client,
    /// Last, so that it goes when nobody uses it any more.
    pub database: Database,
}

impl TestApp {
    pub async fn start(database: Database) -> Self {
        Self::start_with(database, &[]).await
    }

    /// A server whose environment has these settings besides those that it needs.
    pub async fn start_with(database: Database, more: &[(&'static str, &str)]) -> Self {
        // No story speaks TLS to the server itself, but the client wants to be able to.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let names = NameServer::start().await;
        let mut environment = vec![
            ("DATABASE_URL", database.url.clone()),
            ("EMBED_LISTEN", "127.0.0.1:0".to_owned()),
            ("EMBED_PUBLIC_URL", "https://embed.test".to_owned()),
            ("EMBED_MODULE_HOST", "*.modules.test".to_owned()),
            ("EMBED_SECRET_KEY", SECRET.to_owned()),
            ("EMBED_STORAGE_URL", format!("file://{}", database.folder.path().join("files").display())),
            ("EMBED_DNS_SERVER", names.address.to_string()),
            ("EMBED_VERIFY_LIMIT", "1000000".to_owned()),
            ("EMBED_ANONYMOUS_LIMIT", "1000000".to_owned()),
        ];
        for &(name, value) in more {
            environment.retain(|(known, _)| *known != name);
            environment.push((name, value.to_owned()));
        }
        let settings = Settings::from_environment(environment.iter().cloned()).unwrap();
        let clock = Clock::standing_at(DateTime::<Utc>::from_timestamp(1_800_000_000, 0).unwrap());
        let context = embed_server::open_with(settings, clock, Random::seeded(1)).await.unwrap();
        let server = Server::start(context.clone()).await.unwrap();
        // A server closes a connection whose body it did not read; nobody may find such a one in a pool.
        let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
        Self { context, names, server, environment, client, database }
    }

    /// A request to the public origin.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_at("embed.test", method, path)
    }

    /// A request to another host that this server answers for.
    pub fn request_at(&self, host: &str, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.server.address())).header("Host", host)
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    /// A request to a module's own origin.
    pub fn module_get(&self, module: Uuid, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.server.address());
        self.client.get(url).header("Host", format!("{module}.modules.test"))
    }

    /// The same with a path that no client would send as it is; the raw answer.
    pub async fn raw_module_get(&self, module: Uuid, path: &str) -> String {
        let mut stream = TcpStream::connect(self.server.address()).await.unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {module}.modules.test\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The environment of a process that works on the server's database.
    pub fn environment(&self) -> impl Iterator<Item = (&'static str, String)> + '_ {
        self.environment.iter().cloned()
    }

    /// A second server on the same database, with what it remembers its own.
    pub async fn second_server(&self) -> Server {
        let settings = self.context.settings.clone();
        let (clock, random) = (self.context.clock.clone(), self.context.random.clone());
        let context = embed_server::open_with(settings, clock, random).await.unwrap();
        Server::start(context).await.unwrap()
    }

    /// What a page of `origin` asks before it embeds.
    pub fn ask(&self, origin: &str, site: Uuid, module: Uuid) -> RequestBuilder {
        self.ask_with(origin, &json!({ "siteId": site, "moduleId": module, "origin": origin }))
    }

    /// The same at another server.
    pub fn ask_at(&self, server: SocketAddr, origin: &str, site: Uuid, module: Uuid) -> RequestBuilder {
        self.client
            .post(format!("http://{server}/api/embed/verify"))
            .header("Host", "embed.test")
            .header("Origin", origin)
            .header("Content-Type", "text/plain")
            .body(json!({ "siteId": site, "moduleId": module, "origin": origin }).to_string())
    }

    pub fn ask_with(&self, origin: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, "/api/embed/verify")
            .header("Origin", origin)
            .header("Content-Type", "text/plain")
            .body(body.to_string())
    }

    /// The code with which a page is refused, or `allowed`.
    pub async fn verdict(&self, origin: &str, site: Uuid, module: Uuid) -> String {
        let (_, body) = json_of(self.ask(origin, site, module).send().await.unwrap()).await;
        if body["allowed"] == true { "allowed".to_owned() } else { body["code"].as_str().unwrap().to_owned() }
    }

    pub async fn site(&self) -> Uuid {
        let organization = "00000000-0000-7000-8000-000000000001".parse().unwrap();
        Sites::new(&self.context).create(&Actor::CommandLine, organization, "A site").await.unwrap().id
    }

    /// Publishes a module that knows all types.
    pub async fn module(&self, site: Uuid, name: &str) -> Uuid {
        self.publish(site, &json!({ "name": name, "version": "1.0.0", "launcher": { "label": "Open" } }))
            .await
    }

    pub async fn publish(&self, site: Uuid, manifest: &Value) -> Uuid {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("module.json"), manifest.to_string()).unwrap();
        std::fs::write(folder.path().join("index.html"), "<!doctype html><title>Hello</title>").unwrap();
        let bundle = Bundle::read(folder.path()).unwrap();
        let published = Modules::new(&self.context)
            .unwrap()
            .publish(&Actor::CommandLine, site, None, bundle, |_, _| {})
            .await
            .unwrap();
        self.settle().await;
        published.id
    }

    /// Makes an API token; its secret. `new` says what it may, and needs no name.
    pub async fn token(&self, site: Uuid, module: Uuid, mut new: Value) -> String {
        new["name"] = "A token".into();
        new["moduleId"] = module.to_string().into();
        let new = serde_json::from_value(new).unwrap();
        let made = Tokens::new(&self.context).create(&Actor::CommandLine, site, new).await.unwrap();
        self.settle().await;
        made.token
    }

    pub fn oauth(&self) -> OAuth {
        let (accounts, sites) = (Accounts::new(&self.context), Sites::new(&self.context));
        OAuth::new(&self.context, accounts, Modules::new(&self.context).unwrap(), sites)
    }

    /// Registers an app. `new` says what it may, and needs no name.
    pub async fn oauth_client(&self, site: Uuid, module: Uuid, mut new: Value) -> CreatedClient {
        let name = new.get("name").cloned().unwrap_or("An app".into());
        new["name"] = name;
        new["moduleId"] = module.to_string().into();
        let new = serde_json::from_value(new).unwrap();
        let made = self.oauth().create_client(&Actor::CommandLine, site, new).await.unwrap();
        self.settle().await;
        made
    }

    pub fn domains(&self) -> Domains {
        Domains::new(&self.context)
    }

    pub async fn add(&self, site: Uuid, module: Uuid, domain: &str) -> AllowedDomain {
        let pattern = self.domains().pattern(domain).unwrap();
        let new = NewDomain {
            pattern,
            allow_embed: true,
            allow_api: true,
            embed_types: Vec::new(),
            rate_limit: 1000,
            ancestors: Vec::new(),
        };
        let added = self.domains().add(&Actor::CommandLine, site, module, new).await.unwrap();
        self.settle().await;
        added
    }

    /// Adds a domain and proves it by DNS.
    pub async fn allow(&self, site: Uuid, module: Uuid, domain: &str) -> AllowedDomain {
        let added = self.add(site, module, domain).await;
        self.prove(&added).await;
        let verified = self.domains().verify(&Actor::CommandLine, site, added.id, None).await.unwrap();
        self.settle().await;
        verified
    }

    /// Publishes the DNS record of a domain.
    pub async fn prove(&self, domain: &AllowedDomain) {
        let text = format!("dramac-site-verification={}", domain.verification_token);
        self.names.publish(&record_name(domain), &[&text]).await;
    }

    /// Lets the server see what has changed at once; that it sees it by itself is a story of its own.
    pub async fn settle(&self) {
        self.context.changes.refresh(&self.context.db).await.unwrap();
    }

    /// The names of a site's events, oldest first. Those of commands come before the server's, because a command has
    /// the system's clock.
    pub async fn events(&self, site: Uuid) -> Vec<String> {
        let text = "SELECT type FROM events WHERE site_id = $1 ORDER BY id";
        let mut tx = self.context.db.read(site).await.unwrap();
        on!(&mut tx, |conn| sqlx::query_scalar(text).bind(site).fetch_all(conn).await).unwrap()
    }

    /// Runs the command line in a process of its own, on the server's database.
    pub fn command(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_embed-server"))
            .args(arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.database.folder.path())
            .output()
            .unwrap()
    }

    /// The same where it must succeed, with `--json`.
    pub fn command_json(&self, arguments: &[&str]) -> Value {
        let output = self.command(&[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// Where the record of a domain belongs.
pub fn record_name(domain: &AllowedDomain) -> String {
    format!("_dramac-verify.{}", domain.domain.trim_start_matches("*."))
}

/// Status and body, which must be JSON.
pub async fn json_of(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text:?}")))
}
