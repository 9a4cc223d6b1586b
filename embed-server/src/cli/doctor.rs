//! `embed-server doctor`: looks at an installation from all sides, and says what to fix. It changes nothing.

use crate::app::Assets;
use crate::output::Output;
use crate::output::Readable;
use axum::http::{StatusCode, header};
use chrono::{DateTime, TimeDelta, Utc};
use embed_base::config::{DatabaseUrl, ModuleHost, Settings};
use embed_base::db::Db;
use embed_base::limits::RateLimits;
use embed_base::mail::Mail;
use embed_base::outbound::{Limits, LookupError, Outbound, Resolver};
use embed_base::{Error, Result};
use serde::Serialize;
use std::fmt;
use std::time::Duration;
use url::{Host, Url};

/// A name that has an address as long as there is an internet (RFC 2606).
const KNOWN_NAME: &str = "example.com";
const PATIENCE: Limits = Limits { time: Duration::from_secs(5), bytes: 1024, redirects: 0 };
/// Embed tokens and signatures are dated; machines further apart than this disagree about which are valid.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(30);

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    /// As it should be.
    Ok,
    /// Worth knowing; the server works.
    Note,
    /// Does not work, or is not safe.
    Fix,
}

#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    status: Status,
    detail: String,
}

#[derive(Serialize)]
struct Findings {
    ok: bool,
    checks: Vec<Check>,
}

pub(super) async fn run(settings: Result<Settings>, output: Output) -> Result<()> {
    let mut checks = Vec::new();
    let mut note = |name, (status, detail): (Status, String)| checks.push(Check { name, status, detail });
    match settings {
        Err(error) => note("settings", (Status::Fix, error.detail().to_owned())),
        Ok(settings) => {
            note("settings", secret(&settings));
            let (database, clock) = database(&settings).await;
            note("database", database);
            if let Some(url) = &settings.redis_url {
                note("redis", redis(url).await);
            }
            note("storage", storage(&settings));
            note("mail", mail(&settings).await);
            note("clock", clock);
            note("bundle", bundle(&settings));
            match settings.dns_server.map_or_else(Resolver::system, Resolver::at) {
                Err(error) => note("dns", (Status::Fix, error.to_string())),
                Ok(resolver) => {
                    note("dns", dns(&settings, &resolver).await);
                    note("public url", public_url(&settings, &resolver).await);
                    note("module host", module_host(&settings, &resolver).await);
                }
            }
        }
    }
    let wrong = checks.iter().filter(|check| check.status == Status::Fix).count();
    output.print(&Findings { ok: wrong == 0, checks })?;
    match wrong {
        0 => Ok(()),
        1 => Err(Error::invalid("One thing must be fixed.")),
        wrong => Err(Error::invalid(format!("{wrong} things must be fixed."))),
    }
}

fn secret(settings: &Settings) -> (Status, String) {
    match (&settings.secret_key, settings.dev) {
        (Some(_), false) => (Status::Ok, "complete".into()),
        (Some(_), true) => (Status::Note, "EMBED_DEV is set: pages on this computer may be allowed without proof. Leave it out in production".into()),
        (None, true) => (Status::Note, "EMBED_DEV is set: every start makes up a new secret. In production set EMBED_SECRET_KEY instead".into()),
        (None, false) => (Status::Fix, "EMBED_SECRET_KEY is not set: make one with `openssl rand -base64 32`, and keep it safe".into()),
    }
}

/// The mail server that takes the codes to sign in with.
async fn mail(settings: &Settings) -> (Status, String) {
    if settings.smtp_url.is_none() {
        let detail = "SMTP_URL is not set: codes to sign in with are printed in the server's log, and no letters are sent";
        return (Status::Note, detail.into());
    }
    let answers = async { Mail::new(settings)?.ping().await };
    match answers.await {
        Ok(()) => (Status::Ok, format!("the mail server answers; letters come from {}", settings.mail_from)),
        Err(error) => (Status::Fix, format!("{} {}", error.detail(), error.causes().unwrap_or_default())),
    }
}

