//! `embed-server doctor`: checks an installation and says what to fix. It changes nothing.

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

/// A reserved name that always resolves (RFC 2606).
const KNOWN_NAME: &str = "example.com";
const HEALTH_CHECK_LIMITS: Limits = Limits { time: Duration::from_secs(5), bytes: 1024, redirects: 0 };
/// Embed tokens and signatures expire, so machines whose clocks differ by more disagree about which are valid.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(30);

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
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
struct Report {
    ok: bool,
    checks: Vec<Check>,
}

pub(super) async fn run(settings: Result<Settings>, output: Output) -> Result<()> {
    let mut checks = Vec::new();
    let mut record = |name, (status, detail): (Status, String)| checks.push(Check { name, status, detail });
    match settings {
        Err(error) => record("settings", (Status::Fix, error.detail().to_owned())),
        Ok(settings) => {
            record("settings", secret(&settings));
            let (database, clock) = database(&settings).await;
            record("database", database);
            if let Some(url) = &settings.redis_url {
                record("redis", redis(url).await);
            }
            record("storage", storage(&settings));
            record("mail", mail(&settings).await);
            record("clock", clock);
            record("bundle", bundle(&settings));
            match settings.dns_server.map_or_else(Resolver::system, Resolver::at) {
                Err(error) => record("dns", (Status::Fix, error.to_string())),
                Ok(resolver) => {
                    record("dns", dns(&settings, &resolver).await);
                    record("public url", public_url(&settings, &resolver).await);
                    record("module host", module_host(&settings, &resolver).await);
                }
            }
        }
    }
    let wrong = checks.iter().filter(|check| check.status == Status::Fix).count();
    output.print(&Report { ok: wrong == 0, checks })?;
    match wrong {
        0 => Ok(()),
        1 => Err(Error::invalid("One thing must be fixed.")),
        wrong => Err(Error::invalid(format!("{wrong} things must be fixed."))),
    }
}

fn secret(settings: &Settings) -> (Status, String) {
    match (&settings.secret_key, settings.dev) {
        (Some(_), false) => (Status::Ok, "complete".into()),
        (Some(_), true) => (Status::Note, "EMBED_DEV is set: pages on this computer can be allowed without proof. Do not set it in production".into()),
        (None, true) => (Status::Note, "EMBED_DEV is set: every start generates a new secret. In production set EMBED_SECRET_KEY instead".into()),
        (None, false) => (Status::Fix, "EMBED_SECRET_KEY is not set: create one with `openssl rand -base64 32`, and keep it safe".into()),
    }
}

/// The mail server, which sends sign-in codes and invitations.
async fn mail(settings: &Settings) -> (Status, String) {
    if settings.smtp_url.is_none() {
        let detail = "SMTP_URL is not set: sign-in codes appear in the server's log, and no email is sent";
        return (Status::Note, detail.into());
    }
    let answers = async { Mail::new(settings)?.ping().await };
    match answers.await {
        Ok(()) => (Status::Ok, format!("the mail server answers; email is sent from {}", settings.mail_from)),
        Err(error) => (Status::Fix, format!("{} {}", error.detail(), error.causes().unwrap_or_default())),
    }
}

/// Checks the database, and this machine's clock against the database's.
async fn database(settings: &Settings) -> ((Status, String), (Status, String)) {
    let clock = check_clock(Utc::now());
    if let DatabaseUrl::Sqlite(path) = &settings.database
        && !path.exists()
    {
        return ((Status::Note, format!("{} will be created at the first start", path.display())), clock);
    }
    let db = match Db::connect(&settings.database).await {
        Ok(db) => db,
        Err(error) => return ((Status::Fix, error.detail().to_owned()), clock),
    };
    let clock = match db.now().await {
        Ok(theirs) => compare_clocks(theirs, Utc::now()),
        Err(error) => (Status::Fix, error.detail().to_owned()),
    };
    let database = match db.bypasses_row_security().await {
        Ok(false) => (Status::Ok, format!("{} answers", db.engine())),
        Ok(true) => (
            Status::Note,
            "the role in DATABASE_URL is a superuser or has BYPASSRLS, so only queries keep tenants apart: use a dedicated role".into(),
        ),
        Err(error) => (Status::Fix, error.detail().to_owned()),
    };
    db.close().await;
    (database, clock)
}

