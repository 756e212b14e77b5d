//! Differences between random clusters: each row is what two traces say, and nothing that two traces say
//! is missing.
//!
//! `FLOWS_CASES=2000` compares more clusters, `FLOWS_SEED=n` one pair.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use cluster::{Identities, NamespacedName, ObjectName, State};
use flows_explain::cancel::{Cancel, Cancelled};
use flows_explain::connectivity::{PeerGroup, PeerKind};
use flows_explain::diff::{Became, Change, Changes, Comparison};
use flows_explain::diff_report::Report;
use flows_explain::policy_inputs::PolicyInputs;
use flows_explain::trace::{End, Explanation, PolicyContext, Port, TraceQuery};
use flows_explain::validate;
use ipnet::IpNet;
use policy::{Config, Policy};
use testing_policy::generate::{UNMANAGED, next_probe, world};
use testing_policy::model::World;
use testing_policy::oracle::{Peer, Probe};
use testing_policy::{Random, run_cases, shown, state};

const CASES: u64 = 60;
const PROBES: usize = 40;

/// A state with its policies read.
struct Cluster {
    state: State,
    policies: BTreeMap<ObjectName, Arc<Policy>>,
    config: Config,
}

impl Cluster {
    fn new(world: &World) -> Self {
        let (state, config) = (state(&world.manifests()), Config::default());
        let (policies, refused) = policy::read(&state, &config);
        assert_eq!(shown(&refused), [""; 0]);
        Self {
            state,
            policies,
            config,
        }
    }

    fn context(&self) -> PolicyContext<'_> {
        let identities = Identities::new(self.state.is_dual_stack());
        PolicyContext::new(&self.state, &self.policies, &self.config, identities)
    }
}

fn comparison(before: &PolicyContext<'_>, after: &PolicyContext<'_>) -> Comparison {
    Comparison::new(before, after, &BTreeSet::new(), &Cancel::default())
}

/// The same cluster after an edit: policies go, come and change places; pods get other labels or ports.
fn edited(world: &World, random: &mut Random) -> World {
    let mut edited = world.clone();
    let other = testing_policy::generate::world(random);
    match random.below(4) {
        0 => drop(edited.policies.remove(random.below(edited.policies.len()))),
        1 => edited
            .policies
            .extend(other.policies.into_iter().take(1).map(|mut policy| {
                policy.name = "added".to_owned();
                policy
            })),
        2 => {
            let changed = random.below(edited.policies.len());
            let name = edited.policies[changed].name.clone();
            edited.policies[changed] = other.policies[0].clone();
            edited.policies[changed].name = name;
        }
        _ => {
            let pod = random.below(edited.pods.len());
            edited.pods[pod].labels.clone_from(&other.pods[0].labels);
            edited.pods[pod].ports.clone_from(&other.pods[0].ports);
        }
    }
    edited
}

/// Who is probed, as a question and as the group that it must be in.
fn end(world: &World, groups: &[Arc<PeerGroup>], peer: &Peer) -> (End, Arc<PeerGroup>) {
    let find = |wanted: &dyn Fn(&PeerGroup) -> bool| {
        let found = groups.iter().find(|group| wanted(group));
        Arc::clone(found.expect("everyone is in a group"))
    };
    let entity = |name: &str| {
        let group = find(&|group| group.kind == PeerKind::Entity && group.name == name);
        (End::entity(name).expect("an entity"), group)
    };
    match peer {
        Peer::Pod(index) => {
            let pod = &world.pods[*index];
            let name = NamespacedName::new(pod.namespace, &pod.name);
            let group = find(&|group| group.pods.contains(&name));
            (End::Pod(name), group)
        }
        Peer::Host => entity("host"),
        Peer::RemoteNode => entity("remote-node"),
        Peer::Unmanaged => {
            let (_, group) = entity("unmanaged");
            (End::ip(UNMANAGED).expect("an address"), group)
        }
        Peer::World(ip) => {
            let prefix = |group: &Arc<PeerGroup>| group.name.parse::<IpNet>().ok();
            let known = groups.iter().filter(|group| group.kind == PeerKind::Prefix);
            let known = known.filter(|group| prefix(group).is_some_and(|net| net.contains(ip)));
            let longest = known.max_by_key(|group| prefix(group).map(|net| net.prefix_len()));
            let group = match longest {
                Some(group) => Arc::clone(group),
                None if ip.is_ipv4() => entity("world-ipv4").1,
                None => entity("world-ipv6").1,
            };
            (End::Ip(*ip), group)
        }
    }
}

