//! What a verdict costs in the kernel, in ns per packet, by `BPF_PROG_TEST_RUN`.
//!
//! - *hot*: the same packet again and again, the kernel's own mean over 200,000 runs.
//! - *one by one*: each packet by a call of its own, in random order over all connections. Caches are
//!   as the system call leaves them. The kernel's clock is in such a figure, so that the empty
//!   program's mean, measured the same way in turns, is taken off, and its hot run is added back.
//!
//! All figures contain the run of an empty program, which has a row of its own and is the base of others:
//! their ratio to it is what can be compared between machines.
#![expect(clippy::unwrap_used, reason = "a bench that can't measure fails")]

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;

use abi::addr::{Addr, PRESENT};
use abi::maps;
use abi::node::TRACE_PACKETS;
use abi::policy::{Direction, EGRESS, ENFORCED, PolicyKey, SHAPE_PORT};
use flows_loader::testrun::{Empty, OK, Program, REDIRECT, Runner};
use flows_loader::{Datapath, Desired, RingItem, RingOptions, RingReader, Sizes};

use testing_bench::{Row, median};
use testing_kernel::{
    CLIENT_IDENTITY, CLIENT_TABLE, Node, SERVER, SERVER_IDENTITY, SERVER_TABLE, SERVER6, allow,
    segment, syn,
};

const ROUNDS: usize = 7;
const HOT: u32 = 200_000;
/// Connections that are opened or visited per round of a one-by-one figure.
const VISITS: usize = 5_000;
const PORT: u16 = 80;

fn main() {
    // All connections are one pod's: the half of the table that all share has room for them.
    let sizes = Sizes::default()
        .with(&maps::CT4, 1 << 20)
        .with(&maps::CT6, 1 << 20);
    let node = Node::sized(sizes);
    take_a_core();
    let mut datapath = node.open();
    let empty = Empty::load().unwrap();
    let mut readers = datapath.rings(RingOptions::default()).unwrap();
    let mut bench = Bench {
        node: &node,
        empty: empty.runner(node.client).unwrap(),
        readers: &mut readers,
    };

    let hot = bench.empty_hot();
    figure(EMPTY, hot).print();
    let mut values: HashMap<(u32, &str, Kind), Vec<f64>> = HashMap::new();
    // In turns, so that whatever else the machine does meanwhile hits all sizes alike.
    for _ in 0..ROUNDS {
        for entries in SIZES {
            datapath.apply(&entries_of(&node, entries)).unwrap();
            for way in [Way::BOTH_ENDS, Way::TO_POD] {
                let hot_one = bench.established_hot(&datapath, way, SERVER.into());
                let new_one = bench.new_ones(&datapath, way, SERVER.into(), entries, hot);
                for (kind, value) in [(Kind::Established, hot_one), (Kind::New, new_one)] {
                    let all = values.entry((entries, way.name, kind)).or_default();
                    all.push(value);
                }
            }
        }
    }
    let mut of =
        |entries, way: Way, kind| median(values.remove(&(entries, way.name, kind)).unwrap());
    for kind in [Kind::Established, Kind::New] {
        for way in [Way::BOTH_ENDS, Way::TO_POD] {
            let mut smallest = None;
            for entries in SIZES {
                let value = of(entries, way, kind);
                let base = match (entries, smallest) {
                    (1_000, _) => Some((EMPTY, hot)),
                    (_, Some(smallest)) => Some(("10 entries", smallest)),
                    (_, None) => None,
                };
                smallest.get_or_insert(value);
                let goal =
                    (way.program == Program::FromPod && entries == 1_000).then(|| kind.goal());
                figure(kind.name(way.name, entries), value)
                    .against(base)
                    .goal(goal)
                    .print();
            }
        }
    }
    let usual = entries_of(&node, 1_000);
    datapath.apply(&usual).unwrap();
    let way = Way::BOTH_ENDS;
    let (mut hot_ones, mut new_ones) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        hot_ones.push(bench.established_hot(&datapath, way, SERVER6.into()));
        new_ones.push(bench.new_ones(&datapath, way, SERVER6.into(), 1_000, hot));
    }
    figure(
        "established, both ends, hot, IPv6, 1000 entries",
        median(hot_ones),
    )
    .against(Some((EMPTY, hot)))
    .print();
    figure(
        "new, both ends, with event, one by one, IPv6, 1000 entries",
        median(new_ones),
    )
    .against(Some((EMPTY, hot)))
    .print();
    let value = bench.event(&mut datapath, &usual);
    figure(
        "event, kernel side, hot (packet with one less packet without)",
        value,
    )
    .against(Some((EMPTY, hot)))
    .goal("ratio <= 9")
    .print();
    for live in [100, 10_000, 100_000] {
        for (to, family) in [
            (IpAddr::from(SERVER), "IPv4"),
            (IpAddr::from(SERVER6), "IPv6"),
        ] {
            let value = bench.established_among(&datapath, to, live, hot);
            let name = format!("established, both ends, one by one, {family}, {live} connections");
            figure(name, value).print();
        }
    }
}

