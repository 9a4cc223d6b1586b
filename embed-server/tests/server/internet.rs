//! A small internet on loopback: a name server for the zone `test`, and an https server for its hosts.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use embed_server::outbound::{Loopback, Outbound, Resolver};
use hickory_server::{
    Server,
    net::runtime::TokioRuntimeProvider,
    proto::rr::{Name, RData, Record, RecordType, RrKey, rdata},
    store::in_memory::InMemoryZoneHandler,
    zone_handler::{AxfrPolicy, Catalog, ZoneType},
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Answers for `*.test`, and refuses to answer for anything else.
pub struct NameServer {
    pub address: SocketAddr,
    zone: Arc<InMemoryZoneHandler<TokioRuntimeProvider>>,
    _server: Server<Catalog>,
}

impl NameServer {
    pub async fn start() -> Self {
        let origin = Name::from_ascii("test.").unwrap();
        let mut zone = InMemoryZoneHandler::empty(origin.clone(), ZoneType::Primary, AxfrPolicy::Deny);
        let soa = rdata::SOA::new(origin.clone(), origin.clone(), 1, 60, 60, 60, 0);
        zone.upsert_mut(Record::from_rdata(origin.clone(), 0, RData::SOA(soa)), 1);
        let zone = Arc::new(zone);
        let mut catalog = Catalog::new();
        catalog.upsert(origin.into(), vec![zone.clone()]);

        let (address, udp, tcp) = sockets().await;
        let mut server = Server::new(catalog);
        server.register_socket(udp);
        server.register_listener(tcp, Duration::from_secs(5), 64 * 1024);
        Self { address, zone, _server: server }
    }

    pub fn resolver(&self) -> Resolver {
        Resolver::at(self.address).unwrap()
    }

    /// Points a host at addresses, in place of those it had.
    pub async fn point(&self, host: &str, addresses: &[&str]) {
        self.clear(host).await;
        for address in addresses {
            let data = match address.parse().unwrap() {
                std::net::IpAddr::V4(address) => RData::A(address.into()),
                std::net::IpAddr::V6(address) => RData::AAAA(address.into()),
            };
            self.zone.upsert(record(host, data), 1).await;
        }
    }

    /// Publishes a TXT record of several strings beside those that are there.
    pub async fn publish(&self, name: &str, strings: &[&str]) {
        let text = rdata::TXT::new(strings.iter().map(ToString::to_string).collect());
        self.zone.upsert(record(name, RData::TXT(text)), 1).await;
    }

    /// Takes every record of a name away.
    pub async fn clear(&self, name: &str) {
        let mut records = self.zone.records_mut().await;
        for kind in [RecordType::A, RecordType::AAAA, RecordType::TXT] {
            records.remove(&RrKey::new(full(name).into(), kind));
        }
    }
}

/// The same port for both; one that is free for the first may be taken for the second.
async fn sockets() -> (SocketAddr, tokio::net::UdpSocket, tokio::net::TcpListener) {
    loop {
        let udp = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = udp.local_addr().unwrap();
        if let Ok(tcp) = tokio::net::TcpListener::bind(address).await {
            return (address, udp, tcp);
        }
    }
}

fn full(name: &str) -> Name {
    Name::from_ascii(format!("{name}.")).unwrap()
}

fn record(name: &str, data: RData) -> Record {
    Record::from_rdata(full(name), 0, data)
}

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
