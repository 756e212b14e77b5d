//! Random policies: what the kernel's lookup finds in the compiled tables is what a scan over the rules
//! as written says, for hits and for misses in exactly one field.
//!
//! `FLOWS_CASES=20000` runs more of them, `FLOWS_SEED=n` one.

use std::collections::BTreeMap;
use std::net::IpAddr;

use cluster::{Identity, NamespacedName};
use datapath_host::HostMaps;
use flows_policy::{Compiled, Decision, Direction, TableQuery};
use l7::rules::{PeerKind, Protocol, Rules};
use l7::wire::tls::ServerName;
use testing_policy::compare::{agrees, compiled};
use testing_policy::generate::{ProbeField, UNMANAGED, change, name_servers, probe, world};
use testing_policy::model::{NODES, World};
use testing_policy::oracle::{Answer, Peer, Probe, answer};
use testing_policy::{Random, run_cases};

/// Clusters by default; each gets some dozens of probes.
const CASES: u64 = 400;
const PROBES: usize = 40;

fn identity(world: &World, compiled: &Compiled, peer: &Peer) -> Identity {
    let known = |ip: &IpAddr| compiled.addresses[ip].identity;
    let unknown = |ip: &IpAddr| {
        assert!(!compiled.addresses.contains_key(ip));
        let covering = compiled
            .prefixes
            .iter()
            .filter(|(prefix, _)| prefix.contains(ip));
        let longest = covering.max_by_key(|(prefix, _)| prefix.prefix_len());
        *longest.expect("the world covers everything").1
    };
    match peer {
        Peer::Pod(index) => known(&world.pods[*index].ips[0]),
        Peer::Host => known(&NODES[0].3.parse().expect("an address")),
        Peer::RemoteNode => known(&NODES[1].3.parse().expect("an address")),
        Peer::World(ip) => unknown(ip),
        Peer::Unmanaged => unknown(&UNMANAGED.parse().expect("an address")),
    }
}

fn decide(world: &World, compiled: &Compiled, maps: &HostMaps, probe: &Probe) -> Decision {
    let pod = &world.pods[probe.subject];
    let endpoint = &compiled.endpoints[&NamespacedName::new(pod.namespace, &pod.name)];
    let question = TableQuery {
        table: endpoint.table,
        direction: if probe.egress {
            Direction::Egress
        } else {
            Direction::Ingress
        },
        peer: identity(world, compiled, &probe.peer),
        protocol: probe.protocol,
        port: probe.port,
    };
    flows_policy::decide(maps, question, &compiled.cookies)
}

/// How often each thing was really met.
#[derive(Default)]
struct Ledger {
    probes: usize,
    answers: BTreeMap<&'static str, usize>,
    /// One-field changes that turned a hit into something else, by field.
    misses: BTreeMap<ProbeField, usize>,
    hits: usize,
}

fn name(answer: &Answer) -> &'static str {
    match answer {
        Answer::NotEnforced => "not enforced",
        Answer::Allowed(_) => "allowed",
        Answer::Redirected(_) => "redirected",
        Answer::Localhost => "localhost",
        Answer::Denied(_) => "denied",
        Answer::DefaultDeny(_) => "default deny",
    }
}

/// Whether the proxy's rules of a port are about whom the packet's verdict is.
fn is_judged(rules: &Rules, world: &World, compiled: &Compiled, probe: &Probe) -> Option<PeerKind> {
    let pod = &world.pods[probe.subject];
    let endpoint = &compiled.endpoints[&NamespacedName::new(pod.namespace, &pod.name)];
    let direction = match probe.egress {
        true => l7::rules::Direction::Egress,
        false => l7::rules::Direction::Ingress,
    };
    let protocol = match probe.protocol {
        6 => Protocol::Tcp,
        17 => Protocol::Udp,
        _ => return None,
    };
    let set = rules.get(endpoint.table, direction, protocol, probe.port)?;
    let peer = identity(world, compiled, &probe.peer).0;
    let kind = set.peer_kind(peer);
    let named = ServerName::new(b"a.org");
    let is_allowed = set.judge_server_name(peer, named.as_ref()).is_allowed();
    assert_eq!(is_allowed, kind != PeerKind::NotSelected, "{probe:?}");
    Some(kind)
}