/// The row that others are compared with.
const EMPTY: &str = "empty program, hot";

/// Policy entries in the maps.
const SIZES: [u32; 4] = [10, 1_000, 10_000, 100_000];

/// What a packet is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Established,
    New,
}

impl Kind {
    fn goal(self) -> &'static str {
        match self {
            Self::Established => "ratio <= 4.2",
            Self::New => "ratio <= 32",
        }
    }

    fn name(self, way: &str, entries: u32) -> String {
        match self {
            Self::Established => format!("established, {way}, hot, IPv4, {entries} entries"),
            Self::New => format!("new, {way}, with event, one by one, IPv4, {entries} entries"),
        }
    }
}

/// Which program judges which packets.
#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    program: Program,
}

impl Way {
    /// Between two pods of the node: one run at the client's veth.
    const BOTH_ENDS: Self = Self {
        name: "both ends",
        program: Program::FromPod,
    };
    /// From many pods of other nodes, each with its own entry, to the server.
    const TO_POD: Self = Self {
        name: "one hook, many peers",
        program: Program::ToPod,
    };

    /// What the program says of a packet that is allowed.
    fn allowed(self) -> i32 {
        match self.program {
            Program::FromPod => REDIRECT,
            Program::ToPod => OK,
        }
    }

    /// Gives the packet its sender: the nth of so many peers, or the client as it is.
    fn address(self, packet: &mut [u8], n: u32, peers: u32) {
        if self.program == Program::ToPod {
            packet[26..30].copy_from_slice(&remote(n % peers).octets());
        }
    }
}

fn figure(name: impl Into<String>, ns: f64) -> Row {
    Row::new(name, ns, "ns")
}

/// Puts the thread on the last CPU, before all others there if that is allowed.
fn take_a_core() {
    let last = std::thread::available_parallelism().unwrap().get() - 1;
    let mut set = nix::sched::CpuSet::new();
    set.set(last).unwrap();
    nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &set).unwrap();
    let thread = nix::unistd::gettid().to_string();
    let is_first = Command::new("chrt")
        .args(["--fifo", "--pid", "50", &thread])
        .status();
    if !is_first.is_ok_and(|status| status.success()) {
        eprint("the thread isn't scheduled first: figures will scatter");
    }
}

#[expect(clippy::print_stderr, reason = "what isn't a row goes there")]
fn eprint(text: &str) {
    eprintln!("{text}");
}

/// Ports that a peer may use.
const PORTS: u32 = 2;

/// Identity of the nth remote peer.
fn remote_identity(n: u32) -> u32 {
    100_000 + n
}

/// Address of the nth remote peer.
fn remote(n: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::new(10, 64, 0, 0).to_bits() + n)
}

/// How many remote peers have entries.
fn remotes(entries: u32) -> u32 {
    (entries / 2 / PORTS).saturating_sub(1).max(1)
}

