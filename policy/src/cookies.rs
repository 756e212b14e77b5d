//! Numbers for reasons, and for tables. Both stay what they are for as long as what they name does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use abi::policy as number;
use cluster::differ::{changed, same};
use cluster::{SharedMap, SharedTable};
use serde::{Deserialize, Serialize};

use crate::attribution::{Direction, Reason, ReasonKind};

/// The directory of cookies. A cookie stays resolvable until [`Cookies::retain`] is told that nothing
/// refers to it any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "SerializedCookies", into = "SerializedCookies")]
pub struct Cookies {
    by_reason: SharedTable<Arc<Reason>, u32>,
    by_number: SharedMap<u32, Arc<Reason>>,
    next: u32,
}

/// What differs between two states of [`Cookies`], as plain data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CookieChanges {
    next: u32,
    /// `None`: the cookie is free again.
    reasons: BTreeMap<u32, Option<Arc<Reason>>>,
}

#[derive(Serialize, Deserialize)]
struct SerializedCookies {
    next: u32,
    reasons: BTreeMap<u32, Arc<Reason>>,
}

/// Cookies that are the same everywhere.
const IMPLICIT: [(u32, Direction, ReasonKind); 3] = [
    (
        number::COOKIE_ALLOW_ANY_INGRESS,
        Direction::Ingress,
        ReasonKind::AllowAny,
    ),
    (
        number::COOKIE_ALLOW_ANY_EGRESS,
        Direction::Egress,
        ReasonKind::AllowAny,
    ),
    (
        number::COOKIE_ALLOW_LOCALHOST,
        Direction::Ingress,
        ReasonKind::AllowLocalhost,
    ),
];

impl Default for Cookies {
    fn default() -> Self {
        let mut cookies = Self {
            by_reason: SharedTable::default(),
            by_number: SharedMap::default(),
            next: number::COOKIE_FIRST_RULE,
        };
        for (number, direction, kind) in IMPLICIT {
            cookies.insert(number, Arc::new(Reason::implicit(direction, kind)));
        }
        cookies
    }
}

impl Cookies {
    /// The cookie of a reason; allocates it if the reason is new. `None` if all 65,520 are in use.
    pub fn for_reason(&mut self, reason: Reason) -> Option<u32> {
        if let Some(number) = self.by_reason.get(&reason) {
            return Some(*number);
        }
        let room = number::COOKIE_FIRST_RULE..number::MAX_COOKIES;
        // The three implicit ones are below.
        if self.by_number.len() - IMPLICIT.len() == room.len() {
            return None;
        }
        for _ in room {
            let candidate = self.next;
            // Round and round, so that a freed number comes back as late as possible.
            self.next = if candidate + 1 == number::MAX_COOKIES {
                number::COOKIE_FIRST_RULE
            } else {
                candidate + 1
            };
            if !self.by_number.contains_key(&candidate) {
                self.insert(candidate, Arc::new(reason));
                return Some(candidate);
            }
        }
        None
    }

    /// What a cookie names.
    pub fn resolve(&self, cookie: u32) -> Option<&Arc<Reason>> {
        self.by_number.get(&cookie)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_number.len()
    }

    /// Never: the implicit ones are always there.
    pub fn is_empty(&self) -> bool {
        self.by_number.is_empty()
    }

