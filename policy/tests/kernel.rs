//! Three answers to every probe: a scan over the rules as written, the verdict on the host, and the
//! loaded program (`BPF_PROG_TEST_RUN`). Host and kernel get the same frames and must send the same
//! events; the oracle must agree with the verdict and with every policy that the cookie names.
//!
//! Needs root and `FLOWS_BPF_OBJECT`: `cargo xtask test` runs it. `FLOWS_CASES` and `FLOWS_SEED` as in
//! the property test.
#![expect(clippy::panic, reason = "helpers of a test fail it")]

use std::collections::BTreeMap;
use std::net::IpAddr;

use abi::event::{DROP, Event, NEW, NOT_JUDGED};
use cluster::NamespacedName;
use datapath_host::HostMaps;
use flows_policy::{Compiled, LocalEndpoint, LocalNode};
use loader::testrun::Program;
use loader::{Desired, IfIndex};
use testing_kernel::{Kernel, frame};
use testing_policy::compare::{agrees, compiled};
use testing_policy::generate::{UNMANAGED, next_probe, world};
use testing_policy::model::{NODES, Pod, World};
use testing_policy::oracle::{Answer, Peer, Probe, answer};
use testing_policy::{Random, run_cases};

const CASES: u64 = 40;
const PROBES: usize = 60;
/// More than a generated cluster has pods.
const PODS: usize = 12;

/// The maps' content: endpoint index = index of the pod + 1.
fn desired(world: &World, compiled: &Compiled, interfaces: &[IfIndex]) -> Desired {
    let place = |(n, pod): (usize, &Pod)| {
        let place = LocalEndpoint {
            index: u32::try_from(n + 1).expect("few pods"),
            interface: Some(interfaces[n].0),
        };
        (NamespacedName::new(pod.namespace, &pod.name), place)
    };
    compiled.desired(&LocalNode {
        own: Vec::new(),
        places: world.pods.iter().enumerate().map(place).collect(),
        ..LocalNode::default()
    })
}

/// Address of a peer in a family, if it has one.
fn address(world: &World, peer: &Peer, v6: bool) -> Option<IpAddr> {
    let ip = match peer {
        Peer::Pod(index) => world.pods[*index].ips[usize::from(v6)],
        Peer::Host => NODES[0].3.parse().expect("an address"),
        Peer::RemoteNode => NODES[1].3.parse().expect("an address"),
        Peer::Unmanaged => UNMANAGED.parse().expect("an address"),
        Peer::World(ip) => *ip,
    };
    (ip.is_ipv6() == v6).then_some(ip)
}

fn drops(answer: &Answer) -> bool {
    matches!(answer, Answer::Denied(_) | Answer::DefaultDeny(_))
}

#[derive(Debug, Default)]
struct Ledger {
    probes: usize,
    dropped: usize,
    both_ends: usize,
    v6: usize,
    protocols: BTreeMap<u8, usize>,
}

