//! `docs/limits.md` holds the values that the code has.

use chrono::TimeDelta;
use embed_base::config::Settings;
use embed_base::db::STATEMENT_TIMEOUT;
use embed_base::disk::{LEAST_BYTES, LEAST_PERCENT};
use embed_base::http::{
    BODY_LIMIT, CONNECTIONS_PER_NETWORK, HEAD_LIMIT, HEAD_TIMEOUT, LARGEST_PAGE, LEAST_TAKEN,
    LOGGED_REFUSALS, MAX_SCOPES, REQUEST_LOG_QUEUE, STRANGERS_LOG_QUEUE, TIMEOUT, WRITE_TIMEOUT,
};
use embed_base::limits::{FILES_PER_CALL, Limit, WAITS};
use embed_console::SIGN_IN_ATTEMPTS;
use embed_core::domains::{MOST_ANCESTORS, RATE_LIMIT, VERIFICATIONS_PER_MINUTE};
use embed_core::modules;
use embed_core::oauth::{self, MAX_REDIRECT_URI, MOST_CLIENTS, MOST_ORIGINS, MOST_REDIRECT_URIS};
use embed_core::records::{DELETED_TOLD, IDEMPOTENCY_KEYS_KEPT, TOLD, graphql};
use embed_core::sign_in::{CODES_PER_DAY, CODES_PER_MINUTE, CODES_PER_NETWORK, GUESSES_PER_DAY, TRIES};
use embed_core::tokens;
use embed_server::app::UPLOAD_TIMEOUT;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

/// By what is bounded its bound, in the words of the document.
fn bounds() -> BTreeMap<String, String> {
    let seconds = |time: Duration| format!("{} s", time.as_secs());
    let kib = |bytes: usize| format!("{} KiB", bytes / 1024);
    let per_minute = |count: &dyn Display| format!("{count} per minute");
    let Settings { limits, logs, .. } = Settings::from_environment([]).unwrap();
    let days = |time: TimeDelta| match time.num_days() {
        1 if time.num_hours() == 24 => "1 day".to_owned(),
        days => format!("{days} days"),
    };
    let share = Limit::domain(uuid::Uuid::nil(), NonZeroU32::try_from(RATE_LIMIT as u32).unwrap());
    let share = share.share_of([192, 0, 2, 1].into()).unwrap().requests();
    let rows = [
        (
            "calls of modules' APIs and the management API without a valid credential, of an address",
            per_minute(&limits.anonymous_limit),
        ),
        (
            "documents, files and console pages of an address",
            per_minute(&(limits.anonymous_limit.get() * FILES_PER_CALL.get())),
        ),
        ("calls of `verify` of an address", per_minute(&limits.verify_limit)),
        ("calls of a domain's pages", format!("{RATE_LIMIT} per hour")),
        ("calls of a domain's pages from one address", format!("{share} per hour")),
        ("calls of a token", per_minute(&tokens::RATE_LIMIT)),
        ("the wait that a refusal names", format!("{} s to {} h", WAITS.0, WAITS.1 / 3600)),
        ("searches for the proofs of a site's domains", per_minute(&VERIFICATIONS_PER_MINUTE)),
        ("a statement of PostgreSQL", seconds(STATEMENT_TIMEOUT)),
        ("a response, the reading of the request's body included", seconds(TIMEOUT)),
        ("the same of an operator's request", seconds(UPLOAD_TIMEOUT)),
        ("body of a request, unless the route has another limit", kib(BODY_LIMIT)),
        (
            "free space of the disks",
            format!("{LEAST_PERCENT} % and {} GiB", LEAST_BYTES / (1024 * 1024 * 1024)),
        ),
        (
            "lines of the request log for callers without a valid credential, of a module and hour",
            LOGGED_REFUSALS.to_string(),
        ),
        ("lines of the request log that wait to be written", REQUEST_LOG_QUEUE.to_string()),
        ("such lines for callers without a valid credential", STRANGERS_LOG_QUEUE.to_string()),
        ("request log and counts of views", format!("{} days", logs.request_days)),
        ("events", format!("{} days", logs.event_days)),
        ("records in events", days(TOLD)),
        ("deleted records in events", days(DELETED_TOLD)),
        ("answers of idempotency keys", format!("{} h", IDEMPOTENCY_KEYS_KEPT.num_hours())),
        ("ancestors of a domain", MOST_ANCESTORS.to_string()),
        ("apps of a module", MOST_CLIENTS.to_string()),
        ("redirect URIs of an app", MOST_REDIRECT_URIS.to_string()),
        ("origins of an app", MOST_ORIGINS.to_string()),
        ("bytes of a redirect URI", MAX_REDIRECT_URI.to_string()),
        (
            "requests of an app to the token, revocation and introspection endpoints",
            per_minute(&oauth::CLIENT_LIMIT),
        ),
        ("requests of an app for one person to the token endpoint", per_minute(&oauth::TOKENS_LIMIT)),
        ("calls of a module's API by an app for one person", per_minute(&oauth::GRANT_LIMIT)),
        (
            "authorization requests of an address without a session, and calls of `userinfo`",
            per_minute(&oauth::STRANGERS),
        ),
        ("wrong credentials of apps from an address", per_minute(&oauth::FAILURES)),
        (
            "authorization requests of an address, or of a session, that wait for their person",
            oauth::WAITING.to_string(),
        ),
        ("connections of an address", CONNECTIONS_PER_NETWORK.to_string()),
        ("connections in all", limits.connection_limit.to_string()),
        ("head of a request", kib(HEAD_LIMIT)),
        ("time for the head of a request, and for an idle connection", seconds(HEAD_TIMEOUT)),
        ("time in which a client must read the next part of a response", seconds(WRITE_TIMEOUT)),
        ("size of that part", kib(LEAST_TAKEN)),
        ("scopes of a token", MAX_SCOPES.to_string()),
        ("attempts of an address", per_minute(&SIGN_IN_ATTEMPTS)),
        ("codes for a mailbox at requests of an address", per_minute(&CODES_PER_MINUTE)),
        ("codes for a mailbox at requests of an address, per day", CODES_PER_NETWORK.to_string()),
        ("codes for a mailbox per day", CODES_PER_DAY.to_string()),
        ("wrong codes for a mailbox per day", GUESSES_PER_DAY.to_string()),
        ("guesses at a code", TRIES.to_string()),
    ];
    let fixed = [modules::bounds(), graphql::bounds(), page_bounds()].concat();
    let fixed = fixed.into_iter().map(|(what, bound)| (what, bound.to_string()));
    rows.into_iter().chain(fixed).map(|(what, bound)| (what.to_owned(), bound)).collect()
}

fn page_bounds() -> Vec<(&'static str, usize)> {
    vec![("KiB of a page's items, and one item whatever its size", LARGEST_PAGE / 1024)]
}

#[test]
fn the_bounds_in_the_document_are_the_codes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/limits.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| "));
    let mut documented: BTreeMap<_, _> = rows
        .map(|row| {
            let mut cells = row.split(" | ").map(str::to_owned);
            (cells.next().unwrap(), cells.next().unwrap())
        })
        .collect();
    let bounds = bounds();
    documented.retain(|what, _| bounds.contains_key(what));
    assert_eq!(documented, bounds);
}