    /// All cookies and what they name, by number.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Arc<Reason>)> {
        self.by_number
            .iter()
            .map(|(number, reason)| (*number, reason))
    }

    /// Forgets all cookies for rules that are not `in_use`.
    pub fn retain(&mut self, in_use: &BTreeSet<u32>) {
        let is_kept = |cookie: &u32| *cookie < number::COOKIE_FIRST_RULE || in_use.contains(cookie);
        let all = self.by_number.keys().copied();
        let forgotten: Vec<u32> = all.filter(|cookie| !is_kept(cookie)).collect();
        for cookie in forgotten {
            self.remove(cookie);
        }
    }

    /// The cookies that name something else than `before`, and what they name; `None`: the cookie is free
    /// again.
    pub fn changed_since<'a>(
        &'a self,
        before: &'a Self,
    ) -> impl Iterator<Item = (u32, Option<&'a Arc<Reason>>)> {
        let changed = SharedMap::changed(&before.by_number, &self.by_number, same);
        changed.into_iter().map(|(cookie, _, now)| (*cookie, now))
    }

    /// The way here from `before`; `None` if that is the same.
    pub(crate) fn changes(&self, before: &Self) -> Option<CookieChanges> {
        let reasons: BTreeMap<u32, Option<Arc<Reason>>> = self
            .changed_since(before)
            .map(|(number, now)| (number, now.cloned()))
            .collect();
        let is_same = reasons.is_empty() && self.next == before.next;
        (!is_same).then_some(CookieChanges {
            next: self.next,
            reasons,
        })
    }

    /// Goes the way that [`Self::changes`] told.
    pub(crate) fn apply(&mut self, changes: CookieChanges) {
        self.next = changes
            .next
            .clamp(number::COOKIE_FIRST_RULE, number::MAX_COOKIES - 1);
        let room = number::COOKIE_FIRST_RULE..number::MAX_COOKIES;
        // A reason may have gone from one number to another.
        for number in changes
            .reasons
            .keys()
            .filter(|number| room.contains(number))
        {
            self.remove(*number);
        }
        for (number, reason) in changes.reasons {
            if let Some(reason) = reason.filter(|_| room.contains(&number)) {
                self.insert(number, reason);
            }
        }
    }

    fn remove(&mut self, number: u32) {
        if let Some(reason) = self.by_number.remove(&number) {
            self.by_reason.remove(&reason);
        }
    }

    fn insert(&mut self, number: u32, reason: Arc<Reason>) {
        self.by_reason.insert(Arc::clone(&reason), number);
        self.by_number.insert(number, reason);
    }
}

impl From<SerializedCookies> for Cookies {
    fn from(stored: SerializedCookies) -> Self {
        let mut cookies = Self {
            next: stored
                .next
                .clamp(number::COOKIE_FIRST_RULE, number::MAX_COOKIES - 1),
            ..Self::default()
        };
        for (number, reason) in stored.reasons {
            if (number::COOKIE_FIRST_RULE..number::MAX_COOKIES).contains(&number) {
                cookies.insert(number, reason);
            }
        }
        cookies
    }
}

impl From<Cookies> for SerializedCookies {
    fn from(cookies: Cookies) -> Self {
        Self {
            next: cookies.next,
            reasons: cookies
                .iter()
                .filter(|(number, _)| *number >= number::COOKIE_FIRST_RULE)
                .map(|(number, reason)| (number, Arc::clone(reason)))
                .collect(),
        }
    }
}

/// A named port of a pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NamedPort {
    /// Name, lower case.
    pub name: Arc<str>,
    /// IP protocol number.
    pub protocol: u8,
    /// Number.
    pub port: u16,
}

/// Pods that share a table: equal labels, equal named ports.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TableOwner {
    /// Identity number.
    pub identity: u32,
    /// The pods' named ports, sorted.
    pub ports: Vec<NamedPort>,
}

/// Which table is whose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableIds {
    next: u32,
    owners: Vec<(TableOwner, u32)>,
}

/// What differs between two states of [`TableIds`], as plain data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TableChanges {
    next: u32,
    /// `None`: the owner has no table any more.
    owners: Vec<(TableOwner, Option<u32>)>,
}

impl Default for TableIds {
    fn default() -> Self {
        Self {
            next: 1,
            owners: Vec::new(),
        }
    }
}

impl TableIds {
    /// The way here from `before`; `None` if that is the same.
    pub(crate) fn changes(&self, before: &Self) -> Option<TableChanges> {
        if self == before {
            return None;
        }
        let by_owner = |ids: &Self| BTreeMap::from_iter(ids.owners.iter().cloned());
        let (before, now) = (by_owner(before), by_owner(self));
        let owners = changed(&before, &now, |one, other| one == other);
        Some(TableChanges {
            next: self.next,
            owners: owners
                .into_iter()
                .map(|(owner, _, now)| (owner.clone(), now.copied()))
                .collect(),
        })
    }

