//! Outgoing HTTP. [`Outbound`] is the only way to call hosts that strangers name.
//!
//! It calls only https, and never a private network: every address is checked when the connection is made, so a name
//! that later resolves elsewhere (DNS rebinding) gains nothing; every redirect is a new request under the same rules;
//! time, bytes and redirects are limited. Proxy variables of the environment are ignored.

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

pub const USER_AGENT: &str = "DramacBot/1.0";

/// The limits of a call.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the first lookup to the last byte, over all redirects.
    pub time: Duration,
    /// The most bytes of the response's body that are read; the rest is dropped.
    pub bytes: usize,
    /// The most redirects; only a `GET` is redirected.
    pub redirects: u8,
}

/// Exceptions from the rules for tests and development.
#[derive(Clone, Debug)]
pub struct Loopback {
    /// The port for hosts that resolve to loopback, where the URL has none.
    pub port: u16,
    /// A certificate that is trusted in addition to the public ones.
    pub root: CertificateDer<'static>,
}

/// The guarded client. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub struct Outbound {
    client: reqwest::Client,
    guard: Guard,
}

/// Why a call has no response.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    #[error("{0} is not reached by https, and nothing else is called: use an https:// URL")]
    NotHttps(Url),
    #[error("{host} has an address inside a private or reserved network, which this server does not call")]
    Inside { host: String, address: IpAddr },
    #[error("{host} could not be resolved: {}", source.public())]
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

/// A client for URLs in the settings, which only the operator names: they may be in a private network, and redirects
/// are not followed.
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
    /// A client that resolves names with `resolver`. `loopback` is for tests and development; a server has `None`.
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

    pub async fn get(&self, url: Url, limits: Limits) -> Result<Response<Bytes>, OutboundError> {
        self.send(Method::GET, url, HeaderMap::new(), Bytes::new(), limits).await
    }

    /// Makes one call. A response of any status is a result; its body ends at `limits.bytes`. Headers are not sent to
    /// the target of a redirect.
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

    /// Makes one request to one host, without following redirects.
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
        // An address in the URL is connected to without the resolver, so it is checked here.
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

/// Resolves names for new connections, and refuses addresses that may not be called.
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
        // One private address refuses the name: an owner who mixes them is mistaken or an attacker.
        if let Some(&address) = found.iter().find(|address| !self.admits(**address)) {
            tracing::info!(host, %address, "a call into a private network was refused");
            return Err(OutboundError::Inside { host: host.to_owned(), address });
        }
        // Port 0 stands for the scheme's default.
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

/// The response with at most the first `most` bytes of its body.
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

/// Finds the guard's own error among the causes of the client's.
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

/// The innermost cause, which is the informative one.
fn deepest(error: &reqwest::Error) -> String {
    causes(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}
