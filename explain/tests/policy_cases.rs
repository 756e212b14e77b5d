//! Files of cases through three engines: the verdict on the host, the loaded program
//! (`BPF_PROG_TEST_RUN`), and a scan over the rules. Run by `cargo xtask policy-cases FILE...`; without
//! a file, and by `cargo xtask test`, it runs the tables in `testdata`.
//!
//! A line for every disagreement and for every set that is left out, then `N passed, M failed, K
//! skipped`; a set that must be refused counts as one. Exit code 1 if anything failed.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that talks to a terminal"
)]

mod case_files;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::process::ExitCode;

use abi::addr::{Addr, Cidr4, Cidr6, LOCAL, PRESENT};
use abi::endpoint::{self, Endpoint};
use abi::event::{DROP, Event, NOT_JUDGED, REDIRECTED};
use abi::reason;
use case_files::run::learned_name;
use case_files::{FILES, File, Fixtures, Loaded, Probe, Run, Set};
use cluster::Identity;
use datapath_host::{HostMaps, addr4, addr6};
use ipnet::IpNet;
use loader::testrun::Program;
use loader::{Desired, IfIndex};
use policy::{Decision, Direction};
use testing_kernel::{Kernel, frame};

/// Peers that are no pods.
const RESERVED: [&str; 7] = [
    "host",
    "health",
    "init",
    "remote-node",
    "kube-apiserver",
    "ingress",
    "unmanaged",
];

fn main() -> ExitCode {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    if names.is_empty() {
        names.extend(FILES.map(str::to_owned));
    }
    let mut tally = Tally::default();
    let mut kernel: Option<Kernel> = None;
    for name in &names {
        let text = match std::fs::read_to_string(name) {
            Ok(text) => text,
            Err(error) => {
                eprintln!("{name}: {error}");
                return ExitCode::FAILURE;
            }
        };
        let file = File::read(&text);
        let kernel = kernel.get_or_insert_with(|| Kernel::new(64));
        for set in &file.sets {
            run_set(&file.fixtures, set, kernel, &mut tally);
        }
    }
    let verdict = if tally.failed == 0 { "ok" } else { "FAILED" };
    println!(
        "test result: {verdict}. {} passed; {} failed; {} ignored; 0 measured; 0 filtered out",
        tally.passed, tally.failed, tally.skipped
    );
    println!(
        "{} passed, {} failed, {} skipped",
        tally.passed, tally.failed, tally.skipped
    );
    if tally.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
}

fn run_set(fixtures: &Fixtures, set: &Set, kernel: &mut Kernel, tally: &mut Tally) {
    let name = format!("{} ({})", set.id, set.title);
    let count = set.probes.len().max(1);
    let policies = match set.load() {
        Loaded::Fine(policies) => policies,
        Loaded::Unsupported(field) => {
            println!("skipped {name}: {field}");
            tally.skipped += count;
            return;
        }
        Loaded::Wrong(wrong) => {
            println!("FAILED {name}: {wrong}");
            tally.failed += count;
            return;
        }
    };
    if set.probes.is_empty() {
        tally.passed += 1;
        return;
    }
    let run = Run::new(fixtures, set, &policies);
    let mut kernel = Content::new(fixtures, &run, kernel);
    for (n, probe) in set.probes.iter().enumerate() {
        let Some(host) = run.decide(fixtures, probe) else {
            println!("skipped {name} probe {n}: {probe}: nobody to ask");
            tally.skipped += 1;
            continue;
        };
        let oracle = probe
            .directions
            .iter()
            .map(|direction| run.scan(fixtures, &policies, probe, *direction))
            .collect::<Vec<_>>();
        let wrong: Vec<String> = [
            ("host", probe.wrong(&host)),
            ("scan", probe.wrong(&oracle)),
            ("proxy", run.wrong_request(fixtures, probe)),
            (
                "kernel",
                match kernel.decide(&run, probe, n) {
                    Ok(decisions) => probe.wrong(&decisions),
                    Err(wrong) => Some(wrong),
                },
            ),
        ]
        .into_iter()
        .filter_map(|(engine, wrong)| Some(format!("{engine} says {}", wrong?)))
        .collect();
        if wrong.is_empty() {
            tally.passed += 1;
        } else {
            println!("FAILED {name} probe {n}: {probe}; {}", wrong.join("; "));
            tally.failed += 1;
        }
    }
}

/// One set in the kernel's maps and in the host's.
struct Content<'k> {
    kernel: &'k mut Kernel,
    host: HostMaps,
    /// Place among the interfaces and addresses.
    places: BTreeMap<String, u8>,
}

impl<'k> Content<'k> {
    fn new(fixtures: &Fixtures, run: &Run, kernel: &'k mut Kernel) -> Self {
        let mut desired = Desired {
            tables: run.tables.tables.iter().map(|(id, t)| (*id, *t)).collect(),
            policy: run.tables.entries.iter().copied().collect(),
            ..Desired::default()
        };
        let pods = fixtures.pods.keys().map(String::as_str);
        let names = pods.chain(RESERVED);
        let mut places = BTreeMap::new();
        for (n, name) in names.enumerate() {
            let Some(identity) = run.identity(fixtures, name) else {
                continue;
            };
            let place = u8::try_from(n + 1).expect("few peers");
            places.insert(name.to_owned(), place);
            for v6 in [false, true] {
                put(&mut desired, away(place, v6), plain(identity));
            }
            let Some(table) = run.table(fixtures, name) else {
                continue;
            };
            let index = u32::from(place);
            let pod = Endpoint {
                ifindex: kernel.interfaces[n].0,
                identity: identity.0,
                table,
                flags: endpoint::PRESENT,
                ..Endpoint::default()
            };
            desired.endpoints.insert(index, pod);
            let here_value = Addr {
                endpoint: index,
                flags: PRESENT | LOCAL,
                ..plain(identity)
            };
            for v6 in [false, true] {
                put(&mut desired, here(place, v6), here_value);
            }
        }
        for (prefix, identity) in &run.prefixes {
            put_prefix(&mut desired, *prefix, plain(*identity));
        }
        for (world, v6) in [("0.0.0.0/0", false), ("::/0", true)] {
            let world: IpNet = world.parse().expect("a prefix");
            let value = plain(run.identities.world(v6));
            put_prefix(&mut desired, world, value);
        }
        for (ip, identity) in &run.learned {
            put(&mut desired, *ip, plain(*identity));
        }
        kernel.begin(&desired);
        let mut host = HostMaps::from(&desired);
        host.now = 1 << 40;
        Self {
            kernel,
            host,
            places,
        }
    }

