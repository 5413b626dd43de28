//! KEY-015: how many clients may be here whom the key process has not let in yet.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::options::Limits;

/// Counts those who hold a [`Seat`].
#[derive(Debug)]
pub(crate) struct Gate {
    seats: usize,
    seats_per_network: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_network: HashMap<Network, usize>,
}

/// Whose connections are counted together: an IPv4 address, or the upper half of an IPv6 one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Network {
    V4([u8; 4]),
    V6(u64),
}

/// One client at the gate. Given back on drop.
#[derive(Debug)]
pub(crate) struct Seat {
    gate: Arc<Gate>,
    network: Network,
}

/// KEY-015: there is no seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Full {
    #[error("KEY-015: {0} handshakes are under way, as many as limits.tls_handshakes allows")]
    Altogether(usize),
    #[error("KEY-015: {0} handshakes are under way from its address, as many as one may have")]
    Network(usize),
}

impl Gate {
    pub(crate) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            seats: limits.handshakes,
            seats_per_network: limits.handshakes_per_address,
            taken: Mutex::default(),
        })
    }

    /// A seat for a client from this address, at once or not at all.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr) -> Result<Seat, Full> {
        let network = Network::of(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let here = taken.by_network.get(&network).copied().unwrap_or_default();
        if here >= self.seats_per_network {
            return Err(Full::Network(here));
        }
        if taken.all >= self.seats {
            return Err(Full::Altogether(taken.all));
        }
        taken.all += 1;
        taken.by_network.insert(network, here + 1);
        Ok(Seat {
            gate: Arc::clone(self),
            network,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.gate.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        let here = taken.by_network.remove(&self.network).unwrap_or_default();
        if here > 1 {
            taken.by_network.insert(self.network, here - 1);
        }
    }
}

impl Network {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.octets()),
            // A shift by half of it leaves what fits.
            IpAddr::V6(address) => Self::V6((address.to_bits() >> 64) as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> Arc<Gate> {
        Gate::new(&Limits {
            handshakes: 5,
            handshakes_per_address: 2,
            ..Limits::default()
        })
    }

    fn enter(gate: &Arc<Gate>, address: &str) -> Result<Seat, Full> {
        gate.enter(address.parse().unwrap())
    }

    #[test]
    fn key_015_no_address_takes_the_seats_of_others_and_each_comes_back() {
        let gate = gate();
        let first = enter(&gate, "192.0.2.1").unwrap();
        let _second = enter(&gate, "::ffff:192.0.2.1").unwrap();
        assert_eq!(enter(&gate, "192.0.2.1").unwrap_err(), Full::Network(2));
        let _third = enter(&gate, "2001:db8:0:1::1").unwrap();
        let _fourth = enter(&gate, "2001:db8:0:1:ffff::1").unwrap();
        assert_eq!(enter(&gate, "2001:db8:0:1:8000::").unwrap_err(), Full::Network(2));
        let _fifth = enter(&gate, "2001:db8:0:2::1").unwrap();
        assert_eq!(enter(&gate, "192.0.2.2").unwrap_err(), Full::Altogether(5));
        drop(first);
        drop(enter(&gate, "192.0.2.1").unwrap());
        drop(enter(&gate, "192.0.2.2").unwrap());
        assert_eq!(
            gate.taken.lock().unwrap().by_network.len(),
            3,
            "nothing is left behind"
        );
    }
}
