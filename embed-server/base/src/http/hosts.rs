//! The hosts that this server answers for. Under any other one it would show its console and modules at an origin that
//! nobody has set up.

use crate::config::ModuleHost;
use crate::error::{Code, Error};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use std::net::IpAddr;
use url::{Host, Url};
use uuid::Uuid;

/// The paths by which the server is watched, often by its address alone.
pub(super) const WATCHED: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// What a request's `Host` stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Addressed {
    Public,
    Module(Uuid),
    /// Another name of this machine, where the public URL is one, too.
    Loopback,
    /// None of ours.
    Unknown,
    /// Missing, several, or no host.
    Invalid(&'static str),
}

/// The hosts of the settings.
#[derive(Clone, Debug)]
pub struct Hosts {
    public_url: String,
    public: Option<Host<String>>,
    module_host: Option<ModuleHost>,
}

impl Hosts {
    pub fn new(public_url: &str, module_host: Option<ModuleHost>) -> Self {
        let public = Url::parse(public_url).ok().and_then(|url| url.host().map(|host| host.to_owned()));
        Self { public_url: public_url.to_owned(), public, module_host }
    }

    /// The port is a proxy's affair and not looked at.
    pub(super) fn addressed(&self, request: &Request) -> Addressed {
        let text = host_header(request.headers());
        let module = text.ok().zip(self.module_host.as_ref()).and_then(|(text, hosts)| hosts.module(text));
        if let Some(module) = module {
            return Addressed::Module(module);
        }
        if WATCHED.contains(&request.uri().path()) {
            return Addressed::Public;
        }
        let text = match text {
            Ok(text) => text,
            Err(reason) => return Addressed::Invalid(reason),
        };
        let Some(host) = without_port(text).and_then(|name| Host::parse(name).ok()) else {
            return Addressed::Invalid("The Host header is not a host.");
        };
        match &self.public {
            Some(public) if *public == host => Addressed::Public,
            Some(public) if is_loopback(public) && is_loopback(&host) => Addressed::Loopback,
            _ => Addressed::Unknown,
        }
    }

    /// The refusal of a request that is for none of the hosts.
    pub(super) fn refusal(&self, addressed: &Addressed) -> Error {
        if let Addressed::Invalid(reason) = addressed {
            return Error::new(
                Code::InvalidHeader,
                format!("{reason} Send one Host header, as HTTP/1.1 asks for."),
            );
        }
        let detail = format!(
            "This server does not answer for this host. Its address is {}, which EMBED_PUBLIC_URL sets; a proxy in front of it has to forward Host.",
            self.public_url
        );
        Error::new(Code::UnknownHost, detail)
    }

    /// Where a page of the console is at the public URL.
    pub(super) fn at_public_url(&self, request: &Request) -> String {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        format!("{}{path}", self.public_url)
    }
}

fn host_header(headers: &HeaderMap) -> Result<&str, &'static str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let Some(host) = hosts.next() else { return Err("The request has no Host header.") };
    if hosts.next().is_some() {
        return Err("The request has several Host headers.");
    }
    host.to_str().map_err(|_| "The Host header is not a host.")
}

/// The host without its port; `None` where what follows is no port.
fn without_port(text: &str) -> Option<&str> {
    let end = text.rfind(']').map_or(0, |bracket| bracket + 1);
    match text[end..].rsplit_once(':') {
        None => Some(text),
        Some((name, port)) => {
            port.bytes().all(|byte| byte.is_ascii_digit()).then(|| &text[..end + name.len()])
        }
    }
}

fn is_loopback(host: &Host<String>) -> bool {
    match host {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => IpAddr::V4(*address).is_loopback(),
        Host::Ipv6(address) => IpAddr::V6(*address).to_canonical().is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn request(path: &str, hosts: &[&str]) -> Request {
        let request =
            hosts.iter().fold(Request::get(path), |request, host| request.header(header::HOST, *host));
        request.body(Body::empty()).unwrap()
    }

    fn addressed(public_url: &str, hosts: &[&str]) -> Addressed {
        Hosts::new(public_url, None).addressed(&request("/console", hosts))
    }

    #[test]
    fn the_public_host_is_known_in_any_case_and_on_any_port() {
        for host in ["embed.example.com", "EMBED.example.com", "embed.example.com:8080"] {
            assert_eq!(addressed("https://embed.example.com", &[host]), Addressed::Public, "{host}");
        }
    }

    #[test]
    fn other_hosts_are_unknown() {
        for host in [
            "example.com",
            "evil.embed.example.com",
            "embed.example.com.",
            "embed.example.com.evil.com",
            "127.0.0.1",
            "localhost:8080",
            "[::1]",
        ] {
            assert_eq!(addressed("https://embed.example.com", &[host]), Addressed::Unknown, "{host}");
        }
    }

    #[test]
    fn what_is_no_host_is_invalid() {
        let both: &[&str] = &["embed.example.com", "embed.example.com"];
        for hosts in [
            &[][..],
            both,
            &[""],
            &["a b"],
            &["evil.com@embed.example.com"],
            &["embed.example.com/x"],
            &["embed.example.com:x"],
            &["embed.example.com, evil.com"],
            &["h\u{f6}st"],
        ] {
            let seen = addressed("https://embed.example.com", hosts);
            assert!(matches!(seen, Addressed::Invalid(_)), "{hosts:?}: {seen:?}");
        }
    }

    #[test]
    fn with_a_loopback_public_url_every_name_of_the_machine_is_known() {
        for host in ["127.0.0.1:8080", "127.0.0.9", "[::1]:8080", "[::ffff:127.0.0.1]"] {
            assert_eq!(addressed("http://localhost:8080", &[host]), Addressed::Loopback, "{host}");
        }
        assert_eq!(addressed("http://localhost:8080", &["localhost:9090"]), Addressed::Public);
        assert_eq!(addressed("http://localhost:8080", &["192.168.0.1"]), Addressed::Unknown);
        assert_eq!(addressed("http://localhost:8080", &["feedback.localhost"]), Addressed::Unknown);
    }

    #[test]
    fn whoever_watches_the_server_needs_no_host() {
        let hosts = Hosts::new("https://embed.example.com", None);
        for path in WATCHED {
            for given in [&[][..], &["10.0.0.7:8080"], &["a", "b"]] {
                assert_eq!(hosts.addressed(&request(path, given)), Addressed::Public);
            }
        }
        assert_eq!(hosts.addressed(&request("/healthz/x", &["10.0.0.7"])), Addressed::Unknown);
    }
}