/// The database, and what its clock says of ours.
async fn database(settings: &Settings) -> ((Status, String), (Status, String)) {
    let clock = plausible(Utc::now());
    if let DatabaseUrl::Sqlite(path) = &settings.database
        && !path.exists()
    {
        return ((Status::Note, format!("{} will be made at the first start", path.display())), clock);
    }
    let db = match Db::connect(&settings.database).await {
        Ok(db) => db,
        Err(error) => return ((Status::Fix, error.detail().to_owned()), clock),
    };
    let clock = match db.now().await {
        Ok(theirs) => apart(theirs, Utc::now()),
        Err(error) => (Status::Fix, error.detail().to_owned()),
    };
    let database = match db.bypasses_row_security().await {
        Ok(false) => (Status::Ok, format!("{} answers", db.engine())),
        Ok(true) => (
            Status::Note,
            "the role in DATABASE_URL is a superuser or has BYPASSRLS, so only queries keep tenants apart: use a role of its own".into(),
        ),
        Err(error) => (Status::Fix, error.detail().to_owned()),
    };
    db.close().await;
    (database, clock)
}

/// A clock that was never set shows an early year.
fn plausible(now: DateTime<Utc>) -> (Status, String) {
    if now < DateTime::UNIX_EPOCH + TimeDelta::days(55 * 365) {
        return (Status::Fix, format!("it shows {}: set it, best by NTP", now.format("%Y-%m-%d")));
    }
    (Status::Ok, now.format("%Y-%m-%d %H:%M:%S UTC").to_string())
}

fn apart(theirs: DateTime<Utc>, ours: DateTime<Utc>) -> (Status, String) {
    let difference = (theirs - ours).abs();
    if difference > CLOCK_TOLERANCE {
        let seconds = difference.num_seconds();
        return (Status::Fix, format!("it is {seconds} s away from the database's: set both by NTP"));
    }
    plausible(ours)
}

/// Without Redis the server works, only its limits are not shared.
async fn redis(url: &str) -> (Status, String) {
    match RateLimits::ping(url).await {
        Ok(()) => (Status::Ok, "answers".into()),
        Err(error) => (
            Status::Fix,
            format!("does not answer ({error}), so each server counts limits by itself: check REDIS_URL"),
        ),
    }
}

fn storage(settings: &Settings) -> (Status, String) {
    let shown = settings.storage.display();
    if !settings.storage.exists() {
        return (Status::Note, format!("{shown} will be made at the first publish"));
    }
    match tempfile::tempfile_in(&settings.storage) {
        Ok(_) => (Status::Ok, format!("{shown} can be written")),
        Err(error) => (
            Status::Fix,
            format!("{shown} cannot be written ({error}): EMBED_STORAGE_URL says where files lie"),
        ),
    }
}

fn bundle(settings: &Settings) -> (Status, String) {
    match Assets::load(settings) {
        Err(error) => (Status::Fix, error.detail().to_owned()),
        Ok(_) => match (&settings.bundle_dir, &settings.cdn_url) {
            (_, Some(cdn)) => (Status::Ok, format!("pages are pointed to {cdn}")),
            (Some(folder), None) => (Status::Ok, format!("served from {}", folder.display())),
            (None, None) => (Status::Ok, "served from this binary".into()),
        },
    }
}

async fn dns(settings: &Settings, resolver: &Resolver) -> (Status, String) {
    match resolver.addresses(KNOWN_NAME).await {
        Ok(_) | Err(LookupError::Absent) => (Status::Ok, "answers".into()),
        Err(error) => {
            let status = if settings.dev { Status::Note } else { Status::Fix };
            (
                status,
                format!(
                    "{error}. Domains cannot be verified without it; EMBED_DNS_SERVER names another server"
                ),
            )
        }
    }
}

