//! What the server stands on: database, clock, files, bundle, mail and Redis.

use super::Status;
use crate::app::Assets;
use chrono::{DateTime, TimeDelta, Utc};
use embed_base::config::{DatabaseUrl, SecretText, Settings};
use embed_base::db::Db;
use embed_base::limits::RateLimits;
use embed_base::mail::Mail;

/// Embed tokens and signatures are dated; machines further apart than this disagree about which are valid.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(30);

/// The mail server that takes the codes to sign in with.
pub(super) async fn mail(settings: &Settings) -> (Status, String) {
    if settings.mail.smtp_url.is_none() {
        let detail = "SMTP_URL is not set: codes to sign in with are printed in the server's log, and no letters are sent";
        return (Status::Note, detail.into());
    }
    let answers = async { Mail::new(settings)?.ping().await };
    match answers.await {
        Ok(()) => {
            (Status::Ok, format!("the mail server answers; letters come from {}", settings.mail.mail_from))
        }
        Err(error) => (Status::Fix, format!("{} {}", error.detail(), error.causes().unwrap_or_default())),
    }
}

/// The database, and what its clock says of ours.
pub(super) async fn database(settings: &Settings) -> ((Status, String), (Status, String)) {
    let clock = plausible(Utc::now());
    if let DatabaseUrl::Sqlite(path) = &settings.database.database_url
        && !path.exists()
    {
        return ((Status::Note, format!("{} will be made at the first start", path.display())), clock);
    }
    let db = match Db::connect(&settings.database.database_url).await {
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
pub(super) async fn redis(url: &SecretText) -> (Status, String) {
    match RateLimits::ping(url.expose()).await {
        Ok(()) => (Status::Ok, "answers".into()),
        Err(error) => (
            Status::Fix,
            format!("does not answer ({error}), so each server counts limits by itself: check REDIS_URL"),
        ),
    }
}

pub(super) fn storage(settings: &Settings) -> (Status, String) {
    let shown = settings.storage.storage_url.display();
    if !settings.storage.storage_url.exists() {
        return (Status::Note, format!("{shown} will be made at the first publish"));
    }
    match tempfile::tempfile_in(&settings.storage.storage_url) {
        Ok(_) => (Status::Ok, format!("{shown} can be written")),
        Err(error) => (
            Status::Fix,
            format!("{shown} cannot be written ({error}): EMBED_STORAGE_URL says where files lie"),
        ),
    }
}

pub(super) fn bundle(settings: &Settings) -> (Status, String) {
    match Assets::load(settings) {
        Err(error) => (Status::Fix, error.detail().to_owned()),
        Ok(_) => match (&settings.bundle.bundle_dir, &settings.bundle.cdn_url) {
            (_, Some(cdn)) => (Status::Ok, format!("pages are pointed to {cdn}")),
            (Some(folder), None) => (Status::Ok, format!("served from {}", folder.display())),
            (None, None) => (Status::Ok, "served from this binary".into()),
        },
    }
}
