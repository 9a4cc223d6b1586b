//! A small internet on loopback: a name server for the zone `test`, and an https server for its hosts, with what the
//! server's own calls meet there.

mod name_server;
mod web_server;

pub use name_server::NameServer;
pub use web_server::WebServer;

use embed_base::outbound::{Outbound, Resolver};
use hickory_server::proto::rr::{RData, RecordType, RrKey};
use name_server::{full, record};

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

impl WebServer {
    /// A client that trusts this server and reaches it by every name that resolves to loopback.
    pub fn client(&self, names: &NameServer) -> Outbound {
        Outbound::new(names.resolver(), Some(self.loopback.clone())).unwrap()
    }
}
