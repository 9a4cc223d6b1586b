//! `embed-server doctor`: checks an installation and says what to fix. It changes nothing.

mod addresses;
mod services;

use crate::output::{Output, Readable};
use embed_base::config::{
    BundleSettings, DatabaseSettings, LimitSettings, MailSettings, OutboundSettings, Problem, Problems,
    SecretSettings, ServerSettings, Settings, StorageSettings,
};
use embed_base::outbound::Resolver;
use embed_base::{Error, Result};
use serde::Serialize;
use std::fmt;

/// The result of a check.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    /// Worth knowing; the server works.
    Note,
    /// Does not work, or is not safe.
    Fix,
}

#[derive(Serialize)]
struct Check {
    /// The section of the settings that it depends on; none for an error of the settings as a whole.
    section: Option<&'static str>,
    name: &'static str,
    status: Status,
    detail: String,
}

#[derive(Serialize)]
struct Report {
    ok: bool,
    checks: Vec<Check>,
}

pub(super) async fn run(settings: Result<Settings, Problems>, output: Output) -> Result<()> {
    let checks = match settings {
        Ok(settings) => examine(&settings).await,
        Err(problems) => problems.into_iter().map(wrong_setting).collect(),
    };
    let wrong = checks.iter().filter(|check| check.status == Status::Fix).count();
    output.print(&Report { ok: wrong == 0, checks })?;
    match wrong {
        0 => Ok(()),
        1 => Err(Error::invalid("One thing must be fixed.")),
        wrong => Err(Error::invalid(format!("{wrong} things must be fixed."))),
    }
}

fn wrong_setting(Problem { section, sentence }: Problem) -> Check {
    Check { section, name: "settings", status: Status::Fix, detail: sentence }
}

/// Runs all checks, section by section.
async fn examine(settings: &Settings) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut record = |section, name, (status, detail): (Status, String)| {
        checks.push(Check { section: Some(section), name, status, detail });
    };
    let (database, clock) = services::database(settings).await;
    record(DatabaseSettings::SECTION.title, "database", database);
    record(DatabaseSettings::SECTION.title, "clock", clock);
    if settings.server.dev {
        record(ServerSettings::SECTION.title, "development", development(settings));
    }
    record(ServerSettings::SECTION.title, "proxies", addresses::proxies(settings));
    let resolver = settings.outbound.dns_server.map_or_else(Resolver::system, Resolver::at);
    if let Ok(resolver) = &resolver {
        record(ServerSettings::SECTION.title, "public url", addresses::public_url(settings, resolver).await);
        record(
            ServerSettings::SECTION.title,
            "module host",
            addresses::module_host(settings, resolver).await,
        );
    }
    record(SecretSettings::SECTION.title, "settings", secret(settings));
    record(StorageSettings::SECTION.title, "storage", services::storage(settings));
    record(BundleSettings::SECTION.title, "bundle", services::bundle(settings));
    let dns = match &resolver {
        Ok(resolver) => addresses::dns(settings, resolver).await,
        Err(error) => (Status::Fix, error.to_string()),
    };
    record(OutboundSettings::SECTION.title, "dns", dns);
    record(MailSettings::SECTION.title, "mail", services::mail(settings).await);
    record(LimitSettings::SECTION.title, "open files", services::open_files(settings));
    if let Some(url) = &settings.limits.redis_url {
        record(LimitSettings::SECTION.title, "redis", services::redis(url).await);
    }
    checks
}

fn development(settings: &Settings) -> (Status, String) {
    match settings.server.dev_in_public() {
        Some(warning) => (Status::Fix, warning.into()),
        None => (
            Status::Note,
            "EMBED_DEV is set, so pages on localhost need no proof: unset it in production".into(),
        ),
    }
}

fn secret(settings: &Settings) -> (Status, String) {
    match (&settings.secrets.secret_key, settings.server.dev) {
        (Some(_), _) => (Status::Ok, "complete".into()),
        (None, true) => (
            Status::Note,
            "every start makes a new secret, which ends all sessions: in production set EMBED_SECRET_KEY"
                .into(),
        ),
        (None, false) => (
            Status::Fix,
            "EMBED_SECRET_KEY is not set: create one with `openssl rand -base64 32`, and keep it safe".into(),
        ),
    }
}

impl Readable for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sections = self.checks.chunk_by(|one, next| one.section == next.section);
        for (number, checks) in sections.enumerate() {
            let end = if number == 0 { "" } else { "\n" };
            write!(f, "{end}{}", checks[0].section.unwrap_or("Settings"))?;
            for Check { name, status, detail, .. } in checks {
                let status = match status {
                    Status::Ok => "ok",
                    Status::Note => "note",
                    Status::Fix => "fix",
                };
                write!(f, "\n  {status:<5} {name:<12} {detail}")?;
            }
        }
        if self.ok { write!(f, "\n\nNothing has to be fixed.") } else { Ok(()) }
    }
}
