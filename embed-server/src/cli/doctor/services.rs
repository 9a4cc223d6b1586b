//! Checks of the services and files that the server needs: database, clock, files, bundle, mail and Redis.

use super::Status;
use crate::app::Assets;
use chrono::{DateTime, TimeDelta, Utc};
use embed_base::config::{DatabaseUrl, SecretText, Settings};
use embed_base::db::Db;
use embed_base::limits::RateLimits;
use embed_base::mail::Mail;
use embed_base::open_files;

/// Embed tokens and signatures expire, so machines whose clocks differ by more disagree about which are valid.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(30);

/// The mail server, which sends sign-in codes and invitations.
pub(super) async fn mail(settings: &Settings) -> (Status, String) {
    if settings.mail.smtp_url.is_none() {
        let detail = "SMTP_URL is not set: sign-in codes appear in the server's log, and no email is sent";
        return (Status::Note, detail.into());
    }
    let answers = async { Mail::new(settings)?.ping().await };
    match answers.await {
        Ok(()) => {
            (Status::Ok, format!("the mail server answers; email is sent from {}", settings.mail.mail_from))
        }
        Err(error) => (Status::Fix, format!("{} {}", error.detail(), error.causes().unwrap_or_default())),
    }
}

/// Checks the database, and this machine's clock against the database's.
pub(super) async fn database(settings: &Settings) -> ((Status, String), (Status, String)) {
    let clock = check_clock(Utc::now());
    if let DatabaseUrl::Sqlite(path) = &settings.database.database_url
        && !path.exists()
    {
        return ((Status::Note, format!("{} will be created at the first start", path.display())), clock);
    }
    let db = match Db::connect(&settings.database.database_url).await {
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
pub(super) async fn redis(url: &SecretText) -> (Status, String) {
    match RateLimits::ping(url.expose()).await {
        Ok(()) => (Status::Ok, "answers".into()),
        Err(error) => (
            Status::Fix,
            format!("does not answer ({error}), so each server counts limits on its own: check REDIS_URL"),
        ),
    }
}

/// The limit of open files of this process, which a server that is started in the same way has too.
pub(super) fn open_files(settings: &Settings) -> (Status, String) {
    let wanted = settings.limits.connection_limit.get();
    match open_files::raise() {
        Ok(files) => match open_files::connections(wanted, files) {
            fit if u64::try_from(fit) == Ok(u64::from(wanted)) => {
                (Status::Ok, format!("{files}, enough for {wanted} connections"))
            }
            fit => (
                Status::Fix,
                format!(
                    "{files} leaves room for {fit} of {wanted} connections: raise it with `ulimit -n`, or LimitNOFILE of systemd, or lower EMBED_CONNECTION_LIMIT"
                ),
            ),
        },
        Err(error) => (Status::Note, format!("not known: {error}")),
    }
}

pub(super) fn storage(settings: &Settings) -> (Status, String) {
    let shown = settings.storage.storage_url.display();
    if !settings.storage.storage_url.exists() {
        return (Status::Note, format!("{shown} will be created at the first publish"));
    }
    match tempfile::tempfile_in(&settings.storage.storage_url) {
        Ok(_) => (Status::Ok, format!("{shown} is writable")),
        Err(error) => (Status::Fix, format!("{shown} is not writable ({error}): check EMBED_STORAGE_URL")),
    }
}

pub(super) fn bundle(settings: &Settings) -> (Status, String) {
    match Assets::load(settings) {
        Err(error) => (Status::Fix, error.detail().to_owned()),
        Ok(_) => match (&settings.bundle.bundle_dir, &settings.bundle.cdn_url) {
            (_, Some(cdn)) => (Status::Ok, format!("pages load it from {cdn}")),
            (Some(folder), None) => (Status::Ok, format!("served from {}", folder.display())),
            (None, None) => (Status::Ok, "served from this binary".into()),
        },
    }
}