/// Both pods' tables enforced; half of the entries in each, a port of a peer per entry. The first peer
/// is the other pod.
fn entries_of(node: &Node, entries: u32) -> Desired {
    let mut desired = node.desired(&[]);
    let enforced = |default_cookie| Direction {
        peer_shapes: 1 << SHAPE_PORT,
        any_shapes: 0,
        default_cookie,
        flags: ENFORCED,
    };
    desired.tables.get_mut(&SERVER_TABLE).unwrap().ingress = enforced(21);
    desired.tables.get_mut(&CLIENT_TABLE).unwrap().egress = enforced(22);
    let ends = [
        (SERVER_TABLE, CLIENT_IDENTITY, SHAPE_PORT),
        (CLIENT_TABLE, SERVER_IDENTITY, SHAPE_PORT | EGRESS),
    ];
    for (table, pod, shape) in ends {
        for n in 0..entries / 2 {
            let peer = n / PORTS;
            let identity = if peer == 0 {
                pod
            } else {
                remote_identity(peer - 1)
            };
            let port = PORT + u16::try_from(n % PORTS).unwrap();
            let key = PolicyKey {
                table,
                identity,
                port,
                proto: 6,
                shape,
            };
            desired.policy.insert(key, allow(30 + n % 1_000));
        }
    }
    for n in 0..remotes(entries) {
        let addr = Addr {
            identity: remote_identity(n),
            flags: PRESENT,
            ..Addr::default()
        };
        desired.addr4.insert(testing_kernel::word(remote(n)), addr);
    }
    desired
}

struct Bench<'a> {
    node: &'a Node,
    empty: Runner,
    readers: &'a mut [RingReader],
}

/// The mean of single runs.
fn one_by_one(runner: &Runner, packets: &[&[u8]]) -> f64 {
    let mut sum = 0;
    for packet in packets {
        sum += u64::from(runner.run(packet, 1).unwrap().1);
    }
    let count = u32::try_from(packets.len()).unwrap();
    f64::from(u32::try_from(sum).unwrap()) / f64::from(count)
}

/// Distinct connections of the client to the server.
fn connections(to: IpAddr, count: usize, is_first: bool) -> Vec<Vec<u8>> {
    let ports = usize::try_from(PORTS).unwrap();
    let tuple = |n: usize| {
        let from = u16::try_from(1_024 + n / ports).unwrap();
        (from, PORT + u16::try_from(n % ports).unwrap())
    };
    let packet = |n| {
        let (from, port) = tuple(n);
        segment(to, from, port, is_first)
    };
    (0..count).map(packet).collect()
}

