//! Which origins an allowed domain covers, decided on parsed values alone.
//!
//! A [`DomainPattern`] is a host (`example.com`), or `*.` and a host, which covers that host and everything below it.
//! It is stored in lower-case punycode, so that comparing bytes compares hosts. An [`Origin`] is a web origin exactly
//! as a browser serialises it. An https origin matches its host on any port. Patterns for loopback (`localhost:8081`,
//! with its port, http) exist only where the caller allows them: in `demo` and with `EMBED_DEV=1`.
//!
//! Both types can only be built by parsing, and the text of each parses to the same value.

mod origin;
#[cfg(test)]
mod tests;

pub use origin::{Origin, OriginError};

use std::fmt;

use icu_properties::{
    CodePointMapData,
    props::{GeneralCategory, GeneralCategoryGroup},
};
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

/// The longest accepted text, in bytes. A DNS name has at most 253 characters, but its Unicode form may take more
/// bytes, and a scheme may precede it.
const LONGEST_INPUT: usize = 1024;
/// The longest name in DNS, in characters of its ASCII form (RFC 1035, section 2.3.4, without the root's length).
const LONGEST_NAME: usize = 253;

/// A domain that may be on a module's list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DomainPattern {
    kind: Kind,
    host: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    /// `example.com`: this host alone.
    Exact,
    /// `*.example.com`: this host and everything below it.
    Wildcard,
    /// `localhost:8081`: this host, by http, on this port.
    Loopback { port: u16 },
}

/// Why a text is not an allowed domain, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("no domain was given: write one such as example.com, or *.example.com for everything below it")]
    Empty,
    #[error(
        "the domain has {0} characters, and a domain name has at most 253: write the part between https:// and the next slash"
    )]
    TooLong(usize),
    #[error("{0}:// is not how web pages are loaded: write the domain alone, such as example.com")]
    Scheme(String),
    #[error("this is a URL with more than a domain in it: write the domain alone, such as {0}")]
    MoreThanDomain(String),
    #[error("a port cannot be chosen, because every https port of a domain is covered: write {0}")]
    Port(String),
    #[error(
        "{0} is an address, and an address cannot be proved to be yours: write the domain that your visitors see"
    )]
    Address(String),
    #[error("a * may only stand first, as in *.example.com")]
    Wildcard,
    #[error(
        "{0} is a public suffix, under which anyone can register a name: write a domain of your own below it, such as example.{0}"
    )]
    PublicSuffix(String),
    #[error(
        "{0} has no dot in it, so it is not a domain on the internet: write a whole one, such as {0}.example.com"
    )]
    SingleLabel(String),
    #[error("a dot at the end makes it another host to browsers: write {0}")]
    TrailingDot(String),
    #[error(
        "{0} is this computer, which can be allowed only in the demo or with EMBED_DEV=1, and with its port: localhost:8081"
    )]
    Loopback(String),
    #[error("a domain on this computer needs its port, as in {0}:8081, and has no wildcard")]
    LoopbackPort(String),
    #[error(
        "{1:?} cannot be part of a domain name ({0}): use letters, digits and hyphens, with dots between"
    )]
    Character(String, char),
    #[error(
        "{0} is not a valid domain name: use letters, digits and hyphens, with dots between, up to 63 characters each"
    )]
    Invalid(String),
}

impl DomainPattern {
    /// Parses what a person typed. Scheme (`http://`, `https://`) and one trailing slash are removed, letters are
    /// lowered, names in other scripts become punycode; everything else that is not a domain is refused.
    pub fn parse(text: &str, loopback: bool) -> Result<Self, PatternError> {
        if text.len() > LONGEST_INPUT {
            return Err(PatternError::TooLong(text.chars().count()));
        }
        let authority = authority(text)?;
        if authority.is_empty() {
            return Err(PatternError::Empty);
        }
        let (host, port) = split_port(authority)?;
        let (wildcard, host) = match host.strip_prefix("*.") {
            Some(host) => (true, host),
            None => (false, host),
        };
        if host.contains('*') {
            return Err(PatternError::Wildcard);
        }
        let host = name(host)?;
        if is_loopback_host(&host) {
            return match port {
                _ if !loopback => Err(PatternError::Loopback(host)),
                Some(port) if !wildcard => Ok(Self { kind: Kind::Loopback { port }, host }),
                _ => Err(PatternError::LoopbackPort(host)),
            };
        }
        if ends_in_number(&host) {
            return Err(PatternError::Address(host));
        }
        if !host.contains('.') && psl::suffix(host.as_bytes()).is_none_or(|suffix| !suffix.is_known()) {
            return Err(PatternError::SingleLabel(host));
        }
        // A wildcard is tested with a name below it too: the list has rules such as `*.kawasaki.jp`.
        if psl::domain(host.as_bytes()).is_none()
            || wildcard && psl::domain(format!("x.{host}").as_bytes()).is_none()
        {
            return Err(PatternError::PublicSuffix(host));
        }
        if port.is_some() {
            return Err(PatternError::Port(if wildcard { format!("*.{host}") } else { host }));
        }
        Ok(Self { kind: if wildcard { Kind::Wildcard } else { Kind::Exact }, host })
    }

    pub fn is_wildcard(&self) -> bool {
        self.kind == Kind::Wildcard
    }

    /// The pattern in its owner's script, where that differs: `bücher.example` for `xn--bcher-kva.example`.
    pub fn in_owner_script(&self) -> Option<String> {
        let (host, _) = idna::domain_to_unicode(&self.host);
        let dots = if self.is_wildcard() { "*." } else { "" };
        (host != self.host).then(|| format!("{dots}{host}"))
    }

