//! Synthetic events and names for the tests of this crate.
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    dead_code,
    unused_imports,
    reason = "each test file uses its part of it, and a failure here is a failure of the test"
)]

pub(crate) mod enforcing;
pub(crate) mod server;

use std::{
    io,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use abi::event::{self, Event};
use flows_agent::{
    fact::Arrived,
    node::names::{
        AddrKey, Attribution, Decision, Device, Endpoint, NameTable, Node, PolicyRef, RuleRef,
        Workload,
    },
    observe::source::{Item, Source},
};

pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const SYN: u8 = 0b10;
/// Cookies that [`names`] knows.
pub(crate) const ALLOW_FRONTEND: u32 = 16;
pub(crate) const DEFAULT_DENY: u32 = 17;
pub(crate) const EXPLICIT_DENY: u32 = 18;
pub(crate) const ALLOW_EGRESS: u32 = 19;

/// Addresses of the pods of [`names`].
pub(crate) const FRONTEND: &str = "10.0.1.11";
pub(crate) const CART: &str = "10.0.1.12";
pub(crate) const REMOTE: &str = "10.0.2.21";
pub(crate) const WORLD: &str = "203.0.113.9";

pub(crate) fn words(addr: &str) -> [u32; 4] {
    let ip: IpAddr = addr.parse().unwrap();
    AddrKey::from(ip).words()
}

/// An event as a ring's reader takes it.
pub(crate) fn arrived(event: Event) -> Arrived {
    Arrived::read(&event.into()).expect("a record of this version")
}

/// A SYN from frontend to cart, both of this node, allowed at both ends.
pub(crate) fn new_connection(time: u64) -> Event {
    Event {
        time,
        src: words(FRONTEND),
        dst: words(CART),
        src_identity: 20_001,
        dst_identity: 20_002,
        egress_cookie: abi::policy::COOKIE_ALLOW_ANY_EGRESS,
        ingress_cookie: ALLOW_FRONTEND,
        revision: 7,
        packets: [1, 0],
        src_port: 40_001,
        dst_port: 8080,
        version: event::VERSION,
        kind: event::NEW,
        flags: event::F_FROM_POD,
        proto: TCP,
        tcp_flags: SYN,
        egress: event::FORWARDED,
        ingress: event::FORWARDED,
        match_types: abi::policy::match_type::L3_L4 << 4 | abi::policy::match_type::ALL,
        ..Event::default()
    }
}

/// The same, denied at its destination because no rule allows it.
pub(crate) fn default_deny(time: u64) -> Event {
    Event {
        kind: event::DROP,
        ingress: abi::reason::POLICY_DENIED,
        ingress_cookie: DEFAULT_DENY,
        match_types: abi::policy::match_type::ALL,
        aux: 101,
        ..new_connection(time)
    }
}

fn pod(id: u32, identity: u32, name: &str, app: &str) -> Endpoint {
    let local = id != 0;
    Endpoint {
        id,
        identity,
        cluster: "default".into(),
        namespace: "shop".into(),
        pod: name.into(),
        labels: vec![
            format!("k8s:app={app}"),
            "k8s:io.kubernetes.pod.namespace=shop".into(),
        ],
        workloads: vec![Workload {
            kind: "Deployment".into(),
            name: app.into(),
        }],
        interface: local.then(|| Device {
            index: id + 1000,
            name: format!("lxc{id}"),
        }),
    }
}

pub(crate) fn node() -> Arc<Node> {
    Arc::new(Node {
        cluster: "default".into(),
        name: "node-a".into(),
        labels: vec!["kubernetes.io/os=linux".into()],
    })
}

fn policy(name: &str, rule: &str) -> PolicyRef {
    PolicyRef {
        kind: cluster::Kind::CiliumNetworkPolicy,
        namespace: "shop".into(),
        name: name.into(),
        labels: vec![format!("k8s:io.cilium.k8s.policy.name={name}")],
        resource_version: String::new(),
        rules: vec![RuleRef {
            path: "spec.ingress[0]".parse().unwrap(),
            text: rule.into(),
        }],
    }
}

/// Two pods here, one elsewhere, the world, and four cookies.
pub(crate) fn names() -> NameTable {
    let mut names = NameTable {
        node: node(),
        ..NameTable::default()
    };
    for (addr, endpoint) in [
        (
            FRONTEND,
            pod(101, 20_001, "frontend-6d9c7b-xk2vq", "frontend"),
        ),
        (CART, pod(102, 20_002, "cart-0", "cart")),
        (REMOTE, pod(0, 20_003, "db-0", "db")),
    ] {
        let ip: IpAddr = addr.parse().unwrap();
        let endpoint = Arc::new(endpoint);
        if endpoint.id != 0 {
            names.by_index.insert(endpoint.id, Arc::clone(&endpoint));
        }
        names.by_address.insert(ip.into(), endpoint);
    }
    for (identity, label) in [(1, "reserved:host"), (2, "reserved:world")] {
        names.by_identity.insert(
            identity,
            Arc::new(Endpoint {
                identity,
                labels: vec![label.into()],
                ..Endpoint::default()
            }),
        );
    }
    for (cookie, decision, policies) in [
        (
            ALLOW_FRONTEND,
            Decision::Allow,
            vec![policy("allow-frontend", "allows app=frontend on 8080/TCP")],
        ),
        (
            DEFAULT_DENY,
            Decision::DefaultDeny,
            vec![policy("allow-frontend", "allows app=frontend on 8080/TCP")],
        ),
        (
            EXPLICIT_DENY,
            Decision::Deny,
            vec![policy("deny-frontend", "denies app=frontend")],
        ),
        (
            ALLOW_EGRESS,
            Decision::Allow,
            vec![policy("frontend-egress", "allows app=cart on 8080/TCP")],
        ),
    ] {
        names.attributions.insert(
            cookie,
            Arc::new(Attribution {
                cookie,
                decision,
                policies,
                log: match cookie {
                    EXPLICIT_DENY => vec!["kept out".into()],
                    _ => vec![],
                },
            }),
        );
    }
    names
}

/// A source that a test fills.
#[derive(Clone, Default)]
pub(crate) struct Fed {
    pub(crate) cpu: u32,
    items: Arc<Mutex<Vec<Item>>>,
}

impl Fed {
    pub(crate) fn new(cpu: u32) -> Self {
        Self {
            cpu,
            ..Self::default()
        }
    }

    pub(crate) fn feed(&self, items: impl IntoIterator<Item = Item>) {
        self.items
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(items);
    }

    pub(crate) fn events(&self, events: impl IntoIterator<Item = Event>) {
        self.feed(events.into_iter().map(|event| Item::read(&event.into())));
    }
}

impl Source for Fed {
    fn cpu(&self) -> u32 {
        self.cpu
    }

    fn wait(&mut self, timeout: Duration) -> io::Result<()> {
        std::thread::park_timeout(timeout);
        Ok(())
    }

    fn drain(&mut self, sink: &mut dyn FnMut(Item)) -> io::Result<()> {
        let items = std::mem::take(&mut *self.items.lock().unwrap_or_else(PoisonError::into_inner));
        items.into_iter().for_each(sink);
        Ok(())
    }
}