fn run(seed: u64, layer7: bool, ledger: &mut Ledger) {
    let mut random = Random::new(seed);
    let mut world = world(&mut random);
    if layer7 {
        name_servers(&mut world, &mut random);
    }
    let manifests = world.manifests();
    let compiled = compiled(seed, &world);
    let maps = HostMaps::from(&compiled);
    let rules =
        Rules::compile(&compiled.layer7_snapshot(1), None).expect("rules that were checked");
    let mut check = |probe: &Probe| -> Answer {
        let answer = answer(&world, probe);
        let decision = decide(&world, &compiled, &maps, probe);
        let from_host = probe.peer == Peer::Host && !probe.egress;
        let reason = decision.reason.as_deref();
        assert!(
            reason.is_some_and(|reason| agrees(&answer, decision.verdict, reason, from_host)),
            "seed {seed}\n{manifests}\n{probe:?}\noracle: {answer:?}\nlookup: {decision:?}"
        );
        let judged = is_judged(&rules, &world, &compiled, probe);
        let is_right = match (&answer, judged) {
            (Answer::Redirected(_), None) => !matches!(probe.protocol, 6 | 17),
            (Answer::Redirected(_), Some(kind)) => kind == PeerKind::Tls,
            (Answer::DefaultDeny(_), Some(kind)) => kind == PeerKind::NotSelected,
            // Who comes here for the other end's rules.
            (Answer::Allowed(_) | Answer::NotEnforced | Answer::Localhost, Some(kind)) => {
                kind == PeerKind::Plain
            }
            (_, None) | (Answer::Denied(_), Some(_)) => true,
        };
        assert!(
            is_right,
            "seed {seed}\n{manifests}\n{probe:?}\n{answer:?} {judged:?}"
        );
        ledger.probes += 1;
        *ledger.answers.entry(name(&answer)).or_default() += 1;
        answer
    };
    let mut hits = Vec::new();
    for _ in 0..PROBES {
        let probe = probe(&world, &mut random);
        let answer = check(&probe);
        if matches!(
            answer,
            Answer::Allowed(_) | Answer::Redirected(_) | Answer::Denied(_)
        ) {
            hits.push((probe, answer));
        }
    }
    let mut misses = Vec::new();
    for (probe, hit) in hits.iter().take(8) {
        for field in ProbeField::ALL {
            let answer = check(&change(&world, probe, field, &mut random));
            if name(&answer) != name(hit) {
                misses.push(field);
            }
        }
    }
    ledger.hits += hits.len();
    for field in misses {
        *ledger.misses.entry(field).or_default() += 1;
    }
}

#[test]
fn lookup_agrees_with_a_scan_over_the_rules() {
    if let Some(shown) = agree(false, &[]) {
        eprintln!("{shown}");
    }
}

#[test]
fn what_is_redirected_is_what_a_scan_says_and_what_is_judged() {
    if let Some(shown) = agree(true, &["redirected"]) {
        eprintln!("{shown}");
    }
}

fn agree(layer7: bool, further: &[&str]) -> Option<String> {
    let mut ledger = Ledger::default();
    let cases = run_cases(CASES, |seed| run(seed, layer7, &mut ledger))?;
    let shown = format!(
        "{cases} clusters, {} probes, {} hits, answers {:?}, misses {:?}",
        ledger.probes, ledger.hits, ledger.answers, ledger.misses
    );
    // Floors: a generator gone inert must not look like success.
    assert!(ledger.hits >= 2000, "{shown}");
    for answer in [
        "not enforced",
        "allowed",
        "localhost",
        "denied",
        "default deny",
    ]
    .iter()
    .chain(further)
    {
        assert!(
            ledger.answers.get(*answer).is_some_and(|n| *n >= 100),
            "{answer}: {shown}"
        );
    }
    for field in ProbeField::ALL {
        assert!(
            ledger.misses.get(&field).is_some_and(|n| *n >= 100),
            "{field:?}: {shown}"
        );
    }
    Some(shown)
}
