//! How the server speaks HTTP: to hosts that strangers name in one way only, [`Outbound`].
//!
//! It goes out by https, and never inside: every address is checked when the connection to it is made, so a name
//! that resolves elsewhere a moment later (DNS rebinding) gains nothing; every redirect is a new request under the
//! same rules; time, bytes and redirects are capped. Proxy variables of the environment are not followed.

mod address;
mod resolver;

pub use resolver::{LookupError, Resolver};

use std::{error::Error, net::IpAddr, sync::Arc, time::Duration};

use axum::{
    body::Bytes,
    http::{HeaderMap, Method, Request, Response, StatusCode, header},
};
use rustls::{RootCertStore, pki_types::CertificateDer};
use url::{Host, Url};

/// How the server introduces itself.
pub const USER_AGENT: &str = "DramacBot/1.0";

/// What one call may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the first look-up to the last byte, over all redirects.
    pub time: Duration,
    /// Bytes of the answer's body that are read; the rest is left where it is.
    pub bytes: usize,
    /// Redirects that are followed; only a `GET` is ever redirected.
    pub redirects: u8,
}

/// Where a test or a developer's machine deviates from the rules.
#[derive(Clone, Debug)]
pub struct Loopback {
    /// Hosts that resolve to loopback are reached on this port, where the URL has none.
    pub port: u16,
    /// A certificate that is trusted besides the web's.
    pub root: CertificateDer<'static>,
}

/// The guarded client. Cheap to clone; connections are shared.
#[derive(Clone, Debug)]
pub struct Outbound {
    client: reqwest::Client,
    guard: Guard,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each variant's sentence is its documentation")]
pub enum OutboundError {
    #[error("{0} is not reached by https, and nothing else is called: use an https:// URL")]
    NotHttps(Url),
    #[error(
        "{host} is at {address}, an address inside a private or reserved network, which this server does not call"
    )]
    Inside { host: String, address: IpAddr },
    #[error("{host} could not be resolved: {source}")]
    Unresolved { host: String, source: LookupError },
    #[error("{url} was redirected more than {most} times")]
    TooManyRedirects { url: Url, most: u8 },
    #[error("{0} answered with a redirect to nowhere")]
    LostRedirect(Url),
    #[error("{url} did not answer within {seconds} s")]
    Timeout { url: Url, seconds: u64 },
    #[error("{url} could not be reached: {reason}")]
    Unreachable { url: Url, reason: String },
    #[error("the https client could not be set up: {0}")]
    Setup(String),
}

/// The client for what the operator names in the settings, and no stranger: it goes where it is told, which may well be
/// inside, and follows no redirect.
pub fn client_for_settings() -> Result<reqwest::Client, OutboundError> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    client(roots)?.build().map_err(|error| OutboundError::Setup(deepest(&error)))
}

fn client(roots: RootCertStore) -> Result<reqwest::ClientBuilder, OutboundError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| OutboundError::Setup(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(USER_AGENT))
}

