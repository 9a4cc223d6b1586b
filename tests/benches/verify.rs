//! How much do the checks of `POST /api/embed/verify` cost, and do they cost more when the list is long?
//!
//! `cargo build --release && cargo bench -p stories -- verify`. Compared with an axum handler, in a process of its
//! own like the server's, that parses the same body and returns the same JSON without any check. All servers run all the
//! time, and are asked in turn.

use anyhow::{Context, Result};
use axum::routing::post;
use axum::serve::ListenerExt;
use axum::{Json, Router};
use embed_protocol::verify::{Allowed, PATH, Request};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use stories::figures::{Row, Spread, publish_and_document};
use stories::load::{self, Load};
use stories::{Installation, Server, module, port, wait};
use tokio::process::{Child, Command};

/// How often each server is asked, and for how long each time.
const ROUNDS: usize = 9;
const LENGTH: Duration = Duration::from_secs(2);
/// Keep-alive connections.
const CONNECTIONS: usize = 32;

/// Set for the process that is the handler without checks: the port it listens on, and what it answers.
const BARE_PORT: &str = "STORIES_BARE_PORT";
const BARE_ANSWER: &str = "STORIES_BARE_ANSWER";

pub async fn measure() -> Result<()> {
    if let (Ok(port), Ok(answer)) = (std::env::var(BARE_PORT), std::env::var(BARE_ANSWER)) {
        return bare(port.parse()?, serde_json::from_str(&answer)?).await;
    }
    let short = Subject::new(10, 10).await?;
    let longer = Subject::new(10_000, 1_000).await?;
    let busy = Subject::new(1_000_000, 1_000).await?;
    let bare_port = port::free()?;
    let _bare = start_bare(bare_port, &short.answer().await?).await?;

    let subjects = [
        (bare_port, &short.bodies),
        (short.port(), &short.bodies),
        (longer.port(), &longer.bodies),
        (busy.port(), &busy.bodies),
    ];
    let mut loads: [Vec<Load>; 4] = Default::default();
    for round in 0..=ROUNDS {
        for turn in 0..subjects.len() {
            // Each round begins with another one.
            let which = (turn + round) % subjects.len();
            let (port, bodies) = subjects[which];
            let load = tokio::task::block_in_place(|| load::post(port, PATH, bodies, CONNECTIONS, LENGTH))?;
            // The first round warms the machine and the caches up.
            if round > 0 {
                loads[which].push(load);
            }
        }
    }

    let rates = loads.each_ref().map(|loads| loads.iter().map(|load| load.per_second).collect::<Vec<_>>());
    let p99s = loads.each_ref().map(|loads| loads.iter().map(|load| load.p99).collect::<Vec<_>>());
    let [least, no_less] =
        [("≥ 0.8", 0.8), ("≥ 0.9", 0.9)].map(|(goal, bound)| Goal { goal, bound, at_least: true });
    publish_and_document("verify-rate", "requests/s", &rows(&rates, least, no_less))?;
    let [most, no_more] =
        [("≤ 1.25", 1.25), ("≤ 1.1", 1.1)].map(|(goal, bound)| Goal { goal, bound, at_least: false });
    publish_and_document("verify-p99", "ms", &rows(&p99s, most, no_more))
}

/// What a ratio shall be.
#[derive(Clone, Copy)]
struct Goal {
    goal: &'static str,
    bound: f64,
    at_least: bool,
}

/// Each list against no checks, and the longer ones against the shortest.
fn rows(samples: &[Vec<f64>; 4], unchecked: Goal, flat: Goal) -> Vec<Row> {
    let names = ["no checks", "10 domains", "10 000 domains", "1 000 000 domains"];
    let pairs = [(1, 0, unchecked), (2, 0, unchecked), (3, 0, unchecked), (2, 1, flat), (3, 1, flat)];
    let row = |(ours, theirs, goal): (usize, usize, Goal)| {
        row(&format!("{}, against {}", names[ours], names[theirs]), &samples[ours], &samples[theirs], goal)
    };
    pairs.into_iter().map(row).collect()
}