/// An address of a prefix that no longer one of the groups covers.
fn address(net: IpNet, groups: &[Arc<PeerGroup>]) -> Option<IpAddr> {
    let longer = groups
        .iter()
        .filter_map(|group| group.name.parse::<IpNet>().ok());
    let longer: Vec<IpNet> = longer
        .filter(|other| *other != net && net.contains(other))
        .collect();
    let step = 1_u128 << (u32::from(net.max_prefix_len() - net.prefix_len()).saturating_sub(12));
    let base = match net.network() {
        IpAddr::V4(ip) => u128::from(u32::from(ip)),
        IpAddr::V6(ip) => u128::from(ip),
    };
    let mut candidates = (0..4096_u128).map(|n| base + n * step + (step - 1) / 2);
    candidates
        .by_ref()
        .map(|number| match net {
            IpNet::V4(_) => IpAddr::from(u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes()),
            IpNet::V6(_) => IpAddr::from(number.to_be_bytes()),
        })
        .find(|ip| net.contains(ip) && !longer.iter().any(|other| other.contains(ip)))
}

/// Somebody of a group, as a question; `None` where the groups leave nobody.
fn somebody(group: &PeerGroup, groups: &[Arc<PeerGroup>]) -> Option<End> {
    match group.kind {
        PeerKind::Pods => group.pods.first().cloned().map(End::Pod),
        PeerKind::FormerPods => None,
        PeerKind::Name => End::fqdn(&group.name).ok(),
        PeerKind::Entity => End::entity(&group.name).ok(),
        PeerKind::Prefix => address(group.name.parse().expect("a prefix"), groups).map(End::Ip),
    }
}

fn traced(
    context: &PolicyContext<'_>,
    source: &End,
    destination: &End,
    port: (u8, u16),
) -> Explanation {
    let query = TraceQuery {
        source: source.clone(),
        destination: destination.clone(),
        port: Port::Number {
            protocol: port.0,
            port: port.1,
        },
    };
    context.explain(&query).expect("the question is sound")
}

