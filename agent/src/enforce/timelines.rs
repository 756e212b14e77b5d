//! The timelines of `testdata/l7/cases.yaml` on a clock of their own: what answers of DNS open, for how long, and
//! what of it connections keep open. What the agent does with answers and time is what it does here too; the
//! kernel's part is the verdict on the host, with its table of connections.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use abi::node::tick;
use cluster::{NamespacedName, State};
use datapath_core::Action as Verdict;
use datapath_host::HostMaps;
use l7::wire::name::Name;
use policy::{ChangeSet, Compiler, LocalEndpoint, LocalNode};
use testing_cases::{Action, Answer, Connect, Fixtures, Outcome, Step, Timeline};
use testing_kernel::frame;

use super::learning::compile;
use super::names::{Lesson, Names, room};
use crate::node::name_book::Seconds;
use crate::proxy::Learned;

/// What comes out otherwise here than in Cilium, on purpose: the timeline, when and to where, and why.
const DIFFERENT: [(&str, Seconds, &str, &str); 1] = [(
    "tl-18",
    241,
    "198.51.100.2",
    "an unused address closes 30 s after its answer has run out, by our own timer; in Cilium its collectors keep \
     this one, which ran out at 201",
)];

/// Options of Cilium that timelines set, and why there is nothing of the kind here.
const OPTIONS: [(&str, &str); 3] = [
    (
        "min_ttl",
        "an answer opens its addresses for 30 s longer than it says, whatever it says",
    ),
    (
        "idle_grace",
        "connections keep addresses open as long as they live, and 30 s more at most",
    ),
    (
        "max_ips_per_host",
        "names have room, not numbers of addresses: pods share it, and what doesn't fit is refused",
    ),
];

/// When each timeline begins.
const BEGIN: Seconds = 1_000_000;
const SECOND: u64 = 1_000_000_000;

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const FIN: u8 = 0x01;

/// A connection: who opened it, from which port, and to where.
#[derive(Clone)]
struct Connection {
    pod: String,
    port: u16,
    to: (IpAddr, u16),
}

/// A node without a kernel.
struct Node<'f> {
    fixtures: &'f Fixtures,
    compiler: Compiler,
    state: Arc<State>,
    names: Names,
    maps: HostMaps,
    open: BTreeMap<String, Connection>,
    /// s since the beginning.
    now: Seconds,
    connections: u16,
    _directory: tempfile::TempDir,
}

impl<'f> Node<'f> {
    fn new(fixtures: &'f Fixtures, timeline: &Timeline) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let room = room(&loader::Sizes::default());
        let (compiler, state) = testing_policy::layer7::compiler(fixtures, &timeline.policy());
        let mut node = Self {
            fixtures,
            compiler,
            state,
            names: Names::open(directory.path(), room, Arc::default()),
            maps: HostMaps::default(),
            open: BTreeMap::new(),
            now: 0,
            connections: 0,
            _directory: directory,
        };
        node.enforce();
        node
    }

    /// Brings the maps in step.
    fn enforce(&mut self) {
        let (names, now) = (Some(&mut self.names), BEGIN + self.now);
        let mut touched = ChangeSet::default();
        let names = compile(&mut self.compiler, names, &self.state, &mut touched, now);
        let places = self
            .fixtures
            .pods
            .iter()
            .zip(1..)
            .map(|((name, pod), index)| {
                let place = LocalEndpoint {
                    index,
                    interface: Some(index),
                };
                (NamespacedName::new(&pod.ns, name), place)
            });
        let here = LocalNode {
            places: places.collect(),
            names,
            ..LocalNode::default()
        };
        let mut maps = HostMaps::from(&self.compiler.compiled().desired(&here));
        // Connections are judged again, as after any change.
        maps.node.revision = self.maps.node.revision + 1;
        maps.ct4 = std::mem::take(&mut self.maps.ct4);
        self.maps = maps;
    }

