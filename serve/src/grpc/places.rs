//! Places of one kind, and how many of them each peer has: what is left belongs to those who have little.
//!
//! Nobody is given a fixed part, which would be too little for the only one and too much for many. Who
//! wants another place may have as many as are free at that moment, or a multiple of that. So somebody
//! who takes all that there is to get stops while there is some left, and the more such there are, the
//! less each of them gets.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::net::{TcpStream, UnixStream};

/// What a peer may have of what is free: one alone gets three quarters of all, two get three sevenths each.
const OF_FREE: usize = 3;

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Peer {
    /// A user of this machine, by the unix socket.
    User(u32),
    /// A machine; of IPv6 the network, since a machine has as many addresses as it likes (RFC 4291, 2.5.4).
    Machine(IpAddr),
    /// The system doesn't say.
    Unknown,
}

/// A socket that knows who is at its other end.
pub(super) trait Peered {
    fn peer(&self) -> Peer;
}

impl Peered for UnixStream {
    fn peer(&self) -> Peer {
        // SO_PEERCRED.
        self.peer_cred()
            .map_or(Peer::Unknown, |process| Peer::User(process.uid()))
    }
}

impl Peered for TcpStream {
    fn peer(&self) -> Peer {
        match self.peer_addr().map(|address| address.ip().to_canonical()) {
            Ok(IpAddr::V6(address)) => {
                let network = address.to_bits() >> 64 << 64;
                Peer::Machine(Ipv6Addr::from_bits(network).into())
            }
            Ok(address) => Peer::Machine(address),
            Err(_) => Peer::Unknown,
        }
    }
}

/// The places.
#[derive(Clone, Debug)]
pub(super) struct Pool(Arc<Mutex<Taken>>);

/// Who has how many.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    /// That nobody has.
    pub(super) free: usize,
    of: HashMap<Peer, usize>,
}

impl Taken {
    /// How many a peer has.
    pub(super) fn of(&self, peer: Peer) -> usize {
        self.of.get(&peer).copied().unwrap_or(0)
    }

    /// Whether a peer has no more than its share, and may have one more.
    pub(super) fn is_within_share(&self, peer: Peer) -> bool {
        self.free > 0 && self.of(peer) <= self.free.saturating_mul(OF_FREE)
    }
}

impl Pool {
    pub(super) fn new(places: usize) -> Self {
        Self(Arc::new(Mutex::new(Taken {
            free: places,
            of: HashMap::new(),
        })))
    }

    /// Takes a place for a peer if one is free and it may have it.
    ///
    /// # Errors
    /// How things stand, if not.
    pub(super) fn take(
        &self,
        peer: Peer,
        may: impl FnOnce(&Taken) -> bool,
    ) -> Result<Place, Taken> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.free == 0 || !may(&taken) {
            return Err(taken.clone());
        }
        taken.free -= 1;
        *taken.of.entry(peer).or_default() += 1;
        Ok(Place {
            pool: self.clone(),
            peer,
        })
    }
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    pool: Pool,
    peer: Peer,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.pool.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.free += 1;
        if let Some(of) = taken.of.get_mut(&self.peer) {
            *of -= 1;
            if *of == 0 {
                taken.of.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes all that a peer can get.
    fn all(pool: &Pool, peer: Peer) -> Vec<Place> {
        let one = || pool.take(peer, |taken| taken.is_within_share(peer)).ok();
        std::iter::from_fn(one).collect()
    }

    #[test]
    fn who_takes_all_leaves_some() {
        let users = [1, 2, 3, 4].map(Peer::User);
        let pool = Pool::new(256);
        let had = users.map(|user| all(&pool, user));
        assert_eq!(had.each_ref().map(Vec::len), [193, 48, 12, 3]);
        let mut taken = pool.take(users[0], |_| false).unwrap_err();
        assert_eq!((taken.free, taken.of(users[0])), (0, 193));
        drop(had);
        taken = pool.take(users[0], |_| false).unwrap_err();
        assert_eq!((taken.free, taken.of.len()), (256, 0), "all come back");
    }

    #[tokio::test]
    async fn who_is_at_the_other_end() {
        let (one, _other) = UnixStream::pair().unwrap();
        assert_eq!(one.peer(), Peer::User(nix::unistd::geteuid().as_raw()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await;
        assert_eq!(client.unwrap().peer(), Peer::Machine([127, 0, 0, 1].into()));
    }
}
