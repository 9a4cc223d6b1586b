use super::secret_text::SecretText;
use super::setting::{Flag, section};
use std::num::NonZeroU32;
use url::Url;

section! {
    /// How much callers may ask.
    pub struct LimitSettings() titled "Limits";

    redis_url: Option<SecretText> = {
        variable: "REDIS_URL",
        flag: Flag::Value("URL"),
        meaning: "where several servers count limits together",
        unset: "none, each server counts by itself",
        expected: "redis://host:port or redis://:password@host:port/number",
        parse: redis_url,
    }
    verify_limit: NonZeroU32 = {
        variable: "EMBED_VERIFY_LIMIT",
        flag: Flag::Value("NUMBER"),
        meaning: "how many pages may ask per minute, from one address, whether they may embed a module",
        default: "600",
        expected: "a number of requests per minute, at least 1",
        parse: |text| text.parse().ok(),
    }
    anonymous_limit: NonZeroU32 = {
        variable: "EMBED_ANONYMOUS_LIMIT",
        flag: Flag::Value("NUMBER"),
        meaning: "how many calls of modules' APIs and the management API an address may make per minute without a valid credential; of documents and files 25 times as many",
        default: "120",
        expected: "a number of requests per minute, at least 1",
        parse: |text| text.parse().ok(),
    }
    connection_limit: NonZeroU32 = {
        variable: "EMBED_CONNECTION_LIMIT",
        flag: Flag::Value("NUMBER"),
        meaning: "how many connections may be open at once, in all; fewer where the open-file limit is low",
        default: "10000",
        expected: "a number of connections, at least 1",
        parse: |text| text.parse().ok(),
    }
}

/// TLS to Redis is left to a proxy.
fn redis_url(text: &str) -> Option<SecretText> {
    let url = Url::parse(text).ok()?;
    (url.scheme() == "redis" && url.has_host()).then(|| SecretText::new(text))
}