impl Outbound {
    /// A client that asks `resolver` for addresses. `loopback` is for tests and developers; a server has `None`.
    pub fn new(resolver: Resolver, loopback: Option<Loopback>) -> Result<Self, OutboundError> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let mut loopback_port = None;
        if let Some(loopback) = loopback {
            roots.add(loopback.root).map_err(|error| OutboundError::Setup(error.to_string()))?;
            loopback_port = Some(loopback.port);
        }
        let guard = Guard { resolver, loopback_port };
        let client = client(roots)?.dns_resolver(guard.clone()).no_proxy().https_only(true).build();
        Ok(Self { client: client.map_err(|error| OutboundError::Setup(deepest(&error)))?, guard })
    }

    /// Fetches a URL, following redirects as far as `limits` says.
    pub async fn get(&self, url: Url, limits: Limits) -> Result<Response<Bytes>, OutboundError> {
        self.send(Method::GET, url, HeaderMap::new(), Bytes::new(), limits).await
    }

    /// Makes one call. An answer of any status is an answer; its body ends where `limits.bytes` cuts it off. Headers
    /// are not carried over to where a `GET` is redirected.
    pub async fn send(
        &self,
        method: Method,
        url: Url,
        headers: HeaderMap,
        body: Bytes,
        limits: Limits,
    ) -> Result<Response<Bytes>, OutboundError> {
        let call = self.follow(method, url.clone(), headers, body, limits);
        tokio::time::timeout(limits.time, call)
            .await
            .map_err(|_| OutboundError::Timeout { url, seconds: limits.time.as_secs() })?
    }

    async fn follow(
        &self,
        method: Method,
        first: Url,
        headers: HeaderMap,
        body: Bytes,
        limits: Limits,
    ) -> Result<Response<Bytes>, OutboundError> {
        let redirects = if method == Method::GET { limits.redirects } else { 0 };
        let mut url = first.clone();
        let mut answer = self.hop(method, &url, headers, body).await?;
        for _ in 0..redirects {
            if !is_redirect(answer.status()) {
                break;
            }
            url = location(&url, answer.headers()).ok_or_else(|| OutboundError::LostRedirect(url.clone()))?;
            answer = self.hop(Method::GET, &url, HeaderMap::new(), Bytes::new()).await?;
        }
        if redirects > 0 && is_redirect(answer.status()) {
            return Err(OutboundError::TooManyRedirects { url: first, most: redirects });
        }
        read(answer, limits.bytes).await.map_err(|error| explain(&url, &error))
    }

    /// One request to one host, whatever it answers.
    async fn hop(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<reqwest::Response, OutboundError> {
        if url.scheme() != "https" {
            return Err(OutboundError::NotHttps(url.clone()));
        }
        // An address in the URL is connected to without asking the resolver, so it is checked here.
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            _ => None,
        };
        if let Some(address) = literal.filter(|address| !self.guard.admits(*address)) {
            return Err(OutboundError::Inside { host: address.to_string(), address });
        }
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = url.as_str().parse().map_err(|_| OutboundError::LostRedirect(url.clone()))?;
        *request.headers_mut() = headers;
        let request = reqwest::Request::try_from(request).map_err(|error| explain(url, &error))?;
        self.client.execute(request).await.map_err(|error| explain(url, &error))
    }
}

/// Resolves a name for the connection that is about to be made, and lets through what may be called.
#[derive(Clone, Debug)]
struct Guard {
    resolver: Resolver,
    loopback_port: Option<u16>,
}

impl Guard {
    fn admits(&self, address: IpAddr) -> bool {
        address::is_public(address) || address.is_loopback() && self.loopback_port.is_some()
    }

    async fn addresses(&self, host: &str) -> Result<Vec<std::net::SocketAddr>, OutboundError> {
        let unresolved = |source| OutboundError::Unresolved { host: host.to_owned(), source };
        let found = self.resolver.addresses(host).await.map_err(unresolved)?;
        // One address inside spoils the name: an owner who mixes them is either mistaken or an attacker.
        if let Some(&address) = found.iter().find(|address| !self.admits(**address)) {
            return Err(OutboundError::Inside { host: host.to_owned(), address });
        }
        // Port 0 stands for the scheme's own.
        let port = |address: &IpAddr| self.loopback_port.filter(|_| address.is_loopback()).unwrap_or(0);
        Ok(found.into_iter().map(|address| (address, port(&address)).into()).collect())
    }
}

impl reqwest::dns::Resolve for Guard {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let addresses = guard.addresses(name.as_str()).await?;
            Ok(Box::new(addresses.into_iter()) as reqwest::dns::Addrs)
        })
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn location(base: &Url, headers: &HeaderMap) -> Option<Url> {
    base.join(headers.get(header::LOCATION)?.to_str().ok()?).ok()
}

/// The answer with the first `most` bytes of its body.
async fn read(mut answer: reqwest::Response, most: usize) -> reqwest::Result<Response<Bytes>> {
    let mut body = Vec::new();
    while body.len() < most
        && let Some(chunk) = answer.chunk().await?
    {
        body.extend_from_slice(&chunk[..chunk.len().min(most - body.len())]);
    }
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = answer.status();
    *response.headers_mut() = std::mem::take(answer.headers_mut());
    Ok(response)
}

/// Brings the guard's own verdict out of whatever the client wrapped it in.
fn explain(url: &Url, error: &reqwest::Error) -> OutboundError {
    match causes(error).find_map(|cause| cause.downcast_ref::<OutboundError>()) {
        Some(OutboundError::Inside { host, address }) => {
            OutboundError::Inside { host: host.clone(), address: *address }
        }
        Some(OutboundError::Unresolved { host, source }) => {
            OutboundError::Unresolved { host: host.clone(), source: source.clone() }
        }
        _ => OutboundError::Unreachable { url: url.clone(), reason: deepest(error) },
    }
}

/// The innermost cause, which is the one that says something.
fn deepest(error: &reqwest::Error) -> String {
    causes(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}
