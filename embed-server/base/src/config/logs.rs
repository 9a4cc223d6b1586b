use super::setting::{Flag, section};
use std::num::NonZeroU32;
use tracing_subscriber::EnvFilter;

section! {
    /// What is logged, and how long it is kept.
    pub struct LogSettings() titled "Logs";

    log: String = {
        variable: "RUST_LOG",
        flag: Flag::None,
        meaning: "what is logged",
        default: "info",
        expected: "a filter such as `info` or `embed_server=debug`",
        parse: |text| EnvFilter::try_new(text).ok().map(|_| text.to_owned()),
    }
    request_days: NonZeroU32 = {
        variable: "EMBED_REQUEST_DAYS",
        flag: Flag::Value("NUMBER"),
        meaning: "how long the log of API requests and the counts of views are kept",
        default: "30",
        expected: "a number of days, at least 1",
        parse: |text| text.parse().ok(),
    }
    event_days: NonZeroU32 = {
        variable: "EMBED_EVENT_DAYS",
        flag: Flag::Value("NUMBER"),
        meaning: "how long events are kept; the records in them for 7 days, deleted ones for one",
        default: "30",
        expected: "a number of days, at least 1",
        parse: |text| text.parse().ok(),
    }
}