impl Bench<'_> {
    /// Empties the rings; tells how many events were there.
    fn drain(&mut self) -> usize {
        let drain = |reader: &mut RingReader| {
            reader.drain(|item| assert!(matches!(item, RingItem::Event(_)), "{item:?}"))
        };
        self.readers.iter_mut().map(drain).sum()
    }

    fn empty_hot(&self) -> f64 {
        let packet = syn(SERVER, 1_000, PORT);
        median(
            (0..ROUNDS)
                .map(|_| f64::from(self.empty.run(&packet, HOT).unwrap().1))
                .collect(),
        )
    }

    fn forget_all(&self, datapath: &Datapath) {
        let stats = datapath.stats();
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        stats.connections4(|key, _| v4.push(key)).unwrap();
        stats.connections6(|key, _| v6.push(key)).unwrap();
        v4.iter()
            .for_each(|key| assert!(stats.forget_connection4(key).unwrap()));
        v6.iter()
            .for_each(|key| assert!(stats.forget_connection6(key).unwrap()));
    }

    fn runner(&self, datapath: &Datapath, way: Way) -> Runner {
        let interface = match way.program {
            Program::FromPod => self.node.client,
            Program::ToPod => self.node.server,
        };
        datapath.runner(way.program, interface).unwrap()
    }

    fn established_hot(&mut self, datapath: &Datapath, way: Way, to: IpAddr) -> f64 {
        self.forget_all(datapath);
        let runner = self.runner(datapath, way);
        let [mut first, mut later] =
            [true, false].map(|is_first| segment(to, 1_000, PORT, is_first));
        way.address(&mut first, 0, 1);
        way.address(&mut later, 0, 1);
        runner.run(&first, 1).unwrap();
        runner.run(&later, 1).unwrap();
        let (action, duration) = runner.run(&later, HOT).unwrap();
        assert_eq!(action, way.allowed());
        self.drain();
        f64::from(duration)
    }

    /// Connections that are opened, one after the other, each with its event.
    fn new_ones(
        &mut self,
        datapath: &Datapath,
        way: Way,
        to: IpAddr,
        entries: u32,
        hot: f64,
    ) -> f64 {
        let runner = self.runner(datapath, way);
        let mut packets = connections(to, VISITS, true);
        for (n, packet) in (0..).zip(&mut packets) {
            // Far from its neighbours' peers.
            way.address(packet, n * 7_919, remotes(entries));
        }
        let packets: Vec<&[u8]> = packets.iter().map(Vec::as_slice).collect();
        self.forget_all(datapath);
        self.drain();
        let base = one_by_one(&self.empty, &packets);
        let value = one_by_one(&runner, &packets) - base + hot;
        assert_eq!(self.drain(), VISITS, "each connection has its event");
        let forwarded = datapath.stats().connections().unwrap();
        let forwarded = forwarded.live4 + forwarded.live6;
        assert_eq!(
            forwarded,
            u64::try_from(VISITS).unwrap(),
            "each connection is allowed"
        );
        value
    }

    /// Packets of connections in random order, of so many that live.
    fn established_among(&mut self, datapath: &Datapath, to: IpAddr, live: usize, hot: f64) -> f64 {
        self.forget_all(datapath);
        let runner = self.runner(datapath, Way::BOTH_ENDS);
        // Opened, then the first later segment: both have events, which aren't what is measured.
        for packets in connections(to, live, true).chunks(VISITS) {
            for packet in packets {
                assert_eq!(runner.run(packet, 1).unwrap().0, REDIRECT);
            }
            self.drain();
        }
        let packets = connections(to, live, false);
        for packets in packets.chunks(VISITS) {
            for packet in packets {
                runner.run(packet, 1).unwrap();
            }
            self.drain();
        }
        // A fixed linear congruential sequence: the same order in every run.
        let mut state = 1_u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % live
        };
        let mut values = Vec::new();
        for _ in 0..ROUNDS {
            let visited: Vec<&[u8]> = (0..VISITS).map(|_| packets[next()].as_slice()).collect();
            let base = one_by_one(&self.empty, &visited);
            values.push(one_by_one(&runner, &visited) - base + hot);
        }
        assert_eq!(self.drain(), 0, "an established packet has no event");
        median(values)
    }

    /// The same established packet with an event and without, in turns.
    fn event(&mut self, datapath: &mut Datapath, desired: &Desired) -> f64 {
        // Fits into the ring.
        const EVENTS: u32 = 8_000;
        let mut traced = desired.clone();
        traced.settings.flags |= TRACE_PACKETS;
        let packet = segment(SERVER, 1_000, PORT, false);
        let mut values: HashMap<bool, Vec<f64>> = HashMap::new();
        for is_traced in [false, true].repeat(ROUNDS) {
            datapath
                .apply(if is_traced { &traced } else { desired })
                .unwrap();
            let runner = self.runner(datapath, Way::BOTH_ENDS);
            runner.run(&packet, 1).unwrap();
            self.drain();
            let (_, duration) = runner.run(&packet, EVENTS).unwrap();
            let events = if is_traced {
                usize::try_from(EVENTS).unwrap()
            } else {
                0
            };
            assert_eq!(self.drain(), events);
            values
                .entry(is_traced)
                .or_default()
                .push(f64::from(duration));
        }
        datapath.apply(desired).unwrap();
        let mut of = |is_traced| median(values.remove(&is_traced).unwrap());
        of(true) - of(false)
    }
}
