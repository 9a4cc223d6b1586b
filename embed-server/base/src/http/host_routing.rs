//! The choice of a router by the request's host: on a module's own origin there is that module and nothing else.

use super::request_id;
use crate::config::ModuleHost;
use crate::metrics::Metrics;
use crate::net::TrustedProxies;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use std::convert::Infallible;
use std::net::SocketAddr;
use tower::Service;
use uuid::Uuid;

/// The module whose own origin a request is addressed to. An extension of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModuleOrigin(pub Uuid);

/// The two routers behind one listener.
pub struct HostRouter {
    module_host: Option<ModuleHost>,
    proxies: TrustedProxies,
    metrics: Metrics,
    public: Router,
    module: Router,
}

impl HostRouter {
    /// `module` answers for the hosts of `module_host`, `public` for every other.
    pub fn new(
        module_host: Option<ModuleHost>,
        proxies: TrustedProxies,
        metrics: Metrics,
        public: Router,
        module: Router,
    ) -> Self {
        Self { module_host, proxies, metrics, public, module }
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
        let client = self.proxies.client(peer.ip(), request.headers());
        request.extensions_mut().insert(client);
        let router = match self.module_of(request.headers()) {
            Some(module) => {
                request.extensions_mut().insert(ModuleOrigin(module));
                &self.module
            }
            None => &self.public,
        };
        router.clone().call(request).await
    }

    fn module_of(&self, headers: &HeaderMap) -> Option<Uuid> {
        self.module_host.as_ref()?.module(headers.get(header::HOST)?.to_str().ok()?)
    }
}
