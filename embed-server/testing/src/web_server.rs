//! An https server on loopback, with a certificate that only its root has signed.

use crate::NameServer;
use axum::Router;
use embed_base::outbound::{Loopback, Outbound};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::{net::SocketAddr, sync::Arc};

/// Serves one router by https to every host that it has a certificate for.
pub struct WebServer {
    pub loopback: Loopback,
    handle: axum_server::Handle<SocketAddr>,
}

impl WebServer {
    pub async fn start(hosts: &[&str], router: Router) -> Self {
        let (chain, key, root) = certificate(hosts);
        let mut tls =
            rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(chain, key)
                .unwrap();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let config = axum_server::tls_rustls::RustlsConfig::from_config(Arc::new(tls));
        let handle = axum_server::Handle::<SocketAddr>::new();
        let server = axum_server::bind_rustls(([127, 0, 0, 1], 0).into(), config).handle(handle.clone());
        tokio::spawn(server.serve(router.into_make_service()));
        let port = handle.listening().await.expect("the https server did not start").port();
        Self { loopback: Loopback { port, root }, handle }
    }
}

impl WebServer {
    /// A client that trusts this server and reaches it by every name that resolves to loopback.
    pub fn client(&self, names: &NameServer) -> Outbound {
        Outbound::new(names.resolver(), Some(self.loopback.clone())).unwrap()
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}

fn certificate(
    hosts: &[&str],
) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>, CertificateDer<'static>) {
    let root_key = KeyPair::generate().unwrap();
    let mut root = CertificateParams::default();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root_certificate = root.self_signed(&root_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
    let leaf = CertificateParams::new(hosts).unwrap().signed_by(&key, &Issuer::new(root, &root_key)).unwrap();
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    (vec![leaf.der().clone()], key, root_certificate.der().clone())
}
