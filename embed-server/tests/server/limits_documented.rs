//! `docs/limits.md` holds the values that the code has.

use embed_base::http::{CONNECTIONS_PER_NETWORK, HEAD_LIMIT, HEAD_TIMEOUT, LARGEST_PAGE, WRITE_TIMEOUT};
use embed_console::SIGN_IN_ATTEMPTS;
use embed_core::modules;
use embed_core::records::graphql;
use embed_core::sign_in::{CODES_PER_DAY, CODES_PER_MINUTE, CODES_PER_NETWORK, GUESSES_PER_DAY, TRIES};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

/// By what is bounded its bound, in the words of the document.
fn bounds() -> BTreeMap<String, String> {
    let seconds = |time: Duration| format!("{} s", time.as_secs());
    let kib = |bytes: usize| format!("{} KiB", bytes / 1024);
    let per_minute = |count: &dyn Display| format!("{count} per minute");
    let settings = embed_base::config::Settings::from_environment([]).unwrap().limits;
    let rows = [
        ("connections of an address", CONNECTIONS_PER_NETWORK.to_string()),
        ("connections in all", settings.connection_limit.to_string()),
        ("head of a request", kib(HEAD_LIMIT)),
        ("time for the head of a request, and for an idle connection", seconds(HEAD_TIMEOUT)),
        ("time in which a client takes nothing of a response", seconds(WRITE_TIMEOUT)),
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