    /// The program's answers, one per direction. The same frame goes through the verdict on the host,
    /// which must send the same event.
    fn decide(&mut self, run: &Run, probe: &Probe, n: usize) -> Result<Vec<Decision>, String> {
        let one = |(m, direction): (usize, &Direction)| {
            let (subject, peer) = probe.ends(*direction);
            let place = *self.places.get(subject).ok_or("has no interface")?;
            let interface = self.kernel.interfaces[usize::from(place) - 1];
            let outside = learned_name(peer).map(|(_, ip)| ip);
            let outside = outside.or_else(|| peer.strip_prefix("ip:")?.parse().ok());
            let peer: Option<IpAddr> = match outside {
                Some(ip) => Some(ip),
                None => {
                    let v6 = probe.protocol == 58;
                    self.places.get(peer).map(|place| away(*place, v6))
                }
            };
            let peer = peer.ok_or("the peer has no address")?;
            let own = here(place, peer.is_ipv6());
            let source_port = 20_000 + u16::try_from(2 * n + m).unwrap_or(0);
            let (program, src, dst) = match direction {
                Direction::Ingress => (Program::ToPod, peer, own),
                Direction::Egress => (Program::FromPod, own, peer),
            };
            let frame = frame(src, dst, probe.protocol, probe.port, source_port);
            let event = self.event(program, interface, &frame)?;
            let (verdict, cookie, match_type) = match direction {
                Direction::Ingress => (event.ingress, event.ingress_cookie, event.match_types >> 4),
                Direction::Egress => (event.egress, event.egress_cookie, event.match_types & 15),
            };
            // Nobody listens here: what is redirected ends at the proxy's missing socket.
            let verdict = match verdict {
                reason::PROXY_LOOKUP_FAILED => REDIRECTED,
                verdict => verdict,
            };
            Ok(Decision {
                verdict,
                match_type,
                cookie,
                reason: run.cookies.resolve(cookie).cloned(),
            })
        };
        let directions = probe.directions.iter().enumerate();
        directions.map(one).collect()
    }
}

impl Content<'_> {
    fn event(
        &mut self,
        program: Program,
        interface: IfIndex,
        frame: &[u8],
    ) -> Result<Event, String> {
        let (dropped, events) = self.kernel.run(program, interface, frame);
        self.host.events.clear();
        let _action = match program {
            Program::FromPod => self.host.from_pod(frame, interface.0),
            Program::ToPod => self.host.to_pod(frame, interface.0),
        };
        let ([event], [on_host]) = (events.as_slice(), self.host.events.as_slice()) else {
            return Err(format!(
                "{} events, and {} on the host, for one packet",
                events.len(),
                self.host.events.len()
            ));
        };
        // Clocks and revisions are each one's own.
        let bare = |event: &Event| Event {
            time: 0,
            revision: 0,
            ..*event
        };
        if bare(event) != bare(on_host) {
            return Err(format!("{event:?}, on the host {on_host:?}"));
        }
        let judged = event.ingress != NOT_JUDGED || event.egress != NOT_JUDGED;
        if !judged || dropped != (event.kind == DROP) {
            return Err(format!("dropped {dropped}, and {event:?}"));
        }
        Ok(*event)
    }
}

/// The address of a pod on this node.
fn here(place: u8, v6: bool) -> IpAddr {
    address(1, place, v6)
}

/// Its address as if it were on another node.
fn away(place: u8, v6: bool) -> IpAddr {
    address(2, place, v6)
}

fn address(net: u8, place: u8, v6: bool) -> IpAddr {
    match v6 {
        false => [10, 250, net, place].into(),
        true => {
            let net = u16::from(net);
            [0xfd00, 0x250, net, 0, 0, 0, 0, u16::from(place)].into()
        }
    }
}

fn plain(identity: Identity) -> Addr {
    Addr {
        identity: identity.0,
        flags: PRESENT,
        ..Addr::default()
    }
}

fn put(desired: &mut Desired, ip: IpAddr, value: Addr) {
    match ip {
        IpAddr::V4(ip) => drop(desired.addr4.insert(addr4(ip.octets()), value)),
        IpAddr::V6(ip) => drop(desired.addr6.insert(addr6(ip.octets()), value)),
    }
}

fn put_prefix(desired: &mut Desired, prefix: IpNet, value: Addr) {
    let prefix_len = u32::from(prefix.prefix_len());
    match prefix {
        IpNet::V4(net) => {
            let addr = addr4(net.network().octets());
            desired.cidr4.insert(Cidr4 { prefix_len, addr }, value);
        }
        IpNet::V6(net) => {
            let addr = addr6(net.network().octets());
            desired.cidr6.insert(Cidr6 { prefix_len, addr }, value);
        }
    }
}
