//! The addresses that an authorization request may be answered at: which may be registered, and which match.
//!
//! A registered text is compared as it stands (RFC 9700, section 2.1); on loopback any port is the same (RFC 8252, section
//! 7.3). Nothing is normalised, and an answer is appended to the text that came.

use embed_base::{Error, Result};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use std::fmt;
use url::{Host, Url};

/// The longest redirect URI in bytes.
pub const MAX_REDIRECT_URI: usize = 2048;

/// What is percent-encoded in a query: all but RFC 3986's unreserved characters, so that a space is no `+`.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Schemes that browsers act on by themselves, so that a redirect there leads to no app.
const NO_APPS: [&str; 32] = [
    "about",
    "blob",
    "data",
    "file",
    "filesystem",
    "ftp",
    "http",
    "https",
    "intent",
    "javascript",
    "mailto",
    "vbscript",
    "view-source",
    "ws",
    "wss",
    "chrome",
    "android-app",
    "chrome-extension",
    "itms-services",
    "jar",
    "moz-extension",
    "ms-msdt",
    "ms-word",
    "resource",
    "search-ms",
    "sms",
    "ssh",
    "tel",
    "urn",
    "wyciwyg",
    "ms-excel",
    "ms-settings",
];

/// The parameters of an answer.
const ANSWERS: [&str; 4] = ["code", "error", "iss", "state"];

/// What an address leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// A website, over https.
    Web,
    /// A program on the person's own machine that listens on loopback.
    Loopback,
    /// A program that has registered a scheme of its own.
    PrivateUse,
}

/// An address in a form that may be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectUri {
    text: String,
    target: Target,
    url: Url,
}

impl RedirectUri {
    /// Parses an address; 400 with what is wrong for one that may not be registered.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |what: &str| {
            let shown: String = text.chars().take(200).collect();
            Error::invalid(format!("The redirect URI `{}` {what}.", shown.escape_debug()))
        };
        if text.len() > MAX_REDIRECT_URI {
            return Err(wrong("is longer than 2048 bytes"));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains(['\\', '"', '<', '>', '*']) {
            return Err(wrong("has a character that URIs do not have; write it percent-encoded"));
        }
        let url = Url::parse(text).map_err(|error| wrong(&format!("is not a URI: {error}")))?;
        if text.contains('#') {
            return Err(wrong("has a fragment, which redirect URIs must not have"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("has a user name or password, which redirect URIs must not have"));
        }
        let target = match url.scheme() {
            "https" => Target::Web,
            "http" if is_loopback(&url) => Target::Loopback,
            "http" => {
                return Err(wrong(
                    "uses http; only https, or http on 127.0.0.1, [::1] or localhost, is accepted",
                ));
            }
            scheme if NO_APPS.contains(&scheme) => {
                return Err(wrong("has a scheme that browsers act on themselves; an app needs its own"));
            }
            _ => Target::PrivateUse,
        };
        if url.query_pairs().any(|(name, _)| ANSWERS.contains(&&*name)) {
            return Err(wrong("has a parameter that the answer has too: code, state, iss or error"));
        }
        // What the parser rewrites, other parsers may read differently.
        let host = url.host_str().unwrap_or_default();
        let is_written = |authority: &str| match authority.strip_prefix(host) {
            Some("") => true,
            Some(port) => port
                .strip_prefix(':')
                .is_some_and(|port| port.parse::<u16>().is_ok_and(|number| number.to_string() == port)),
            None => false,
        };
        if target != Target::PrivateUse && !authority_of(text).is_some_and(is_written) {
            return Err(wrong(&format!("must name its host as it is looked up, `{host}`")));
        }
        if target != Target::PrivateUse && !text.starts_with(&format!("{}://", url.scheme())) {
            return Err(wrong("must begin with its scheme in lower case and //"));
        }
        let written = target == Target::PrivateUse || path_of(text).is_none_or(|path| path == url.path());
        if !written {
            return Err(wrong("has a path with `.` or `..`; write the path that it means"));
        }
        Ok(Self { text: text.to_owned(), target, url })
    }

    /// Whether a request with this address means the registered one: the same text, but for the port on loopback.
    pub fn matches(&self, requested: &str) -> bool {
        if self.text == requested {
            return true;
        }
        self.target == Target::Loopback
            && Self::parse(requested).is_ok_and(|requested| {
                requested.target == Target::Loopback && requested.without_port() == self.without_port()
            })
    }

    /// The text without the port of a loopback address.
    fn without_port(&self) -> String {
        let port = format!(":{}", self.url.port().unwrap_or(80));
        let rest = self.text.trim_start_matches("http://");
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        format!("{}{path}", authority.strip_suffix(&port).unwrap_or(authority))
    }

    /// What it leads to.
    pub fn target(&self) -> Target {
        self.target
    }

    /// The text as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The origin of a website; `None` for what is no website.
    pub fn origin(&self) -> Option<String> {
        (self.target == Target::Web).then(|| self.url.origin().ascii_serialization())
    }

    /// Where it leads, for people: a host, or the scheme of an app.
    pub fn place(&self) -> String {
        match self.target {
            Target::Web => {
                let host = self.url.host_str().unwrap_or_default();
                // A name in another script is shown as it is and as it is looked up, since letters can look alike.
                let (written, _) = idna::domain_to_unicode(host);
                if written == host { host.to_owned() } else { format!("{written} ({host})") }
            }
            Target::Loopback => "this computer".to_owned(),
            Target::PrivateUse => format!("{}:", self.url.scheme()),
        }
    }

    /// Its text with further parameters in the query.
    pub fn with(&self, parameters: &[(&str, &str)]) -> String {
        with_parameters(&self.text, parameters)
    }
}

