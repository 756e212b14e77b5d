//! Places of which each client has a share at most: no pod's connections keep another pod's out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The places.
#[derive(Debug)]
pub struct Quota {
    taken: Mutex<Taken>,
    most: usize,
    most_each: usize,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    each: HashMap<IpAddr, usize, foldhash::fast::RandomState>,
}

/// A place; free again when this is dropped.
#[derive(Debug)]
pub struct Permit {
    quota: Arc<Quota>,
    client: IpAddr,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuotaExceeded {
    /// All are taken.
    #[error("the proxy's limit of {0} is reached")]
    All(usize),
    /// The client has its share.
    #[error("the limit of {0} for one client is reached")]
    Client(usize),
    /// Most are taken, and the client has as many as everybody is to have.
    #[error("three quarters of the proxy's places are taken, and the client has {0} already")]
    Shared(usize),
}

/// How many places of the last quarter a client may have.
const FEW: usize = 64;

impl Quota {
    /// `most` places, of which one client may have `most_each`. The last quarter is for clients that have few: those
    /// that have many leave it to them.
    pub fn new(most: usize, most_each: usize) -> Arc<Self> {
        Arc::new(Self {
            taken: Mutex::default(),
            most,
            most_each,
        })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place.
    ///
    /// # Errors
    /// There is none, or the client has its share.
    pub fn acquire(self: &Arc<Self>, client: IpAddr) -> Result<Permit, QuotaExceeded> {
        let mut taken = self.taken();
        if taken.all >= self.most {
            return Err(QuotaExceeded::All(self.most));
        }
        let has = taken.each.get(&client).copied().unwrap_or(0);
        if has >= self.most_each {
            return Err(QuotaExceeded::Client(self.most_each));
        }
        if taken.all >= self.most - self.most / 4 && has >= FEW {
            return Err(QuotaExceeded::Shared(FEW));
        }
        taken.each.insert(client, has + 1);
        taken.all += 1;
        drop(taken);
        Ok(Permit {
            quota: Arc::clone(self),
            client,
        })
    }

    /// How many are taken.
    pub fn count(&self) -> usize {
        self.taken().all
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut taken = self.quota.taken();
        taken.all -= 1;
        if let Some(has) = taken.each.get_mut(&self.client) {
            *has -= 1;
            if *has == 0 {
                taken.each.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_shared_and_come_back() {
        let quota = Quota::new(3, 2);
        let [a, b]: [IpAddr; 2] = ["10.0.0.1", "10.0.0.2"].map(|text| text.parse().unwrap());
        let first = quota.acquire(a).unwrap();
        let _second = quota.acquire(a).unwrap();
        assert_eq!(quota.acquire(a).unwrap_err(), QuotaExceeded::Client(2));
        let _third = quota.acquire(b).unwrap();
        assert_eq!(quota.acquire(b).unwrap_err(), QuotaExceeded::All(3));
        drop(first);
        assert!(quota.acquire(b).is_ok());
        assert_eq!(quota.count(), 2);
    }

    #[test]
    fn clients_with_many_leave_a_quarter_to_those_with_few() {
        let quota = Quota::new(1_000, 900);
        let client = |last: u8| IpAddr::from([10, 0, 0, last]);
        let fill = |last| -> Vec<Permit> {
            std::iter::from_fn(|| quota.acquire(client(last)).ok()).collect()
        };
        let greedy = fill(1);
        assert_eq!(greedy.len(), 750);
        assert_eq!(
            quota.acquire(client(1)).unwrap_err(),
            QuotaExceeded::Shared(FEW)
        );
        let others: Vec<_> = (2..=4).map(fill).collect();
        assert_eq!(others.iter().map(Vec::len).collect::<Vec<_>>(), [64; 3]);
        drop(greedy);
        assert!(quota.acquire(client(4)).is_ok());
    }
}
