//! The address of the client, also behind proxies.

use axum::http::{HeaderMap, HeaderName};
use ipnet::{IpNet, Ipv4Net};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED: HeaderName = HeaderName::from_static("forwarded");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
/// The bits before an IPv4 address in its IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2).
const MAPPED: u8 = 96;

/// The client's address, as far as this server can tell. An extension of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// The proxies whose `X-Forwarded-For` is trusted (`EMBED_TRUSTED_PROXIES`). Without any the header is ignored,
/// because every client can send it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Parses addresses and networks (CIDR), separated by commas.
    pub fn parse(text: &str) -> Option<Self> {
        text.split(',').map(|network| parse_network(network.trim())).collect::<Option<_>>().map(Self)
    }

    /// The client's address. Each proxy appends the address that it was called from, so the list is read backwards as
    /// long as the proxy that appended an address is trusted; anything further left may be forged.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
        let mut client = peer.to_canonical();
        let lists = headers.get_all(FORWARDED_FOR).iter().rev().filter_map(|value| value.to_str().ok());
        for address in lists.flat_map(|list| list.rsplit(',')) {
            if !self.trusts(client) {
                break;
            }
            let Ok(address) = address.trim().parse::<IpAddr>() else { break };
            client = address.to_canonical();
        }
        ClientAddress(client)
    }

    /// Whether an address, in its canonical form, is one of these proxies.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Notices, once, that a proxy forwards requests which is not trusted: then all of its clients are counted as one.
#[derive(Debug, Default)]
pub struct ForwardingWatch(AtomicBool);

impl ForwardingWatch {
    /// Logs a warning for the first request with a forwarding header from an address that is not trusted, if that address
    /// may be a proxy: one inside a private network. From elsewhere anybody sends such headers. `true` where it logged.
    pub fn look(&self, proxies: &TrustedProxies, peer: IpAddr, headers: &HeaderMap) -> bool {
        let forwarded = [FORWARDED_FOR, FORWARDED, REAL_IP].iter().any(|name| headers.contains_key(name));
        let peer = peer.to_canonical();
        if !forwarded || self.0.load(Ordering::Relaxed) || proxies.trusts(peer) || !is_private(peer) {
            return false;
        }
        let is_first = !self.0.swap(true, Ordering::Relaxed);
        if is_first {
            tracing::warn!(
                target: "embed_server::proxies",
                proxy = %peer,
                "requests are forwarded by a proxy that is not in EMBED_TRUSTED_PROXIES, so all of its clients share one limit and one address in the log; set EMBED_TRUSTED_PROXIES to the proxy's address"
            );
        }
        is_first
    }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

/// What one subscriber has: an IPv4 address, or an IPv6 network of 64 bits.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address => address,
    }
}

