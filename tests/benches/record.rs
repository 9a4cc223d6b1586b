//! What do proof, limits and log cost a program that reads a record with an API token?
//!
//! `cargo build --release && cargo bench -p stories -- record`. Compared with the same handler on the same database
//! without a gateway before it, in a process of its own like the server's. Both run all the time, and are asked in turn.

use anyhow::{Context as _, Result};
use axum::Router;
use axum::middleware::{Next, from_fn};
use axum::serve::ListenerExt;
use embed_base::config::Settings;
use embed_base::http::{Call, Caller, CallerKind, Grant, ScopeSet};
use embed_core::records;
use embed_core::services::Services;
use std::process::Stdio;
use std::time::Duration;
use stories::figures::{Row, Spread, publish_and_document};
use stories::load::{self, Load};
use stories::{Installation, Server, module, port, wait};
use tokio::process::{Child, Command};
use uuid::Uuid;

/// How often each server is asked, and for how long each time.
const ROUNDS: usize = 9;
const LENGTH: Duration = Duration::from_secs(2);
/// Keep-alive connections.
const CONNECTIONS: usize = 32;
/// Records that are read.
const RECORDS: usize = 1_000;

/// Set for the process that is the handler alone: the port it listens on, and the site and module that it serves.
const BARE: &str = "STORIES_BARE_RECORDS";

pub async fn measure() -> Result<()> {
    if let Ok(bare) = std::env::var(BARE) {
        let (port, ids) = bare.split_once(' ').context("a port")?;
        let (site, module) = ids.split_once(' ').context("a site and a module")?;
        return serve_bare(port.parse()?, site.parse()?, module.parse()?).await;
    }
    // Nothing here speaks TLS, but the client wants to be able to.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let installation = Installation::new()?.with("RUST_LOG", "info");
    let site = installation.create_site().await?;
    let module = installation.publish(&site, &module::bridge()).await?;
    let at = ["--site", &site, "--module", &module];
    let limits = ["--scopes", "read,write", "--rate-limit", "1000000000"];
    let made = installation.run(&[&["token", "create", "Reader"][..], &at, &limits].concat()).await?;
    let token = made["token"].as_str().context("a token")?;
    let _server = Server::start(&installation).await?;
    let paths = fill(&installation, &module, token).await?;
    let bare_port = port::free()?;
    let _bare = start_bare(&installation, bare_port, &site, &module).await?;

    let ports = [bare_port, installation.port];
    let mut loads: [Vec<Load>; 2] = Default::default();
    for round in 0..=ROUNDS {
        for turn in 0..ports.len() {
            let which = (turn + round) % ports.len();
            let asked = || load::get(ports[which], &paths, token, CONNECTIONS, LENGTH);
            let load = tokio::task::block_in_place(asked)?;
            // The first round warms the machine and the caches up.
            if round > 0 {
                loads[which].push(load);
            }
        }
    }
    let rates = loads.each_ref().map(|loads| loads.iter().map(|load| load.per_second).collect::<Vec<_>>());
    let ratio = Spread::of_ratios(&rates[1], &rates[0]);
    let row = Row {
        what: "a record with a token, against the handler alone".to_owned(),
        ours: Spread::of(&rates[1]),
        theirs: Spread::of(&rates[0]),
        ratio,
        goal: "≥ 0.7",
        reached: ratio.median >= 0.7,
    };
    publish_and_document("record-rate", "requests/s", &[row])
}

/// Makes the records; their paths.
async fn fill(installation: &Installation, module: &str, token: &str) -> Result<Vec<String>> {
    let folder = format!("/api/v1/modules/{module}/records/notes");
    let url = format!("http://127.0.0.1:{}{folder}", installation.port);
    let client = reqwest::Client::new();
    let mut paths = Vec::with_capacity(RECORDS);
    for number in 0..RECORDS {
        let body = format!(r#"{{"text":"Note {number}","rating":{}}}"#, number % 5);
        let asked =
            client.post(&url).bearer_auth(token).header("Content-Type", "application/json").body(body);
        let answer = asked.send().await?.error_for_status()?;
        let tag = answer.headers()["location"].to_str()?;
        paths.push(tag[tag.find("/api/").context("a path")?..].to_owned());
    }
    Ok(paths)
}

/// Starts this very program as the handler alone, on the installation's database.
async fn start_bare(installation: &Installation, port: u16, site: &str, module: &str) -> Result<Child> {
    let mut server = installation.command(["serve"]);
    let settings = server.as_std_mut().get_envs().filter_map(|(name, value)| Some((name, value?)));
    let process = Command::new(std::env::current_exe()?)
        .arg("record")
        .env_clear()
        .envs(settings)
        .env(BARE, format!("{port} {site} {module}"))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    wait::until("the handler alone listened", wait::LIMIT, async || Ok(port::taken(port).then_some(())))
        .await?;
    Ok(process)
}

/// The routes of records, with every call admitted.
async fn serve_bare(port: u16, site: Uuid, module: Uuid) -> Result<()> {
    let environment: Vec<_> = std::env::vars().filter(|(name, _)| name != BARE).collect();
    let environment = environment.iter().map(|(name, value)| (name.as_str(), value.clone()));
    let context = embed_server::open(Settings::from_environment(environment)?).await?;
    let grant = Grant::Scopes(ScopeSet::all_records());
    let call = Call { site, module, caller: Caller { kind: CallerKind::Token, id: Uuid::nil(), grant } };
    let admit = from_fn(move |mut request: axum::extract::Request, next: Next| {
        request.extensions_mut().insert(call.clone());
        next.run(request)
    });
    let (services, _queues) = Services::new(context)?;
    let routes: Router = Router::from(records::routes::router()).layer(admit).with_state(services);
    // As the server does: else a small answer waits for the one before it to be acknowledged.
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?.tap_io(|stream| {
        // A socket that is closing already refuses; its connection ends by itself.
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, routes).await?)
}