/// A clock that was never set shows an early year.
fn check_clock(now: DateTime<Utc>) -> (Status, String) {
    if now < DateTime::UNIX_EPOCH + TimeDelta::days(55 * 365) {
        return (Status::Fix, format!("it shows {}: set it, preferably by NTP", now.format("%Y-%m-%d")));
    }
    (Status::Ok, now.format("%Y-%m-%d %H:%M:%S UTC").to_string())
}

fn compare_clocks(theirs: DateTime<Utc>, ours: DateTime<Utc>) -> (Status, String) {
    let difference = (theirs - ours).abs();
    if difference > CLOCK_TOLERANCE {
        let seconds = difference.num_seconds();
        return (
            Status::Fix,
            format!("it differs from the database's clock by {seconds} s: set both by NTP"),
        );
    }
    check_clock(ours)
}

/// Without Redis the server works, but limits are not shared between servers.
async fn redis(url: &str) -> (Status, String) {
    match RateLimits::ping(url).await {
        Ok(()) => (Status::Ok, "answers".into()),
        Err(error) => (
            Status::Fix,
            format!("does not answer ({error}), so each server counts limits on its own: check REDIS_URL"),
        ),
    }
}

fn storage(settings: &Settings) -> (Status, String) {
    let shown = settings.storage.display();
    if !settings.storage.exists() {
        return (Status::Note, format!("{shown} will be created at the first publish"));
    }
    match tempfile::tempfile_in(&settings.storage) {
        Ok(_) => (Status::Ok, format!("{shown} is writable")),
        Err(error) => (Status::Fix, format!("{shown} is not writable ({error}): check EMBED_STORAGE_URL")),
    }
}

fn bundle(settings: &Settings) -> (Status, String) {
    match Assets::load(settings) {
        Err(error) => (Status::Fix, error.detail().to_owned()),
        Ok(_) => match (&settings.bundle_dir, &settings.cdn_url) {
            (_, Some(cdn)) => (Status::Ok, format!("pages load it from {cdn}")),
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
                    "{error}. Domains cannot be verified without DNS; choose another server with EMBED_DNS_SERVER"
                ),
            )
        }
    }
}

async fn public_url(settings: &Settings, resolver: &Resolver) -> (Status, String) {
    let shown = &settings.public_url;
    let Some(host) = host(shown) else {
        return (
            Status::Fix,
            format!("{shown} has no host: set EMBED_PUBLIC_URL to the URL that browsers use"),
        );
    };
    if is_local(&host) {
        let status = if settings.dev { Status::Ok } else { Status::Note };
        return (
            status,
            format!(
                "{shown} can be reached from this computer only; set EMBED_PUBLIC_URL to the URL that browsers use"
            ),
        );
    }
    if !shown.starts_with("https://") {
        return (
            Status::Fix,
            format!(
                "{shown} is not https, and https pages load only https: put a proxy with a certificate in front"
            ),
        );
    }
    let answer = match (Outbound::new(resolver.clone(), None), Url::parse(&format!("{shown}/healthz"))) {
        (Ok(outbound), Ok(url)) => {
            outbound.get(url, HEALTH_CHECK_LIMITS).await.map_err(|error| error.to_string())
        }
        _ => return (Status::Fix, format!("{shown} is not a valid URL")),
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
                "{shown}/healthz answers with status {}: does the proxy forward to this server?",
                answer.status().as_u16()
            ),
        ),
        Err(reason) => (
            Status::Note,
            format!(
                "{reason}. This is expected if the server is not running, or if this machine cannot reach it by that URL"
            ),
        ),
    }
}

async fn module_host(settings: &Settings, resolver: &Resolver) -> (Status, String) {
    let Some(module_host) = &settings.module_host else {
        let detail = "EMBED_MODULE_HOST is not set, so modules run sandboxed, without browser storage: set it to a wildcard host such as *.modules.example.net";
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
                "modules and server share {domain}, so browsers treat them as one site: give modules a separate domain"
            ),
        );
    }
    match resolver.addresses(&modules).await {
        Ok(_) => (Status::Ok, format!("{shown} resolves")),
        Err(LookupError::Absent) => {
            (Status::Fix, format!("{modules} does not resolve: publish a wildcard DNS record for {shown}"))
        }
        Err(error) => (Status::Note, format!("could not check whether {shown} resolves: {error}")),
    }
}

/// The host of an example module.
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

/// The registrable domain of a host.
fn registrable(host: &str) -> Option<&str> {
    psl::domain_str(host)
}

impl Readable for Report {
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