fn row(what: &str, ours: &[f64], theirs: &[f64], Goal { goal, bound, at_least }: Goal) -> Row {
    let ratio = Spread::of_ratios(ours, theirs);
    let reached = if at_least { ratio.median >= bound } else { ratio.median <= bound };
    Row { what: what.to_owned(), ours: Spread::of(ours), theirs: Spread::of(theirs), ratio, goal, reached }
}

/// A running server with so many allowed domains, and the questions of those among them that ask.
struct Subject {
    installation: Installation,
    _server: Server,
    bodies: Vec<(String, String)>,
}

impl Subject {
    async fn new(domains: u32, asking: u32) -> Result<Self> {
        let installation =
            Installation::new()?.with("EMBED_VERIFY_LIMIT", "1000000000").with("RUST_LOG", "info");
        let site = installation.create_site().await?;
        let module = installation.publish(&site, &module::bridge()).await?;
        installation.allow(&site, &module, installation.port, &[]).await?;
        allow_many(&installation, domains).await?;
        let step = domains / asking;
        let bodies = (0..asking)
            .map(|n| {
                let origin = format!("https://shop{}.example.com", n * step + 1);
                let body = format!(
                    r#"{{"siteId":"{site}","moduleId":"{module}","origin":"{origin}","type":"inline"}}"#
                );
                (origin, body)
            })
            .collect();
        let server = Server::start(&installation).await?;
        Ok(Self { installation, _server: server, bodies })
    }

    fn port(&self) -> u16 {
        self.installation.port
    }

    /// What this server answers, as JSON.
    async fn answer(&self) -> Result<String> {
        let (origin, body) = &self.bodies[0];
        let answer = stories::server::post(self.port(), PATH, origin, body).await?;
        Ok(answer.split_once("\r\n\r\n").context("an answer has a body")?.1.to_owned())
    }
}

/// Puts `shop1.example.com` and so many more on the list, verified, by one statement: the command line would take hours.
async fn allow_many(installation: &Installation, domains: u32) -> Result<()> {
    let file = installation.folder().join("embed.db");
    let mut database: SqliteConnection = SqliteConnectOptions::new().filename(file).connect().await?;
    sqlx::query(
        "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $1)
         INSERT INTO module_allowed_domains (id, site_id, module_id, domain, verified, verification_token, verified_at,
             allow_embed, allow_api, embed_types, rate_limit, verification_method, next_check_at, created_at, updated_at)
         SELECT randomblob(16), site_id, module_id, 'shop' || n || '.example.com', TRUE, lower(hex(randomblob(32))),
             verified_at, allow_embed, allow_api, embed_types, rate_limit, 'dns', '2999-01-01T00:00:00+00:00', created_at,
             updated_at
         FROM module_allowed_domains, numbers",
    )
    .bind(domains)
    .execute(&mut database)
    .await?;
    Ok(database.close().await?)
}

/// Starts this very program as the handler without checks.
async fn start_bare(port: u16, answer: &str) -> Result<Child> {
    let process = Command::new(std::env::current_exe()?)
        .arg("verify")
        .env(BARE_PORT, port.to_string())
        .env(BARE_ANSWER, answer)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    wait::until("the handler without checks listened", wait::LIMIT, async || {
        Ok(port::taken(port).then_some(()))
    })
    .await?;
    Ok(process)
}

/// The handler without checks.
async fn bare(port: u16, answer: Allowed) -> Result<()> {
    let answer = Arc::new(answer);
    let handler = async move |body: String| match serde_json::from_str::<Request>(&body) {
        Ok(_) => Ok(Json(Allowed::clone(&answer))),
        Err(_) => Err(axum::http::StatusCode::BAD_REQUEST),
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?.tap_io(|stream| {
        // A socket that is closing already refuses; its connection ends by itself.
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, Router::new().route(PATH, post(handler))).await?)
}
