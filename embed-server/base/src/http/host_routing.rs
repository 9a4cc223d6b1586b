//! The choice of a router by the request's host: on a module's own origin there is that module and nothing else, and a host
//! that is not this server's gets nothing.

use super::hosts::{Addressed, Hosts};
use super::request_id;
use crate::error::{Code, Error};
use crate::metrics::Metrics;
use crate::net::{ForwardingWatch, TrustedProxies};
use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Request};
use axum::http::Method;
use axum::response::{IntoResponse, Redirect, Response};
use std::convert::Infallible;
use std::net::SocketAddr;
use tower::Service;
use uuid::Uuid;

/// The module whose own origin a request is addressed to. An extension of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModuleOrigin(pub Uuid);

/// The routers behind one listener.
pub struct HostRouter {
    hosts: Hosts,
    proxies: TrustedProxies,
    forwarding: ForwardingWatch,
    metrics: Metrics,
    routers: Routers,
}

/// The routers, with their middleware.
pub struct Routers {
    /// For the public origin.
    pub public: Router,
    /// For the modules' own origins.
    pub module: Router,
    /// For requests to no host of this server; its routes are [`refuse_host`].
    pub unknown: Router,
}

impl HostRouter {
    pub fn new(hosts: Hosts, proxies: TrustedProxies, metrics: Metrics, routers: Routers) -> Self {
        Self { hosts, proxies, forwarding: ForwardingWatch::default(), metrics, routers }
    }

    pub(super) fn proxies(&self) -> &TrustedProxies {
        &self.proxies
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Answers one request of a client at the other end of a connection.
    pub async fn answer(&self, peer: SocketAddr, mut request: Request<Body>) -> Result<Response, Infallible> {
        request_id::remove_harmful(request.headers_mut());
        self.forwarding.look(&self.proxies, peer.ip(), request.headers());
        let client = self.proxies.client(peer.ip(), request.headers());
        request.extensions_mut().insert(client);
        let router = match self.hosts.addressed(&request) {
            Addressed::Module(module) => {
                request.extensions_mut().insert(ModuleOrigin(module));
                &self.routers.module
            }
            Addressed::Public => &self.routers.public,
            Addressed::Loopback if is_page(&request) => {
                // Cookies and forms belong to one name of this machine.
                return Ok(Redirect::temporary(&self.hosts.at_public_url(&request)).into_response());
            }
            Addressed::Loopback => &self.routers.public,
            refused => {
                let error = self.hosts.refusal(&refused);
                request.extensions_mut().insert(HostRefusal(error.code(), error.detail().to_owned()));
                &self.routers.unknown
            }
        };
        router.clone().call(request).await
    }
}

/// Whether a browser opens a page of the console.
fn is_page(request: &Request) -> bool {
    let path = request.uri().path();
    request.method() == Method::GET && (path == "/" || path == "/console" || path.starts_with("/console/"))
}

/// Why a request is for no host of this server.
#[derive(Clone, Debug)]
pub struct HostRefusal(Code, String);

/// Answers a request that is for no host of this server.
pub async fn refuse_host(Extension(HostRefusal(code, detail)): Extension<HostRefusal>) -> Error {
    Error::new(code, detail)
}