/// Every row is what two traces say, with the same reasons.
fn confirm(
    seed: u64,
    clusters: [&PolicyContext<'_>; 2],
    rows: &[Change],
    groups: &[Arc<PeerGroup>],
) -> usize {
    let mut confirmed = 0;
    for row in rows {
        for (source, destination) in row
            .sources
            .iter()
            .flat_map(|source| row.destinations.iter().map(move |to| (source, to)))
        {
            if source == destination && source.is_single() {
                continue;
            }
            let ends = somebody(source, groups).zip(somebody(destination, groups));
            let Some((from, to)) = ends else {
                continue;
            };
            let (protocol, first, last) = row.ports.ranges()[confirmed % row.ports.ranges().len()];
            for port in [first, last] {
                let [before, after] = clusters.map(|c| traced(c, &from, &to, (protocol, port)));
                let became = match (before.allowed(), after.allowed()) {
                    (true, false) => Some(Became::Denied),
                    (false, true) => Some(Became::Allowed),
                    _ => None,
                };
                assert_eq!(
                    became,
                    Some(row.became),
                    "seed {seed}: {from:?} -> {to:?} {protocol} {port}\n{row:#?}"
                );
                for end in &row.ends {
                    let reason = |explanation: &Explanation| {
                        let verdict = explanation.verdict(end.direction);
                        verdict.and_then(|verdict| verdict.decision.reason.clone())
                    };
                    assert_eq!(
                        (reason(&before), reason(&after)),
                        (end.before.clone(), end.after.clone()),
                        "seed {seed}: {from:?} -> {to:?} {protocol} {port}"
                    );
                }
            }
            confirmed += 1;
        }
    }
    confirmed
}

fn run(seed: u64, ledger: &mut BTreeMap<&'static str, usize>) {
    let mut random = Random::new(seed);
    let old = world(&mut random);
    let new = edited(&old, &mut random);
    let clusters = [&old, &new].map(Cluster::new);
    let [before, after] = [&clusters[0], &clusters[1]].map(Cluster::context);
    let compared = comparison(&before, &after);
    let rows = compared.changes().connections;
    let groups: Vec<Arc<PeerGroup>> = compared.groups().cloned().collect();
    let mut count = |name, more| *ledger.entry(name).or_default() += more;
    count(
        "confirmed",
        confirm(seed, [&before, &after], &rows, &groups),
    );
    count(
        if rows.is_empty() {
            "nothing changes"
        } else {
            "something changes"
        },
        1,
    );
    count("rows", rows.len());

    assert_eq!(
        comparison(&before, &before).changes(),
        Changes::default(),
        "seed {seed}"
    );
    let mut reversed = comparison(&after, &before).changes().connections;
    for row in &mut reversed {
        row.became = match row.became {
            Became::Denied => Became::Allowed,
            Became::Allowed => Became::Denied,
        };
        for end in &mut row.ends {
            std::mem::swap(&mut end.before, &mut end.after);
        }
    }
    let in_order = |mut rows: Vec<Change>| {
        rows.sort_by_key(|row| format!("{row:?}"));
        rows
    };
    assert_eq!(
        in_order(reversed),
        in_order(rows.clone()),
        "seed {seed}: the way back"
    );

    let mut last: Option<Probe> = None;
    for _ in 0..PROBES {
        let probe = next_probe(&old, last.as_ref(), &mut random);
        last = Some(probe.clone());
        let with_ports = matches!(probe.protocol, 6 | 17 | 132);
        if with_ports && probe.port == 0 || !with_ports && probe.port > 255 {
            continue;
        }
        let subject = end(&old, &groups, &Peer::Pod(probe.subject));
        let peer = end(&old, &groups, &probe.peer);
        let (source, destination) = if probe.egress {
            (subject, peer)
        } else {
            (peer, subject)
        };
        if source.1 == destination.1 && source.1.is_single() {
            continue;
        }
        let port = (probe.protocol, probe.port);
        let told = [&before, &after].map(|c| traced(c, &source.0, &destination.0, port).allowed());
        let mut rows = rows.iter().filter(|row| {
            row.sources.contains(&source.1)
                && row.destinations.contains(&destination.1)
                && row.ports.contains(probe.protocol, probe.port)
        });
        let row = rows.next().map(|row| row.became);
        let want = match told {
            [true, false] => Some(Became::Denied),
            [false, true] => Some(Became::Allowed),
            _ => None,
        };
        assert_eq!(row, want, "seed {seed}: {probe:?}\n{}", new.manifests());
        assert_eq!(rows.next(), None, "seed {seed}: said twice: {probe:?}");
        count(
            if want.is_some() {
                "probed changes"
            } else {
                "probed others"
            },
            1,
        );
    }
}

#[test]
fn rows_are_what_two_traces_say_and_nothing_is_missing() {
    let mut ledger = BTreeMap::new();
    if run_cases(CASES, |seed| run(seed, &mut ledger)).is_none() {
        return;
    }
    // Floors: a generator gone inert must not look like success.
    for (name, least) in [
        ("confirmed", 300),
        ("rows", 100),
        ("nothing changes", 3),
        ("something changes", 30),
        ("probed changes", 100),
        ("probed others", 500),
    ] {
        let met = ledger.get(name).copied().unwrap_or(0);
        assert!(met >= least, "{name}: {ledger:?}");
    }
    eprintln!("{ledger:?}");
}

/// What was cancelled is told to nobody as if it were all.
#[test]
fn a_report_that_is_cancelled_is_none() {
    let mut random = Random::new(1);
    let old = world(&mut random);
    let new = edited(&old, &mut random);
    let [before, after] = [&old, &new]
        .map(|world| PolicyInputs::new(Arc::new(state(&world.manifests())), Config::default()));
    let checked = validate::Report::default();
    let cancel = Cancel::default();
    let report = |cancel: &Cancel| Report::new(&before, &after, &checked, None, cancel);
    assert!(report(&cancel).is_ok());
    cancel.cancel();
    assert_eq!(report(&cancel).err(), Some(Cancelled));
}