    /// What the enforcing thread does each second, until then.
    fn pass(&mut self, until: Seconds) {
        loop {
            self.maps.now = (BEGIN + self.now) * SECOND;
            let tick = tick(self.maps.now);
            let in_use = |addresses: BTreeSet<IpAddr>| {
                let open = self.maps.ct4.iter().filter(|(_, of)| of.is_open(tick));
                let ends = open.flat_map(|(key, _)| [key.a, key.b]);
                let ends = ends.map(|end| IpAddr::from(end.to_ne_bytes()));
                ends.filter(|end| addresses.contains(end)).collect()
            };
            self.names.expire(BEGIN + self.now, in_use);
            self.relabel();
            if self.now >= until {
                return;
            }
            self.now += 1;
        }
    }

    fn relabel(&mut self) {
        if self.names.relabel(self.compiler.compiled()) {
            self.enforce();
        }
    }

    fn address(&self, pod: &str) -> IpAddr {
        self.fixtures.addresses()[pod]
    }

    /// The proxy hands an answer on, and waits until its addresses are in the maps.
    fn answer(&mut self, answer: &Answer) {
        // It tells of those with addresses alone.
        if answer.ips.is_empty()
            || answer
                .rcode
                .as_deref()
                .is_some_and(|code| code != "NOERROR")
        {
            return;
        }
        let names = [&answer.name].into_iter().chain(&answer.cname);
        let names = names.map(|name| Name::from_text(name).expect("a name").to_string());
        let learned = Learned {
            id: 1,
            client: self.address(&answer.from),
            names: names.collect(),
            addresses: answer.ips.clone(),
            ttl: answer.ttl,
        };
        let lesson: Lesson = self.names.learn(&learned, BEGIN + self.now).expect("room");
        tracing::debug!(?learned, ?lesson);
        self.relabel();
    }

    /// A packet of a connection, from the pod or to it: whether it passes.
    fn packet(&mut self, of: &Connection, from_pod: bool, flags: u8) -> bool {
        let pod = (self.address(&of.pod), of.port);
        let (from, to) = if from_pod { (pod, of.to) } else { (of.to, pod) };
        let mut frame = frame(from.0, to.0, 6, to.1, from.1);
        frame[14 + 20 + 13] = flags;
        let places = self.fixtures.pods.keys().zip(1..);
        let mut interfaces = places.filter(|(name, _)| **name == of.pod);
        let (_, interface) = interfaces.next().expect("a pod");
        let action = match from_pod {
            true => self.maps.from_pod(&frame, interface),
            false => self.maps.to_pod(&frame, interface),
        };
        match action {
            Verdict::Pass | Verdict::Redirect(_) => true,
            Verdict::Drop => false,
            Verdict::ToProxy(port) => panic!("to the proxy at {port}"),
        }
    }

    /// A new connection: what came of it.
    fn connect(&mut self, connect: &Connect, open: Option<&String>) -> Outcome {
        self.connections += 1;
        let connection = Connection {
            pod: connect.from.clone(),
            port: 20_000 + self.connections,
            to: (connect.to, connect.port),
        };
        if !self.packet(&connection, true, SYN) {
            return Outcome::Denied;
        }
        assert!(self.packet(&connection, false, SYN | ACK));
        assert!(self.packet(&connection, true, ACK));
        match open {
            Some(name) => drop(self.open.insert(name.clone(), connection)),
            None => self.close(&connection),
        }
        Outcome::Allowed
    }

    fn close(&mut self, connection: &Connection) {
        assert!(self.packet(connection, true, FIN | ACK));
        assert!(self.packet(connection, false, FIN | ACK));
        assert!(self.packet(connection, true, ACK));
    }