/// Appends parameters to the query of an address, whose own text stays as it is.
pub fn with_parameters(address: &str, parameters: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| format!("{name}={}", utf8_percent_encode(value, RESERVED));
    let encoded = parameters.iter().map(pair).collect::<Vec<_>>().join("&");
    let joint = match address.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some((_, query)) if query.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{address}{joint}{encoded}")
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback() && address.octets() == [127, 0, 0, 1],
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Host and port as they are written.
fn authority_of(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    Some(&rest[..rest.find(['/', '?']).unwrap_or(rest.len())])
}

/// The path as it is written; `None` where there is none.
fn path_of(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    let path = &rest[rest.find(['/', '?'])?..];
    Some(path.split('?').next().unwrap_or(path)).filter(|path| !path.is_empty())
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn uri(text: &str) -> RedirectUri {
        RedirectUri::parse(text).unwrap()
    }

    #[test]
    fn websites_loopback_and_apps_may_be_registered() {
        for (text, target) in [
            ("https://app.example/callback", Target::Web),
            ("https://app.example", Target::Web),
            ("https://app.example/callback?tenant=1", Target::Web),
            ("http://127.0.0.1/callback", Target::Loopback),
            ("http://[::1]:8080/", Target::Loopback),
            ("http://localhost:3000/cb", Target::Loopback),
            ("com.example.app:/callback", Target::PrivateUse),
            ("myapp://callback", Target::PrivateUse),
        ] {
            assert_eq!(uri(text).target(), target, "{text}");
        }
    }

    #[test]
    fn what_leads_elsewhere_may_not() {
        for text in [
            "",
            "/callback",
            "http://app.example/callback",
            "http://127.0.0.2/",
            "http://localhost.example/",
            "https://app.example/callback#top",
            "https://user@app.example/",
            "https://user:secret@app.example/",
            "https://*.app.example/",
            "https://@app.example/",
            "https://APP.example/",
            "https://%61pp.example/",
            "http://127.1/",
            "http://2130706433/",
            "https://app.example:0443/",
            "https://app.example/?code=1",
            "search-ms:x",
            "https://app.example/a/../b",
            "https://app.example\\@evil.example/",
            "https:app.example",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "mailto:a@b.example",
            "intent://x#Intent;end",
            "https://app.example/call back",
            "https://app.example/\u{e9}",
        ] {
            assert!(RedirectUri::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_the_registered_text_matches() {
        let registered = uri("https://app.example/callback");
        assert!(registered.matches("https://app.example/callback"));
        for text in [
            "https://app.example/callback/",
            "https://app.example/callback2",
            "https://app.example/callback?x=1",
            "https://app.example/callback#",
            "https://app.example/CALLBACK",
            "https://APP.example/callback",
            "https://app.example:443/callback",
            "https://app.example:8443/callback",
            "https://app.example/x/../callback",
            "https://app.example/%63allback",
            "http://app.example/callback",
            "https://evil.example/callback",
        ] {
            assert!(!registered.matches(text), "{text}");
        }
    }

    #[test]
    fn on_loopback_any_port_matches_and_nothing_else_differs() {
        for (registered, requested) in [
            ("http://127.0.0.1/cb", "http://127.0.0.1:49152/cb"),
            ("http://127.0.0.1:1/cb", "http://127.0.0.1/cb"),
            ("http://[::1]/cb", "http://[::1]:5000/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:80/cb"),
            ("http://127.0.0.1:80/cb", "http://127.0.0.1:81/cb"),
            ("http://localhost:3000", "http://localhost:4000"),
        ] {
            assert!(uri(registered).matches(requested), "{requested}");
        }
        for requested in [
            "http://localhost:5000/cb",
            "http://[::1]:5000/cb",
            "http://127.0.0.1:5000/cb2",
            "http://127.0.0.1:5000/cb?x=1",
            "https://127.0.0.1:5000/cb",
            "http://127.0.0.1:5000@evil.example/cb",
            "http://127.1:5000/cb",
        ] {
            assert!(!uri("http://127.0.0.1/cb").matches(requested), "{requested}");
        }
    }

    #[test]
    fn an_answer_is_appended_and_rewrites_nothing() {
        let answer = |text| with_parameters(text, &[("code", "a b"), ("state", "x&y")]);
        assert_eq!(answer("https://a.example/cb"), "https://a.example/cb?code=a%20b&state=x%26y");
        assert_eq!(answer("https://a.example/cb?t=%7e"), "https://a.example/cb?t=%7e&code=a%20b&state=x%26y");
        assert_eq!(answer("https://a.example/cb?"), "https://a.example/cb?code=a%20b&state=x%26y");
        assert_eq!(answer("app:/cb"), "app:/cb?code=a%20b&state=x%26y");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(https?://|http://127.0.0.1|app:|http://\\[::1\\])?.{0,40}") {
            if let Ok(uri) = RedirectUri::parse(&text) {
                prop_assert!(uri.matches(&text));
            }
            prop_assert!(!uri("http://127.0.0.1/cb").matches(&text));
        }
    }
}
