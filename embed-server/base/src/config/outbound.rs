use super::setting::{Flag, section};
use std::net::SocketAddr;

section! {
    /// How the server reaches others.
    pub struct OutboundSettings() titled "Outbound";

    dns_server: Option<SocketAddr> = {
        variable: "EMBED_DNS_SERVER",
        flag: Flag::Value("ADDRESS:PORT"),
        meaning: "the DNS server that is asked, also for the proofs of domains",
        unset: "the system's",
        expected: "address:port, for example 127.0.0.1:5353",
        parse: |text| text.parse().ok(),
    }
}
