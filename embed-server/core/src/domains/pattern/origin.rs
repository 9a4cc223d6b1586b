//! Web origins as browsers send them.

use std::fmt;

use url::{Host, Url};

use super::{LONGEST_NAME, is_loopback_host};

/// The origin of a page: `https://` and a host name, with a port where it is not the default; or, where allowed,
/// `http://` with a host of this computer and a port. Its text is exactly what the browser sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    text: String,
    host: std::ops::Range<usize>,
    port: Option<u16>,
    loopback: bool,
}

/// Why a text is not the origin of a page that may embed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    #[error(
        "the page has no origin of its own (null), as in a sandboxed frame or a local file: open it from a web server"
    )]
    Opaque,
    #[error("only pages loaded by https can embed: serve the page from an https:// address")]
    NotHttps,
    #[error("the page is loaded from an address instead of a domain name: open it by its domain")]
    Address,
    #[error(
        "this is not an origin as browsers send it: expected the scheme and the host, such as https://example.com"
    )]
    NotExact,
}

impl Origin {
    /// Parses an origin from the browser's `Origin` header or `location.origin`. With `loopback`, http on a port of
    /// this computer is allowed too.
    pub fn parse(text: &str, loopback: bool) -> Result<Self, OriginError> {
        if text == "null" {
            return Err(OriginError::Opaque);
        }
        // Nothing longer than scheme, longest name and port is an origin, so it need not be parsed.
        if text.len() > "https://".len() + LONGEST_NAME + ":65535".len() {
            return Err(OriginError::NotExact);
        }
        // Almost every origin takes this path; parsing a whole URL costs more than the rest of the request's
        // decision.
        if let Some(host) = text.strip_prefix("https://")
            && is_plain_name(host)
        {
            let start = text.len() - host.len();
            return Ok(Self { host: start..text.len(), port: None, loopback: false, text: text.to_owned() });
        }
        Self::parse_url(text, loopback)
    }

    fn parse_url(text: &str, loopback: bool) -> Result<Self, OriginError> {
        let url = Url::parse(text).map_err(|_| OriginError::NotExact)?;
        let loopback = match url.scheme() {
            "https" => false,
            "http" if loopback && url.host_str().is_some_and(is_loopback_host) && url.port().is_some() => {
                true
            }
            "http" => return Err(OriginError::NotHttps),
            _ => return Err(OriginError::NotExact),
        };
        // The serialisation has no userinfo, path, default port, upper case or other script, so equal text has none
        // either.
        if url.origin().ascii_serialization() != text {
            return Err(OriginError::NotExact);
        }
        let host = match url.host() {
            Some(Host::Domain(host)) => host,
            Some(Host::Ipv4(_) | Host::Ipv6(_)) if !loopback => return Err(OriginError::Address),
            _ => url.host_str().unwrap_or_default(),
        };
        if host.len() > LONGEST_NAME || host.split('.').any(str::is_empty) {
            return Err(OriginError::NotExact);
        }
        let start = url.scheme().len() + "://".len();
        Ok(Self { host: start..start + host.len(), port: url.port(), loopback, text: text.to_owned() })
    }

    /// The text for `frame-ancestors`, `Access-Control-Allow-Origin` and `postMessage`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its host, in lower-case punycode.
    pub fn host(&self) -> &str {
        &self.text[self.host.clone()]
    }

    /// Its port, unless it is the scheme's default.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    pub fn is_loopback(&self) -> bool {
        self.loopback
    }
}

/// Whether a URL keeps the host unchanged: lower-case letters, digits, hyphens and dots, no punycode that would have
/// to be checked, and no number at the end that would make it an address.
fn is_plain_name(host: &str) -> bool {
    let plain = |label: &str| {
        !label.is_empty()
            && !label.starts_with("xn--")
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    host.len() <= LONGEST_NAME
        && last.starts_with(|first: char| first.is_ascii_lowercase())
        && host.split('.').all(plain)
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_fast_path_and_the_full_parser_agree(
            host in "[a-z0-9-]{0,6}(\\.([a-z0-9-]{0,8}|xn--[a-z0-9-]{0,5}|0x[0-9a-f]{0,3})){0,3}"
        ) {
            let text = format!("https://{host}");
            prop_assert_eq!(Origin::parse(&text, false), Origin::parse_url(&text, false), "{}", text);
        }
    }
}