/// Parses a network in CIDR notation, or one address. Clients have canonical addresses, so an IPv4-mapped network
/// (`::ffff:10.0.0.0/104`) becomes the IPv4 one.
pub fn parse_network(text: &str) -> Option<IpNet> {
    let network = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    let IpNet::V6(mapped) = network else { return Some(network) };
    let within = mapped.prefix_len().checked_sub(MAPPED);
    let short = mapped.addr().to_ipv4_mapped().zip(within);
    let short = short.and_then(|(address, length)| Ipv4Net::new(address, length).ok());
    Some(short.map_or(network, IpNet::V4))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use proptest::prelude::*;
    use std::net::Ipv4Addr;

    fn client(proxies: &str, peer: &str, forwarded: &[&str]) -> String {
        let proxies = TrustedProxies::parse(proxies).unwrap();
        let headers = forwarded.iter().map(|value| (FORWARDED_FOR, HeaderValue::from_str(value).unwrap()));
        let mut map = HeaderMap::new();
        headers.for_each(|(name, value)| {
            map.append(name, value);
        });
        proxies.client(peer.parse().unwrap(), &map).0.to_string()
    }

    #[test]
    fn a_client_cannot_forge_its_address() {
        assert_eq!(client("10.0.0.0/8", "192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
    }

    #[test]
    fn a_trusted_proxy_names_its_client() {
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(client("10.0.0.0/8, ::1", "::1", &["198.51.100.7, 10.1.2.3"]), "198.51.100.7");
        assert_eq!(client("10.0.0.0/8", "::ffff:10.0.0.1", &["2001:db8::1"]), "2001:db8::1");
    }

    #[test]
    fn what_a_client_wrote_before_the_proxies_is_ignored() {
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["203.0.113.9, 198.51.100.7"]), "198.51.100.7");
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["203.0.113.9", "198.51.100.7"]), "198.51.100.7");
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["198.51.100.7, nonsense"]), "10.0.0.1");
    }

    #[test]
    fn a_proxy_that_is_not_trusted_is_noticed_once() {
        let none = TrustedProxies::default();
        let trusted = TrustedProxies::parse("10.0.0.0/8").unwrap();
        let forwarded = HeaderMap::from_iter([(FORWARDED_FOR, HeaderValue::from_static("198.51.100.7"))]);
        let watch = ForwardingWatch::default();
        for (proxies, peer, headers, expected) in [
            (&none, "10.0.0.1", &HeaderMap::new(), false),
            (&trusted, "10.0.0.1", &forwarded, false),
            // Anybody on the internet may send such a header.
            (&none, "203.0.113.9", &forwarded, false),
            (&none, "::ffff:10.0.0.1", &forwarded, true),
            (&none, "10.0.0.1", &forwarded, false),
        ] {
            assert_eq!(watch.look(proxies, peer.parse().unwrap(), headers), expected, "{peer}");
        }
    }

    #[test]
    fn networks_are_read_in_cidr_notation() {
        for (text, network) in [
            ("192.0.2.0/24", Some("192.0.2.0/24")),
            ("::1", Some("::1/128")),
            ("::ffff:10.0.0.0/104", Some("10.0.0.0/8")),
            ("::ffff:192.0.2.1", Some("192.0.2.1/32")),
            ("::ffff:0.0.0.0/96", Some("0.0.0.0/0")),
            ("::/0", Some("::/0")),
            ("2001:db8::/129", None),
            ("192.0.2.0/33", None),
            ("x", None),
        ] {
            assert_eq!(parse_network(text).map(|network| network.to_string()).as_deref(), network, "{text}");
        }
    }

    /// An address, with all of its bits at the left end of a number.
    fn address() -> impl Strategy<Value = (IpAddr, u128)> {
        let v4 =
            any::<u32>().prop_map(|bits| (IpAddr::V4(Ipv4Addr::from_bits(bits)), u128::from(bits) << 96));
        let v6 = any::<u128>().prop_map(|bits| (Ipv6Addr::from_bits(bits).to_canonical(), bits));
        prop_oneof![v4, v6.prop_filter("stands for no IPv4 address", |(address, _)| address.is_ipv6())]
    }

    /// The address with these bits, as many as the other one has.
    fn like(other: IpAddr, bits: u128) -> IpAddr {
        match other {
            IpAddr::V4(_) => Ipv4Addr::from_bits((bits >> 96) as u32).into(),
            IpAddr::V6(_) => Ipv6Addr::from_bits(bits).into(),
        }
    }

    proptest! {
        #[test]
        fn a_network_holds_exactly_the_addresses_that_begin_alike(
            (address, bits) in address(),
            length in 0..=128_u32,
            noise in any::<u128>(),
            flipped in 0..128_u32,
        ) {
            let width = if address.is_ipv4() { 32 } else { 128 };
            let (length, flipped) = (length % (width + 1), flipped % width);
            let network = parse_network(&format!("{address}/{length}")).unwrap();
            let behind = u128::MAX.checked_shr(length).unwrap_or(0);
            prop_assert!(network.contains(&like(address, bits & !behind | noise & behind)));
            let other = like(address, bits ^ (1 << (127 - flipped)));
            prop_assert_eq!(network.contains(&other), flipped >= length);
            // A network of one family contains no address of the other.
            let foreign = match address {
                IpAddr::V4(_) => IpAddr::V6(Ipv6Addr::from_bits(noise | 1 << 127)),
                IpAddr::V6(_) => IpAddr::V4(Ipv4Addr::from_bits(noise as u32)),
            };
            prop_assert!(!network.contains(&foreign));
            // The text parses to the same network, also in the longer spelling.
            prop_assert_eq!(parse_network(&network.to_string()), Some(network));
            if let IpAddr::V4(address) = address {
                let mapped = format!("{}/{}", address.to_ipv6_mapped(), length + 96);
                prop_assert_eq!(parse_network(&mapped), Some(network));
            }
        }

        #[test]
        fn no_network_and_no_header_makes_it_panic(text in ".{0,60}", header in "[ -~]{0,80}") {
            let _ = parse_network(&text);
            let _ = client("0.0.0.0/0", "192.0.2.1", &[&header]);
        }
    }
}