    /// Whether it is a host of this computer, which needs no proof and can have none.
    pub fn is_loopback(&self) -> bool {
        matches!(self.kind, Kind::Loopback { .. })
    }

    /// The host whose owner must prove it: the one after the `*.`.
    pub fn verification_host(&self) -> &str {
        &self.host
    }

    pub fn matches(&self, origin: &Origin) -> bool {
        let host = origin.host();
        match self.kind {
            Kind::Loopback { port } => {
                origin.is_loopback() && host == self.host && origin.port() == Some(port)
            }
            _ if origin.is_loopback() => false,
            Kind::Exact => host == self.host,
            Kind::Wildcard => {
                host.strip_suffix(&*self.host).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
        }
    }

    /// Every pattern that could cover this origin, the most specific first, so that a lookup by them costs the same
    /// whatever the size of the table.
    pub fn candidates(origin: &Origin) -> Vec<String> {
        let host = origin.host();
        if origin.is_loopback() {
            return origin.port().map(|port| format!("{host}:{port}")).into_iter().collect();
        }
        let parents =
            std::iter::successors(Some(host), |host| host.split_once('.').map(|(_, parent)| parent));
        let wildcards = parents.take_while(|host| host.contains('.')).map(|host| format!("*.{host}"));
        std::iter::once(host.to_owned()).chain(wildcards).collect()
    }
}

impl fmt::Display for DomainPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Exact => f.write_str(&self.host),
            Kind::Wildcard => write!(f, "*.{}", self.host),
            Kind::Loopback { port } => write!(f, "{}:{port}", self.host),
        }
    }
}

/// The text without scheme and trailing slash; a URL with anything more is refused.
fn authority(text: &str) -> Result<&str, PatternError> {
    let rest = match text.split_once("://") {
        Some((scheme, rest))
            if scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http") =>
        {
            rest
        }
        Some((scheme, _)) if scheme.chars().all(|c| c.is_ascii_alphanumeric()) => {
            return Err(PatternError::Scheme(scheme.to_owned()));
        }
        _ => text,
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains(['/', '\\', '?', '#', '@']) {
        let end = rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
        let host = rest[..end].rsplit('@').next().unwrap_or_default();
        let example = Some(host).filter(|host| host.contains('.')).unwrap_or("example.com");
        return Err(PatternError::MoreThanDomain(example.to_owned()));
    }
    Ok(rest)
}

/// Splits a `:port` off, and refuses addresses, which have colons of their own.
fn split_port(authority: &str) -> Result<(&str, Option<u16>), PatternError> {
    match authority.split_once(':') {
        None => Ok((authority, None)),
        Some((_, port)) if port.contains(':') => Err(PatternError::Address(authority.to_owned())),
        Some((host, port)) => match port.parse() {
            Ok(number) if number > 0 && !port.starts_with(['+', '0']) => Ok((host, Some(number))),
            _ => Err(PatternError::Invalid(authority.to_owned())),
        },
    }
}

/// A host name as DNS has it: lower case, punycode, at most 253 characters in labels of at most 63.
fn name(host: &str) -> Result<String, PatternError> {
    if let Some(without_dot) = host.strip_suffix('.')
        && !without_dot.is_empty()
    {
        return Err(PatternError::TrailingDot(without_dot.to_lowercase()));
    }
    if let Some(c) = host.chars().find(|c| c.is_ascii() && !c.is_ascii_alphanumeric() && !"-.".contains(*c)) {
        return Err(PatternError::Character(host.to_owned(), c));
    }
    let invalid = || PatternError::Invalid(host.to_owned());
    let ascii = Uts46::new()
        .to_ascii(host.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Ignore)
        .map_err(|_| invalid())?;
    if ascii.len() > LONGEST_NAME {
        return Err(PatternError::TooLong(ascii.len()));
    }
    let (unicode, valid) =
        Uts46::new().to_unicode(ascii.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast);
    if let Some(c) = unicode.chars().find(|c| !is_letter_digit(*c)) {
        return Err(PatternError::Character(host.to_owned(), c));
    }
    let labels_fit = ascii.split('.').all(|label| (1..=63).contains(&label.len()));
    if valid.is_err() || !labels_fit { Err(invalid()) } else { Ok(ascii.into_owned()) }
}

/// Whether registries allow the character (RFC 5892, section 2.1): letters, marks and digits of any script, and the
/// few signs of its sections 2.6 and A.1 to A.7 that words are written with. Emoji and other symbols are not among
/// them.
fn is_letter_digit(c: char) -> bool {
    const SIGNS: &str = "-.\u{b7}\u{375}\u{5f3}\u{5f4}\u{6fd}\u{6fe}\u{f0b}\u{200c}\u{200d}\u{30fb}";
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || SIGNS.contains(c);
    }
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    GeneralCategoryGroup::Letter.contains(category)
        || GeneralCategoryGroup::Mark.contains(category)
        || category == GeneralCategory::DecimalNumber
        || c == '\u{3007}'
        || SIGNS.contains(c)
}

/// Whether browsers read the host as an IPv4 address, in whatever notation (WHATWG URL, "ends in a number").
fn ends_in_number(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    last.bytes().all(|b| b.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Whether the host is this computer, by its name (RFC 6761, section 6.3) or its usual address.
fn is_loopback_host(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost") || host == "127.0.0.1"
}