    /// Goes the way that [`Self::changes`] told.
    pub(crate) fn apply(&mut self, changes: TableChanges) {
        self.next = changes.next;
        let mut owners = BTreeMap::from_iter(self.owners.drain(..));
        for (owner, table) in changes.owners {
            match table {
                Some(table) => drop(owners.insert(owner, table)),
                None => drop(owners.remove(&owner)),
            }
        }
        self.owners = owners.into_iter().collect();
    }

    /// Gives every owner its table: the one it had, or a new one. Tables of others are freed.
    /// Owners for which there is no table left are missing in the result.
    pub fn assign(&mut self, owners: &BTreeSet<TableOwner>) -> BTreeMap<TableOwner, u32> {
        let mut assigned: BTreeMap<TableOwner, u32> = self
            .owners
            .drain(..)
            .filter(|(owner, id)| (1..number::MAX_TABLES).contains(id) && owners.contains(owner))
            .collect();
        let mut taken: BTreeSet<u32> = assigned.values().copied().collect();
        let mut next = self.next.clamp(1, number::MAX_TABLES - 1);
        for owner in owners {
            if assigned.contains_key(owner) {
                continue;
            }
            for _ in 1..number::MAX_TABLES {
                let candidate = next;
                next = if next + 1 == number::MAX_TABLES {
                    1
                } else {
                    next + 1
                };
                if taken.insert(candidate) {
                    assigned.insert(owner.clone(), candidate);
                    break;
                }
            }
        }
        self.next = next;
        self.owners = assigned
            .iter()
            .map(|(owner, id)| (owner.clone(), *id))
            .collect();
        assigned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(n: u32) -> Reason {
        let kind = cluster::Kind::CiliumNetworkPolicy;
        Reason {
            direction: Direction::Ingress,
            kind: ReasonKind::Allow,
            origins: vec![crate::attribution::Origin {
                policy: cluster::ObjectName {
                    kind,
                    namespace: Some("shop".into()),
                    name: n.to_string().into(),
                },
                uid: None,
                version: "1".into(),
                rule: crate::path::RulePath::default(),
                text: "allows anyone".into(),
                labels: Vec::new(),
                log: None,
            }],
        }
    }

    #[test]
    fn cookies_stay_and_come_back_late() {
        let mut cookies = Cookies::default();
        let (a, b) = (cookies.for_reason(reason(1)), cookies.for_reason(reason(2)));
        assert_eq!((a, b), (Some(16), Some(17)));
        assert_eq!(cookies.for_reason(reason(1)), a);
        let text = serde_json::to_string(&cookies).expect("plain data");
        let mut cookies: Cookies = serde_json::from_str(&text).expect("own form");
        assert_eq!(cookies.for_reason(reason(2)), b);
        cookies.retain(&BTreeSet::from([16]));
        assert_eq!(cookies.resolve(17), None);
        assert_eq!(cookies.for_reason(reason(3)), Some(18));
        assert_eq!(
            cookies
                .resolve(number::COOKIE_ALLOW_LOCALHOST)
                .map(|reason| reason.kind),
            Some(ReasonKind::AllowLocalhost)
        );
    }

    #[test]
    fn cookies_run_out_without_being_given_twice() {
        let mut cookies = Cookies::default();
        let given: BTreeSet<u32> = (0..70_000)
            .filter_map(|n| cookies.for_reason(reason(n)))
            .collect();
        assert_eq!(given.len(), 65_520);
        cookies.retain(&BTreeSet::from([16]));
        assert_eq!(cookies.for_reason(reason(70_001)), Some(17));
    }

    #[test]
    fn tables_stay() {
        let owner = |identity| TableOwner {
            identity,
            ports: Vec::new(),
        };
        let mut ids = TableIds::default();
        let first = ids.assign(&BTreeSet::from([owner(1), owner(2)]));
        let second = ids.assign(&BTreeSet::from([owner(0), owner(2), owner(3)]));
        assert_eq!(second[&owner(2)], first[&owner(2)]);
        assert_eq!(BTreeSet::from_iter(second.values()).len(), 3);
        assert!(
            !second
                .values()
                .any(|id| *id == 0 || *id == first[&owner(1)])
        );
    }
}
