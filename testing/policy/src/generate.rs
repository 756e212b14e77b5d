//! Random clusters, policies and probes, small enough that everything overlaps.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::model::{
    Element, Peers, Pod, Policy, Port, PortRule, Ports, Requirement, Rule, Selector, World,
};
use crate::oracle::{Peer, Probe};
use crate::random::Random;

const NAMESPACES: [&str; 2] = ["x", "y"];
const APPS: [&str; 4] = ["a", "b", "c", "d"];
const TIERS: [&str; 2] = ["web", "api"];
const PORTS: [u16; 8] = [1, 53, 80, 443, 1000, 5432, 8080, 65535];
const NAMES: [&str; 2] = ["http", "metrics"];
const PREFIXES: [&str; 12] = [
    "0.0.0.0/0",
    "192.0.0.0/8",
    "192.0.2.0/24",
    "192.0.2.128/25",
    "192.0.2.7/32",
    "203.0.113.0/24",
    // These cover pods, which prefixes never mean.
    "10.0.0.0/8",
    "10.1.0.9/32",
    "::/0",
    "2001:db8::/32",
    "2001:db8:1::/48",
    "2001:db8::7/128",
];
const OUTSIDE: [&str; 9] = [
    "192.0.2.7",
    "192.0.2.200",
    "192.0.77.1",
    "203.0.113.9",
    "198.51.100.1",
    "10.9.9.9",
    "2001:db8::7",
    "2001:db8:1::1",
    "2001:db9::1",
];
/// An address of a pod range that belongs to no pod.
pub const UNMANAGED: &str = "10.1.250.250";

/// A cluster of a few pods and a few policies about them.
pub fn world(random: &mut Random) -> World {
    let count = 5 + random.below(5);
    let pods = (0..count).map(|n| pod(random, n)).collect();
    let mut count = 0;
    let policies = random.some(1, 5, |random| {
        count += 1;
        Policy {
            name: format!("p{count}"),
            namespace: random.chance(75).then(|| *random.pick(&NAMESPACES)),
            rules: random.some(1, 2, rule),
        }
    });
    World { pods, policies }
}

/// Lets some of what allows on ports name servers of TLS connections.
pub fn name_servers(world: &mut World, random: &mut Random) {
    let rules = world
        .policies
        .iter_mut()
        .flat_map(|policy| &mut policy.rules);
    for rule in rules {
        let [ingress, _, egress, _] = &mut rule.sections;
        let elements = [ingress, egress].into_iter().flatten().flatten();
        for ports in elements.filter_map(|element| element.ports.as_mut()) {
            if let Ports::Ports(items) = ports {
                for item in items {
                    item.names_servers = random.chance(35);
                }
            }
        }
    }
}

fn pod(random: &mut Random, n: usize) -> Pod {
    let mut labels = vec![("app", *random.pick(&APPS))];
    if random.chance(60) {
        labels.push(("tier", *random.pick(&TIERS)));
    }
    let octet = n + 10;
    // The first two are always where tables are compiled.
    let (node, range) = if n < 2 || random.chance(60) {
        ("a", 1)
    } else {
        ("b", 2)
    };
    let ips = vec![
        format!("10.{range}.0.{octet}").parse().expect("an address"),
        format!("fd00:{range}::{octet}")
            .parse()
            .expect("an address"),
    ];
    let mut ports = Vec::new();
    for name in NAMES {
        if random.chance(50) {
            ports.push((name, *random.pick(&PORTS)));
        }
    }
    Pod {
        name: format!("pod-{n}"),
        namespace: random.pick::<&str>(&NAMESPACES),
        labels,
        ips,
        node,
        ports,
    }
}

fn selector(random: &mut Random, most: usize) -> Selector {
    let requirements = random.some(0, most, |random| {
        let (key, values): (_, &[&str]) = match random.below(5) {
            0..=2 => ("app", &APPS),
            3 => ("tier", &TIERS),
            _ => ("nowhere", &["x"]),
        };
        match random.below(7) {
            0..=2 => Requirement::Equals(key, random.pick::<&str>(values)),
            3 => Requirement::In(key, random.some(1, 2, |random| *random.pick(values))),
            4 => Requirement::NotIn(key, random.some(1, 2, |random| *random.pick(values))),
            5 => Requirement::Exists(key),
            _ => Requirement::DoesNotExist(key),
        }
    });
    Selector {
        requirements: without_doubles(requirements),
        namespace: random.chance(25).then(|| *random.pick(&NAMESPACES)),
    }
}

/// A mapping can't have a key twice: later equalities of one key go.
fn without_doubles(requirements: Vec<Requirement>) -> Vec<Requirement> {
    let mut seen = Vec::new();
    requirements
        .into_iter()
        .filter(|requirement| match requirement {
            Requirement::Equals(key, _) if seen.contains(key) => false,
            Requirement::Equals(key, _) => {
                seen.push(*key);
                true
            }
            Requirement::In(..)
            | Requirement::NotIn(..)
            | Requirement::Exists(_)
            | Requirement::DoesNotExist(_) => true,
        })
        .collect()
}

