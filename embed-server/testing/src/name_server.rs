//! A name server on loopback for the zone `test`.

use embed_base::outbound::Resolver;
use hickory_server::{
    Server,
    net::runtime::TokioRuntimeProvider,
    proto::rr::{Name, RData, Record, RecordType, RrKey, rdata},
    store::in_memory::InMemoryZoneHandler,
    zone_handler::{AxfrPolicy, Catalog, ZoneType},
};
use std::{net::SocketAddr, sync::Arc, time::Duration};

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

    /// Publishes a TXT record of several strings beside those that are there.
    pub async fn publish(&self, name: &str, strings: &[&str]) {
        let text = rdata::TXT::new(strings.iter().map(ToString::to_string).collect());
        self.zone.upsert(record(name, RData::TXT(text)), 1).await;
    }
}

impl NameServer {
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
