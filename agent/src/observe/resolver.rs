//! Finds the names of an event's ends, and of the rules that decided it.

use std::sync::Arc;

use flow::Side;
use foldhash::HashMap;

use crate::{
    fact::{Arrived, Packet, Request},
    history::NamedRequest,
    node::names::{AddrKey, Attribution, Endpoint, NameTable, Node, PolicyVersions, Resolved},
};

/// Resolves events against one snapshot. Keeps what it had to make up (identities nobody announced,
/// a pod whose identity has just changed), so that equal ends share one value.
#[derive(Debug, Default)]
pub struct Resolver {
    names: Arc<NameTable>,
    synthetic: HashMap<u64, Arc<Endpoint>>,
    unknown_cookies: HashMap<u32, Arc<Attribution>>,
    nothing: Arc<Attribution>,
}

/// Bound of the values that are made up between two snapshots; beyond it they are dropped.
const SYNTHETIC_MAX: usize = 65_536;

impl Resolver {
    /// Takes a new snapshot, if it is another one; gives back its policies, if they are others.
    pub fn update(&mut self, names: &Arc<NameTable>) -> Option<Arc<PolicyVersions>> {
        if Arc::ptr_eq(&self.names, names) {
            return None;
        }
        let before = std::mem::replace(&mut self.names, Arc::clone(names));
        self.synthetic.clear();
        self.unknown_cookies.clear();
        let are_others = !Arc::ptr_eq(&before.policies, &names.policies);
        are_others.then(|| Arc::clone(&names.policies))
    }

    /// The node.
    pub fn node(&self) -> &Arc<Node> {
        &self.names.node
    }

    /// Names both ends and both rules.
    pub fn name(&mut self, arrived: &Arrived) -> Resolved {
        let packet = &arrived.packet;
        let source = if packet.is_forged() {
            self.sender(packet)
        } else {
            self.end(packet, Side::Source)
        };
        let destination = self.end(packet, Side::Destination);
        Resolved {
            ends: [source, destination],
            rules: arrived.cookies.map(|cookie| self.attribution(cookie)),
            device: None,
        }
    }

    /// Names both ends of a request, and the rule behind what became of it.
    pub fn name_request(&mut self, request: Request) -> NamedRequest {
        let ends = [Side::Source, Side::Destination].map(|side| {
            let address = AddrKey::from(request.end(side).ip());
            let known = self.names.by_address.get(&address).map(Arc::clone);
            self.known_or_made(known, request.identity(side))
        });
        let rule = self.attribution(request.cookie);
        NamedRequest {
            request,
            ends,
            rule,
        }
    }

    /// Who sent a packet with somebody else's address: the pod at whose veth it was seen, or, from the
    /// network, nobody that is known. Never the address's owner.
    fn sender(&mut self, packet: &Packet) -> Arc<Endpoint> {
        let pod = packet.dropped_at().filter(|_| packet.is_from_pod());
        match pod.and_then(|index| self.names.by_index.get(&index)) {
            Some(pod) => Arc::clone(pod),
            None => self.of_identity(0),
        }
    }

    fn end(&mut self, packet: &Packet, side: Side) -> Arc<Endpoint> {
        let identity = packet.identity(side);
        let found = if packet.has_ip() {
            self.names.by_address.get(&packet.address_key(side))
        } else {
            // A drop tells at which pod it happened.
            packet
                .dropped_at()
                .filter(|_| packet.is_from_pod() == (side == Side::Source))
                .and_then(|index| self.names.by_index.get(&index))
        };
        let found = found.map(Arc::clone);
        self.known_or_made(found, identity)
    }

    fn known_or_made(&mut self, found: Option<Arc<Endpoint>>, identity: u32) -> Arc<Endpoint> {
        match found {
            Some(endpoint) if identity == 0 || endpoint.identity == identity => endpoint,
            Some(endpoint) => self.of_other_identity(&endpoint, identity),
            None => self.of_identity(identity),
        }
    }

    /// The datapath's identity wins over what user space knows by now.
    fn of_other_identity(&mut self, endpoint: &Endpoint, identity: u32) -> Arc<Endpoint> {
        let key = u64::from(endpoint.identity) << 32 | u64::from(identity);
        if let Some(known) = self.synthetic.get(&key)
            && known.pod == endpoint.pod
            && known.namespace == endpoint.namespace
        {
            return Arc::clone(known);
        }
        let labels = match self.names.by_identity.get(&identity) {
            Some(known) => known.labels.clone(),
            None => endpoint.labels.clone(),
        };
        let made = Arc::new(Endpoint {
            identity,
            labels,
            ..endpoint.clone()
        });
        self.keep(key, made)
    }

    fn of_identity(&mut self, identity: u32) -> Arc<Endpoint> {
        if let Some(known) = self.names.by_identity.get(&identity) {
            return Arc::clone(known);
        }
        if let Some(known) = self.synthetic.get(&u64::from(identity)) {
            return Arc::clone(known);
        }
        let made = Arc::new(Endpoint {
            identity,
            ..Endpoint::default()
        });
        self.keep(u64::from(identity), made)
    }

    fn keep(&mut self, key: u64, made: Arc<Endpoint>) -> Arc<Endpoint> {
        if self.synthetic.len() >= SYNTHETIC_MAX {
            self.synthetic.clear();
        }
        self.synthetic.insert(key, Arc::clone(&made));
        made
    }

    fn attribution(&mut self, cookie: u32) -> Arc<Attribution> {
        if cookie == abi::policy::COOKIE_NONE {
            return Arc::clone(&self.nothing);
        }
        if let Some(known) = self.names.attributions.get(&cookie) {
            return Arc::clone(known);
        }
        if self.unknown_cookies.len() >= SYNTHETIC_MAX {
            self.unknown_cookies.clear();
        }
        Arc::clone(self.unknown_cookies.entry(cookie).or_insert_with(|| {
            Arc::new(Attribution {
                cookie,
                ..Attribution::default()
            })
        }))
    }
}