fn rule(random: &mut Random) -> Rule {
    // Allows are more common than denies, which would else hide everything.
    let mut sections =
        [60, 25, 60, 25].map(|percent| random.chance(percent).then(|| random.some(0, 3, element)));
    if sections.iter().flatten().all(Vec::is_empty) {
        sections[2 * random.below(2)] = Some(vec![element(random)]);
    }
    let default_deny = [(); 2].map(|()| random.chance(25).then(|| random.chance(40)));
    Rule {
        subject: selector(random, 1),
        sections,
        default_deny,
    }
}

fn prefix(random: &mut Random) -> IpNet {
    random.pick(&PREFIXES).parse().expect("a prefix")
}

fn element(random: &mut Random) -> Element {
    let peers = match random.below(10) {
        0 => None,
        1..=4 => Some(Peers::Endpoints(
            random.some(0, 2, |random| selector(random, 2)),
        )),
        5 | 6 => Some(Peers::Entities(random.some(0, 2, |random| {
            *random.pick(&[
                "all",
                "world",
                "cluster",
                "host",
                "remote-node",
                "unmanaged",
                "none",
            ])
        }))),
        7 => Some(Peers::Cidr(random.some(0, 2, prefix))),
        _ => Some(Peers::CidrSet(random.some(0, 2, |random| {
            let cidr = prefix(random);
            let inside = |net: &IpNet| cidr.contains(net) && *net != cidr;
            let except = random
                .some(0, 2, prefix)
                .into_iter()
                .filter(inside)
                .collect();
            (cidr, except)
        }))),
    };
    let ports = match random.below(10) {
        0..=2 => None,
        3..=8 => Some(Ports::Ports(random.some(0, 2, |random| PortRule {
            ports: random.some(0, 2, port),
            names_servers: false,
        }))),
        _ => Some(Ports::Icmp(random.some(1, 2, |random| {
            (*random.pick(&["IPv4", "IPv6"]), *random.pick(&[0, 8, 128]))
        }))),
    };
    Element { peers, ports }
}

fn port(random: &mut Random) -> Port {
    let first = match random.below(10) {
        0 => "0".to_owned(),
        1 | 2 => (*random.pick(&NAMES)).to_owned(),
        _ => random.pick(&PORTS).to_string(),
    };
    let ranged = first.parse::<u16>().is_ok_and(|first| first > 0) && random.chance(30);
    let end = ranged.then(|| {
        if random.chance(50) {
            *random.pick(&PORTS)
        } else {
            u16::try_from(random.below(65536)).expect("below 65536")
        }
    });
    Port {
        port: first,
        end,
        protocol: *random.pick(&[
            None,
            Some("TCP"),
            Some("TCP"),
            Some("UDP"),
            Some("SCTP"),
            Some("ANY"),
        ]),
    }
}

/// A probe of anything.
pub fn probe(world: &World, random: &mut Random) -> Probe {
    let (protocol, port) = protocol_and_port(random);
    Probe {
        subject: subject(world, random),
        egress: random.chance(50),
        peer: peer(world, random),
        protocol,
        port,
    }
}

/// The probe after another: in half of the cases they differ in one field.
pub fn next_probe(world: &World, last: Option<&Probe>, random: &mut Random) -> Probe {
    match last {
        Some(last) if random.chance(50) => {
            let field = *random.pick(&ProbeField::ALL);
            change(world, last, field, random)
        }
        _ => probe(world, random),
    }
}

fn subject(world: &World, random: &mut Random) -> usize {
    let local: Vec<usize> = (0..world.pods.len())
        .filter(|n| world.pods[*n].node == "a")
        .collect();
    *random.pick(&local)
}

fn peer(world: &World, random: &mut Random) -> Peer {
    match random.below(10) {
        0..=4 => Peer::Pod(random.below(world.pods.len())),
        5 => Peer::Host,
        6 => Peer::RemoteNode,
        7 => Peer::Unmanaged,
        _ => {
            let ip: IpAddr = random.pick(&OUTSIDE).parse().expect("an address");
            Peer::World(ip)
        }
    }
}

fn protocol_and_port(random: &mut Random) -> (u8, u16) {
    match random.below(10) {
        0..=4 => (6, *random.pick(&PORTS)),
        5 | 6 => (17, *random.pick(&PORTS)),
        7 => (132, *random.pick(&PORTS)),
        8 => (1, *random.pick(&[0, 8, 13])),
        _ => (58, *random.pick(&[0, 8, 128])),
    }
}

/// The fields of a probe that can be changed one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProbeField {
    Subject,
    Direction,
    Peer,
    Protocol,
    Port,
}

impl ProbeField {
    pub const ALL: [Self; 5] = [
        Self::Subject,
        Self::Direction,
        Self::Peer,
        Self::Protocol,
        Self::Port,
    ];
}

/// The same probe but for one field.
pub fn change(world: &World, probe: &Probe, field: ProbeField, random: &mut Random) -> Probe {
    let mut changed = probe.clone();
    match field {
        ProbeField::Subject => changed.subject = subject(world, random),
        ProbeField::Direction => changed.egress = !probe.egress,
        ProbeField::Peer => changed.peer = peer(world, random),
        ProbeField::Protocol => changed.protocol = *random.pick(&[6, 17, 132, 1, 58]),
        ProbeField::Port => {
            changed.port = match random.below(3) {
                0 => probe.port.wrapping_add(1),
                1 => probe.port.wrapping_sub(1),
                _ => *random.pick(&PORTS),
            };
        }
    }
    changed
}
