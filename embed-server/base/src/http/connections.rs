//! How many connections are open, in all and from each network.
//!
//! A network that has none is always let in: where all places are taken, the network that holds the most loses its oldest
//! connection. So a health check, or a visitor, gets through while others hold as many as they may.

use crate::metrics::Metrics;
use crate::net::{TrustedProxies, network};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// Connections from one IPv4 address or IPv6 network of 64 bits; trusted proxies have no limit of their own.
pub const CONNECTIONS_PER_NETWORK: usize = 256;

pub(super) struct Connections {
    /// In all.
    limit: usize,
    proxies: TrustedProxies,
    metrics: Metrics,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    /// By network, or by the address of a trusted proxy, the connections in the order in which they came.
    by_network: HashMap<IpAddr, BTreeMap<u64, CancellationToken>>,
    /// The networks with a limit of their own, by how many connections they have.
    by_size: BTreeSet<(usize, IpAddr)>,
    total: usize,
    next: u64,
}

/// A connection that has a place, until this is dropped.
pub(super) struct Admitted {
    connections: Arc<Connections>,
    network: IpAddr,
    limited: bool,
    number: u64,
    /// Cancelled when the place is given to somebody else.
    pub lost: CancellationToken,
}

impl Connections {
    pub(super) fn new(limit: usize, proxies: TrustedProxies, metrics: Metrics) -> Arc<Self> {
        Arc::new(Self { limit, proxies, metrics, open: Mutex::default() })
    }

    /// Gives a connection a place; `None` where it is to be closed.
    pub(super) fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Admitted> {
        let peer = peer.to_canonical();
        let limited = !self.proxies.trusts(peer);
        let network = if limited { network(peer) } else { peer };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let own = open.by_network.get(&network).map_or(0, BTreeMap::len);
        if limited && own >= CONNECTIONS_PER_NETWORK {
            self.metrics.connection_closed("address");
            return None;
        }
        if open.total >= self.limit {
            let largest = open.by_size.last().copied().filter(|(held, _)| *held > own);
            let Some((_, largest)) = largest else {
                self.metrics.connection_closed("full");
                return None;
            };
            if let Some((_, lost)) = open.by_network.get_mut(&largest).and_then(BTreeMap::pop_first) {
                lost.cancel();
            }
            open.resized(largest, -1, true);
            self.metrics.connection_closed("replaced");
        }
        let (number, lost) = (open.next, CancellationToken::new());
        open.next += 1;
        open.by_network.entry(network).or_default().insert(number, lost.clone());
        open.resized(network, 1, limited);
        Some(Admitted { connections: self.clone(), network, limited, number, lost })
    }

    fn leave(&self, &Admitted { network, limited, number, .. }: &Admitted) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // One that has lost its place has left already.
        if open.by_network.get_mut(&network).is_some_and(|held| held.remove(&number).is_some()) {
            open.resized(network, -1, limited);
        }
    }
}

impl Open {
    /// Brings the sums up to date after the network has gained or lost a connection.
    fn resized(&mut self, network: IpAddr, by: isize, limited: bool) {
        self.total = self.total.saturating_add_signed(by);
        let size = self.by_network.get(&network).map_or(0, BTreeMap::len);
        if size == 0 {
            self.by_network.remove(&network);
        }
        if limited {
            self.by_size.remove(&(size.saturating_add_signed(-by), network));
            if size > 0 {
                self.by_size.insert((size, network));
            }
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.connections.leave(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(limit: usize, proxies: &str) -> Arc<Connections> {
        Connections::new(limit, TrustedProxies::parse(proxies).unwrap(), Metrics::default())
    }

    fn at(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    #[test]
    fn a_network_has_so_many_places_and_gets_them_back() {
        let connections = connections(10_000, "192.0.2.200");
        for (one, other) in [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8:0:1::1")] {
            let mut held: Vec<_> =
                (0..CONNECTIONS_PER_NETWORK).map(|_| connections.admit(at(one)).unwrap()).collect();
            assert!(connections.admit(at(one)).is_none());
            assert!(connections.admit(at(other)).is_some());
            held.pop();
            assert!(connections.admit(at(one)).is_some());
        }
        assert!(connections.admit(at("2001:db8::2")).is_some(), "its network's were given back");
        let held: Vec<_> = (0..1000).map(|_| connections.admit(at("192.0.2.200"))).collect();
        assert!(held.iter().all(Option::is_some), "a trusted proxy has no limit of its own");
        drop(held);
        let open = connections.open.lock().unwrap();
        assert_eq!((open.total, open.by_network.len(), open.by_size.len()), (0, 0, 0));
    }

    #[test]
    fn a_trusted_proxy_is_told_apart_from_its_network_and_never_makes_room() {
        let connections = connections(4, "2001:db8::1");
        let mut proxy: Vec<_> = (0..3).map(|_| connections.admit(at("2001:db8::1")).unwrap()).collect();
        proxy.pop();
        let others =
            ["2001:db8::2", "192.0.2.1", "192.0.2.2"].map(|other| connections.admit(at(other)).unwrap());
        assert!(others[..2].iter().any(|one| one.lost.is_cancelled()), "one of them made room for the last");
        assert!(proxy.iter().all(|one| !one.lost.is_cancelled()));
        drop((proxy, others));
        let open = connections.open.lock().unwrap();
        assert_eq!((open.total, open.by_network.len(), open.by_size.len()), (0, 0, 0));
    }

    #[test]
    fn where_all_places_are_taken_whoever_holds_most_makes_room() {
        let connections = connections(5, "192.0.2.200");
        let many: Vec<_> = (0..3).map(|_| connections.admit(at("192.0.2.1")).unwrap()).collect();
        let few = [connections.admit(at("192.0.2.2")).unwrap(), connections.admit(at("192.0.2.3")).unwrap()];
        assert!(connections.admit(at("192.0.2.1")).is_none(), "nobody replaces itself");
        let third = connections.admit(at("192.0.2.4")).unwrap();
        assert!(many[0].lost.is_cancelled() && !many[1].lost.is_cancelled(), "the oldest goes");
        assert!(few.iter().all(|one| !one.lost.is_cancelled()));
        let fourth = connections.admit(at("192.0.2.5")).unwrap();
        assert!(many[1].lost.is_cancelled());
        // Everybody has one now; a newcomer still gets in.
        let fifth = connections.admit(at("192.0.2.6")).unwrap();
        let lost = |one: &Admitted| usize::from(one.lost.is_cancelled());
        let all = [&many[2], &few[0], &few[1], &third, &fourth, &fifth];
        assert_eq!(all.into_iter().map(lost).sum::<usize>(), 1);
        drop((many, few, third, fourth, fifth));
        assert_eq!(connections.open.lock().unwrap().total, 0);
    }
}