fn run(seed: u64, kernel: &mut Kernel, ledger: &mut Ledger) {
    let mut random = Random::new(seed);
    let world = world(&mut random);
    let manifests = world.manifests();
    let compiled = compiled(seed, &world);
    let desired = desired(&world, &compiled, &kernel.interfaces);
    kernel.begin(&desired);
    let mut host = HostMaps::from(&desired);
    host.now = 1 << 40;
    let mut last: Option<Probe> = None;
    for number in 0..PROBES {
        let probe = next_probe(&world, last.as_ref(), &mut random);
        last = Some(probe.clone());
        let v6 = match probe.protocol {
            1 => false,
            58 => true,
            _ => random.chance(50),
        };
        // Replies and errors open no connection, and port 0 is not a port.
        let opens = match probe.protocol {
            1 => probe.port == 8,
            58 => probe.port == 128,
            _ => probe.port != 0,
        };
        let peer = address(&world, &probe.peer, v6);
        let (Some(peer), true) = (peer, opens && probe.peer != Peer::Pod(probe.subject)) else {
            continue;
        };
        let own = world.pods[probe.subject].ips[usize::from(v6)];
        let (src, dst) = if probe.egress {
            (own, peer)
        } else {
            (peer, own)
        };
        let local = |peer: &Peer| match peer {
            Peer::Pod(index) => Some(*index).filter(|index| world.pods[*index].node == "a"),
            Peer::Host | Peer::RemoteNode | Peer::World(_) | Peer::Unmanaged => None,
        };
        let (source, destination) = if probe.egress {
            (Some(probe.subject), local(&probe.peer))
        } else {
            (local(&probe.peer), Some(probe.subject))
        };
        // What each end that is here has to say; the destination isn't asked once the source refused.
        let at = |subject: usize, egress: bool, peer: Peer| {
            let probe = Probe {
                subject,
                egress,
                peer,
                ..probe.clone()
            };
            answer(&world, &probe)
        };
        let of = |other: Option<usize>| other.map_or_else(|| probe.peer.clone(), Peer::Pod);
        let egress = source.map(|subject| at(subject, true, of(destination)));
        let ingress = destination
            .filter(|_| !egress.as_ref().is_some_and(drops))
            .map(|subject| at(subject, false, of(source)));

        let number = 20_000 + u16::try_from(number).expect("few");
        let frame = frame(src, dst, probe.protocol, probe.port, number);
        let here = source.or(destination).expect("the subject is here");
        let interface = kernel.interfaces[here];
        let program = if source.is_some() {
            Program::FromPod
        } else {
            Program::ToPod
        };
        let (dropped, events) = kernel.run(program, interface, &frame);
        host.events.clear();
        let action = match program {
            Program::FromPod => host.from_pod(&frame, interface.0),
            Program::ToPod => host.to_pod(&frame, interface.0),
        };
        let story = || {
            format!(
                "seed {seed}\n{manifests}\n{probe:?}\n{src} -> {dst}\noracle: egress {egress:?}, ingress {ingress:?}\n\
                 kernel: dropped {dropped}, {events:?}\nhost: {action:?}, {:?}",
                host.events
            )
        };
        let ([event], [on_host]) = (events.as_slice(), host.events.as_slice()) else {
            panic!("one event each: {}", story());
        };
        // Clocks and revisions are each one's own.
        let bare = |event: &Event| Event {
            time: 0,
            revision: 0,
            ..*event
        };
        assert_eq!(bare(event), bare(on_host), "{}", story());
        let refused = [&egress, &ingress].into_iter().flatten().any(drops);
        assert_eq!(dropped, refused, "{}", story());
        assert_eq!(event.kind, if refused { DROP } else { NEW }, "{}", story());
        for (answer, verdict, cookie, from_host) in [
            (&egress, event.egress, event.egress_cookie, false),
            (
                &ingress,
                event.ingress,
                event.ingress_cookie,
                probe.peer == Peer::Host,
            ),
        ] {
            let right = match answer {
                Some(answer) => {
                    let reason = compiled.cookies.resolve(cookie);
                    reason.is_some_and(|reason| agrees(answer, verdict, reason, from_host))
                }
                None => verdict == NOT_JUDGED && cookie == 0,
            };
            assert!(right, "{}", story());
        }
        ledger.probes += 1;
        ledger.dropped += usize::from(refused);
        ledger.both_ends += usize::from(source.is_some() && destination.is_some());
        ledger.v6 += usize::from(v6);
        *ledger.protocols.entry(probe.protocol).or_default() += 1;
    }
}

#[test]
fn oracle_host_and_kernel_agree() {
    let mut kernel = Kernel::new(PODS);
    let mut ledger = Ledger::default();
    if run_cases(CASES, |seed| run(seed, &mut kernel, &mut ledger)).is_none() {
        return;
    }
    let allowed = ledger.probes - ledger.dropped;
    assert!(allowed >= 300 && ledger.dropped >= 300, "{ledger:?}");
    assert!(ledger.both_ends >= 200 && ledger.v6 >= 300, "{ledger:?}");
    for protocol in [6, 17, 132, 1, 58] {
        assert!(
            ledger.protocols.get(&protocol).is_some_and(|n| *n >= 20),
            "{protocol}: {ledger:?}"
        );
    }
    eprintln!("{ledger:?}");
}
