//! HTTP: requests a second, what a request takes longer, processor time of the proxy, its memory per connection.

mod load;
pub(crate) mod server;

use std::path::PathBuf;
use std::time::Duration;

use testing_bench::Row;
use testing_program::memory_mib;

use self::load::{Load, Version};
use crate::latency::{Sample, Samples, in_turns};
use crate::role::{Process, one_thread};
use crate::{Plan, envoy};

/// Connections that are only open, for what one takes of memory.
const IDLE: usize = 1_000;
/// Requests a second where they come at a pace that all can keep, and their connections.
const PACE: f64 = 2_000.0;
const PACED: usize = 64;

/// A way to the server.
enum Way {
    Direct,
    Proxy(Process),
    Envoy(Process),
}

impl Way {
    fn name(&self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Proxy(_) => "flows",
            Self::Envoy(_) => "Envoy",
        }
    }

    fn process(&self) -> Option<&Process> {
        match self {
            Self::Direct => None,
            Self::Proxy(process) | Self::Envoy(process) => Some(process),
        }
    }
}

/// Runs a load through a way.
fn run(way: &Way, server: &Process, load: &Load) -> Sample {
    let address = way.process().map_or(server.address, |proxy| proxy.address);
    let proxy = way.process().map(Process::id);
    one_thread().block_on(load.run(address, proxy))
}

pub(crate) fn measure(plan: Plan) {
    let envoy = envoy::find();
    for version in [Version::Http1, Version::Http2] {
        let server = Process::role(version.server(), &[]);
        let mut ways = vec![Way::Direct, Way::Proxy(proxy(&server))];
        ways.extend(
            envoy
                .as_ref()
                .map(|program| Way::Envoy(envoy::start(program, server.address))),
        );
        for load in loads(version, plan.time) {
            let all = in_turns(plan.runs, &ways, |way| run(way, &server, &load));
            print(&ways, &all, &load);
        }
        memory(version, &server, envoy.as_ref());
    }
}

fn proxy(server: &Process) -> Process {
    Process::role("http-proxy", &[server.address.to_string()])
}

fn loads(version: Version, time: Duration) -> Vec<Load> {
    let load = |connections, streams, is_large, pace| Load {
        version,
        connections,
        streams,
        is_large,
        pace,
        time,
    };
    match version {
        Version::Http1 => vec![
            load(1, 1, false, None),
            load(64, 1, false, None),
            load(1_000, 1, false, None),
            load(16, 1, true, None),
            load(PACED, 1, false, Some(PACE)),
        ],
        Version::Http2 => vec![
            load(1, 1, false, None),
            load(64, 1, false, None),
            load(8, 16, false, None),
            load(16, 1, true, None),
            load(PACED, 1, false, Some(PACE)),
        ],
    }
}

fn print(ways: &[Way], all: &[Samples], load: &Load) {
    let direct = &all[0];
    let envoy = ways.iter().position(|way| matches!(way, Way::Envoy(_)));
    for (way, own) in ways.iter().zip(all) {
        let is_flows = matches!(way, Way::Proxy(_));
        let name = |what: &str| format!("{what}, {load}, {}", way.name());
        if load.pace.is_none() {
            let row = Row::new(name("requests"), own.median(|one| one.rate), "/s");
            if matches!(way, Way::Direct) {
                row.print();
                continue;
            }
            let row = row.against(Some(("direct", direct.median(|one| one.rate))));
            let row = row.ratio(own.ratio(direct, |one| one.rate));
            let has_goal = is_flows && load.connections == 64;
            row.goal(has_goal.then_some("ratio >= 0.4")).print();
        } else if matches!(way, Way::Direct) {
            Row::new(name("median"), own.median(|one| one.median), "us").print();
            Row::new(name("99th percentile"), own.median(|one| one.p99), "us").print();
            continue;
        }
        if load.pace.is_some() || load.connections == 1 {
            let more = |what: fn(&Sample) -> f64| own.added(direct, what);
            Row::new(name("added, median"), more(|one| one.median), "us").print();
            Row::new(name("added, 99th percentile"), more(|one| one.p99), "us").print();
        }
        let processor = own.median(|one| one.processor);
        Row::new(name("processor time per request"), processor, "us").print();
    }
    let Some(envoy) = envoy else {
        return;
    };
    let (own, peer) = (&all[1], &all[envoy]);
    if load.pace.is_none() {
        let row = Row::new(
            format!("requests, {load}, flows to Envoy"),
            own.median(|one| one.rate),
            "/s",
        );
        row.against(Some(("Envoy", peer.median(|one| one.rate))))
            .ratio(own.ratio(peer, |one| one.rate))
            .goal((!load.is_large).then_some("ratio >= 3"))
            .print();
    } else {
        let own = own.added(direct, |one| one.p99);
        let peer = peer.added(direct, |one| one.p99);
        let name = format!("added, 99th percentile, {load}, flows to Envoy");
        let row = Row::new(name, own, "us");
        row.against(Some(("Envoy", peer)))
            .goal("ratio <= 0.5")
            .print();
    }
}

/// What a connection takes that had one request.
fn memory(version: Version, server: &Process, envoy: Option<&PathBuf>) {
    let mut ways = vec![Way::Proxy(proxy(server))];
    ways.extend(envoy.map(|program| Way::Envoy(envoy::start(program, server.address))));
    let all: Vec<f64> = ways
        .iter()
        .map(|way| {
            let process = way.process().unwrap();
            one_thread().block_on(async {
                // What is made once, at the first ones.
                let first = load::open(version, process.address, 10).await;
                let before = memory_mib(process.id());
                let rest = load::open(version, process.address, IDLE).await;
                let after = memory_mib(process.id());
                drop((first, rest));
                (after - before) * 1024.0 / IDLE as f64
            })
        })
        .collect();
    for (way, kib) in ways.iter().zip(&all) {
        let row = Row::new(
            format!("memory per idle connection, {version}, {}", way.name()),
            *kib,
            "KiB",
        );
        let is_flows = matches!(way, Way::Proxy(_));
        let peer = all.get(1).filter(|_| is_flows);
        row.against(peer.map(|peer| ("Envoy", *peer)))
            .goal(is_flows.then_some("<= 32"))
            .print();
    }
}