    /// What comes out of a step, and what must.
    fn step(&mut self, step: &Step) -> Option<(Outcome, Outcome)> {
        self.pass(step.t);
        match &step.action {
            Action::Dns(answer) => self.answer(answer),
            Action::Connect {
                connect,
                open,
                expect,
            } => return Some((self.connect(connect, open.as_ref()), *expect)),
            Action::Close(name) => {
                let connection = self.open.remove(name).expect("it is open");
                self.close(&connection);
            }
            Action::PacketOn { name, expect } => {
                let connection = self.open[name].clone();
                let passes = [true, false].map(|way| self.packet(&connection, way, ACK));
                assert_eq!(passes[0], passes[1], "{name} in one direction");
                let outcome = if passes[0] {
                    Outcome::Alive
                } else {
                    Outcome::Dead
                };
                return Some((outcome, *expect));
            }
            // We have timers of our own.
            Action::Collect(which) => assert!(["dns", "ct"].contains(&which.as_str())),
        }
        None
    }
}

#[test]
fn names_open_addresses_when_the_table_says_so() {
    let table = testing_cases::table();
    let mut different = BTreeSet::from(DIFFERENT);
    let (mut judged, mut wrong) = (BTreeMap::new(), Vec::new());
    for timeline in &table.timelines {
        for option in timeline.config.keys() {
            let known = OPTIONS.iter().any(|(name, _)| name == option);
            assert!(known, "{}: {option} is no option of the head", timeline.id);
        }
        let mut node = Node::new(&table.fixtures, timeline);
        for step in &timeline.steps {
            let Some((found, wanted)) = node.step(step) else {
                continue;
            };
            *judged.entry(found).or_insert(0) += 1;
            if wanted == Outcome::Either || wanted == found {
                continue;
            }
            let to = if let Action::Connect { connect, .. } = &step.action {
                connect.to.to_string()
            } else {
                String::new()
            };
            let is_this = |(id, t, address, _): &&(&str, Seconds, &str, &str)| {
                *id == timeline.id && *t == step.t && *address == to
            };
            let known = different.iter().find(is_this).copied();
            if !known.is_some_and(|known| different.remove(&known)) {
                wrong.push(format!("{} {step:?}: {found:?}", timeline.id));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(
        different.is_empty(),
        "not different any more: {different:?}"
    );
    // Of what none is judged, nothing would be noticed.
    for (outcome, least) in [
        (Outcome::Allowed, 20),
        (Outcome::Denied, 10),
        (Outcome::Alive, 2),
    ] {
        assert!(judged.get(&outcome) >= Some(&least), "{judged:?}");
    }
}

#[test]
fn an_unused_address_closes_within_seconds_of_its_time() {
    let table = testing_cases::table();
    let timeline = &table.timelines[0];
    let mut node = Node::new(&table.fixtures, timeline);
    let ip = IpAddr::from([198, 51, 100, 1]);
    let answer = Answer {
        from: "fe".to_owned(),
        name: timeline.selectors[0].0["matchName"].clone(),
        ips: vec![ip],
        ttl: 30,
        rcode: None,
        cname: Vec::new(),
    };
    let connect = Connect {
        from: answer.from.clone(),
        to: ip,
        port: 443,
    };
    node.answer(&answer);
    let at = |node: &mut Node<'_>, t, open: Option<&str>| {
        node.pass(t);
        node.connect(&connect, open.map(str::to_owned).as_ref())
    };
    // The answer's time, and 30 s more.
    assert_eq!(at(&mut node, 59, None), Outcome::Allowed);
    assert_eq!(at(&mut node, 65, None), Outcome::Denied);
    // As long as a connection has it, for others too, and hardly longer.
    node.answer(&answer);
    assert_eq!(at(&mut node, 65, Some("c")), Outcome::Allowed);
    assert_eq!(at(&mut node, 5_000, None), Outcome::Allowed);
    let connection = node.open.remove("c").expect("it is open");
    node.close(&connection);
    assert_eq!(at(&mut node, 5_035, None), Outcome::Denied);
}
