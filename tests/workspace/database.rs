//! What only one place may do with the database.

use crate::sources::{CRATES, below, root};
use std::collections::BTreeSet;

/// The files that may write in a transaction that crosses tenants: sign-in, whose codes and links are nobody's yet, the
/// batches of logs, and what deletes by age. Every other change goes through `Change`.
const MAY_CROSS: [&str; 28] = [
    "accounts/prune.rs",
    "accounts/sessions.rs",
    "activity/mod.rs",
    "change.rs",
    "db/changes.rs",
    "db/lease.rs",
    "db/mod.rs",
    "db/months.rs",
    "db/open.rs",
    "events/retention.rs",
    "jobs/attempt.rs",
    "jobs/job.rs",
    "jobs/mod.rs",
    "jobs/store.rs",
    "jobs/worker.rs",
    "oauth/consent.rs",
    "oauth/keys.rs",
    "oauth/prune.rs",
    "oauth/request.rs",
    "records/mod.rs",
    "requests/retention.rs",
    "requests/write.rs",
    "sign_in/codes.rs",
    "sign_in/links.rs",
    "sign_in/mod.rs",
    "tokens/prune.rs",
    "views/prune.rs",
    "views/write.rs",
];

#[test]
fn nothing_else_writes_in_a_transaction_that_crosses_tenants() {
    for (package, folder) in CRATES {
        for source in below(folder) {
            let path = source.path.display().to_string();
            let crosses = source.code.contains("begin_global(");
            assert!(!crosses || MAY_CROSS.contains(&path.as_str()), "{package}: {path} calls begin_global");
        }
    }
}

#[test]
fn nothing_else_says_that_a_text_is_safe_as_sql() {
    for (package, folder) in CRATES {
        for source in below(folder) {
            let here = package == "embed-base" && source.path.starts_with("db");
            let asserts = source.code.contains("AssertSqlSafe");
            assert!(here || !asserts, "{package}: {} makes SQL without db::sql!", source.path.display());
        }
    }
}

/// Which capability owns which tables. What others need of them in a statement is a constant of the owner.
const TABLES: [(&str, &[&str]); 14] = [
    ("accounts", &["organizations", "users", "members", "sessions", "user_tokens"]),
    ("activity", &["activity"]),
    ("domains", &["module_allowed_domains"]),
    ("modules", &["site_modules", "module_versions", "module_files"]),
    (
        "oauth",
        &[
            "module_oauth_clients",
            "module_oauth_grants",
            "module_oauth_families",
            "module_oauth_codes",
            "module_oauth_refresh_tokens",
            "oauth_requests",
            "oauth_signing_keys",
        ],
    ),
    ("records", &["module_records", "idempotency_keys"]),
    ("requests", &["module_external_requests", "module_refusals"]),
    ("sign_in", &["sign_in_codes", "sign_in_links", "sign_in_mailboxes"]),
    ("sites", &["sites"]),
    ("tokens", &["module_external_tokens"]),
    ("views", &["module_views"]),
    // Of embed-base, whose functions the capabilities call.
    ("db", &["changes", "revision", "job_leases"]),
    ("events", &["events"]),
    ("jobs", &["jobs"]),
];

/// Words that a table's name follows in SQL.
const BEFORE_TABLES: [&str; 4] = ["FROM ", "JOIN ", "INTO ", "UPDATE "];

#[test]
fn a_statement_names_the_tables_of_its_own_capability() {
    let owner =
        |table: &str| TABLES.iter().find(|(_, tables)| tables.contains(&table)).map(|(owner, _)| *owner);
    let above_base = CRATES.iter().filter(|(package, _)| *package != "embed-base");
    for source in above_base.flat_map(|(_, folder)| below(folder)) {
        for table in words_after(&source.code, &BEFORE_TABLES) {
            let foreign = owner(table).filter(|owner| *owner != source.room());
            assert_eq!(foreign, None, "{} names the table {table}", source.path.display());
        }
    }
}

#[test]
fn every_table_has_an_owner() {
    let folder = root().join("embed-server/migrations/sqlite");
    let created: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .flat_map(|file| {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            words_after(&text, &["CREATE TABLE "]).into_iter().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    let owned: BTreeSet<String> =
        TABLES.iter().flat_map(|(_, tables)| *tables).map(|&name| name.into()).collect();
    let missing: Vec<_> = created.difference(&owned).collect();
    assert!(missing.is_empty(), "no capability owns {missing:?}");
}

/// The words that follow any of these texts.
fn words_after<'a>(text: &'a str, before: &[&str]) -> Vec<&'a str> {
    let found = before.iter().flat_map(|before| text.match_indices(*before).map(|(at, _)| at + before.len()));
    found
        .map(|at| {
            let rest = &text[at..];
            let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            &rest[..end.unwrap_or(rest.len())]
        })
        .collect()
}