async fn public_url(settings: &Settings, resolver: &Resolver) -> (Status, String) {
    let shown = &settings.public_url;
    let Some(host) = host(shown) else {
        return (Status::Fix, format!("{shown} has no host: EMBED_PUBLIC_URL is what browsers see"));
    };
    if is_local(&host) {
        let status = if settings.dev { Status::Ok } else { Status::Note };
        return (
            status,
            format!("{shown} is reached from this computer only; EMBED_PUBLIC_URL is what browsers see"),
        );
    }
    if !shown.starts_with("https://") {
        return (
            Status::Fix,
            format!(
                "{shown} is not https, and pages on https load nothing else: put a proxy with a certificate in front"
            ),
        );
    }
    let answer = match (Outbound::new(resolver.clone(), None), Url::parse(&format!("{shown}/healthz"))) {
        (Ok(outbound), Ok(url)) => outbound.get(url, PATIENCE).await.map_err(|error| error.to_string()),
        _ => return (Status::Fix, format!("{shown} makes no URL")),
    };
    match answer {
        Ok(answer)
            if answer.status() == StatusCode::OK && answer.headers().contains_key(header::CONTENT_TYPE) =>
        {
            (Status::Ok, format!("{shown} answers"))
        }
        Ok(answer) => (
            Status::Note,
            format!(
                "{shown}/healthz answers with status {}: does the proxy lead to this server?",
                answer.status().as_u16()
            ),
        ),
        Err(reason) => (
            Status::Note,
            format!(
                "{reason}. That is as it should be while the server does not run, or where it is reached by another way"
            ),
        ),
    }
}

async fn module_host(settings: &Settings, resolver: &Resolver) -> (Status, String) {
    let Some(module_host) = &settings.module_host else {
        let detail = "EMBED_MODULE_HOST is not set, so modules run sandboxed, without storage of their own: set it to a wildcard host such as *.modules.example.net";
        return (Status::Note, detail.into());
    };
    let shown = module_host.pattern();
    let (Some(modules), Some(public)) = (example_host(module_host), host(&settings.public_url)) else {
        return (Status::Fix, format!("{shown} has no host"));
    };
    if is_local(&modules) {
        return (Status::Ok, format!("{shown}, on this computer"));
    }
    if registrable(&modules) == registrable(&public) {
        let domain = registrable(&modules).unwrap_or(&modules).to_owned();
        return (
            Status::Fix,
            format!(
                "modules and server share {domain}, so browsers take them for one site: give modules a domain of their own"
            ),
        );
    }
    match resolver.addresses(&modules).await {
        Ok(_) => (Status::Ok, format!("{shown} resolves")),
        Err(LookupError::Absent) => {
            (Status::Fix, format!("{modules} does not resolve: publish a wildcard DNS record for {shown}"))
        }
        Err(error) => (Status::Note, format!("whether {shown} resolves could not be found out: {error}")),
    }
}

/// The host of some module.
fn example_host(module_host: &ModuleHost) -> Option<String> {
    host(&module_host.origin(uuid::Uuid::nil()))
}

fn host(url: &str) -> Option<String> {
    Url::parse(url).ok()?.host_str().map(str::to_owned)
}

fn is_local(host: &str) -> bool {
    match Host::parse(host) {
        Ok(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Ok(Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
        Ok(Host::Ipv6(address)) => address.is_loopback() || address.is_unspecified(),
        Err(_) => false,
    }
}

/// The part of a host that somebody has registered.
fn registrable(host: &str) -> Option<&str> {
    psl::domain_str(host)
}

impl Readable for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (line, Check { name, status, detail }) in self.checks.iter().enumerate() {
            let end = if line == 0 { "" } else { "\n" };
            let status = match status {
                Status::Ok => "ok",
                Status::Note => "note",
                Status::Fix => "fix",
            };
            write!(f, "{end}{status:<5} {name:<12} {detail}")?;
        }
        Ok(())
    }
}
