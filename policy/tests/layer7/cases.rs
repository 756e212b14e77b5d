//! The table of `testdata/l7/cases.yaml` from the manifests on: read, compiled, the packet's verdict by the
//! kernel's own look-up, and the request judged by the rules that were handed to the proxy.

use std::collections::BTreeMap;

use flows_policy::Direction;
use l7::rules::{PeerKind, Protocol, RuleRef};
use testing_cases::{Expect, L4, Probe, Set, Table};
use testing_policy::layer7::{World, direction, l4};

use crate::request::{Answer, judge};

/// The rules for a probe's port.
fn rules<'w>(world: &'w World, probe: &Probe) -> Option<&'w l7::rules::Set> {
    let direction = match direction(probe) {
        Direction::Ingress => l7::rules::Direction::Ingress,
        Direction::Egress => l7::rules::Direction::Egress,
    };
    let protocol = match probe.proto.as_str() {
        "TCP" => Protocol::Tcp,
        _ => Protocol::Udp,
    };
    let table = world.table(probe.ends().0)?;
    world.rules.get(table, direction, protocol, probe.port)
}

/// What comes out of a probe, if that isn't what must.
fn wrong(world: &World, probe: &Probe) -> Option<String> {
    let decision = world.decide(probe);
    let l4 = l4(&decision);
    if l4 != probe.l4 {
        return Some(format!("the packet is {l4:?}: {decision:?}"));
    }
    if l4 != L4::Redirected {
        return None;
    }
    if decision.reason.is_none() {
        return Some("the redirect has no reason".to_owned());
    }
    let Some(set) = rules(world, probe) else {
        return Some("the port has no rules".to_owned());
    };
    let answer = judge(set, world.identity(probe.ends().1).0, probe);
    if let Some(RuleRef(cookie)) = answer.rule() {
        let reason = world.compiled.cookies.resolve(cookie);
        if reason.is_none() {
            return Some(format!("cookie {cookie} of {answer:?} names nothing"));
        }
    }
    let is_right = match (probe.expect, &answer) {
        (Expect::Allowed, Answer::Allowed { .. })
        | (Expect::Denied | Expect::Refused, Answer::Denied { .. })
        | (Expect::Redirect, Answer::Status(307)) => true,
        (Expect::Rejected, Answer::Status(status)) => (400..500).contains(status),
        (_, Answer::Statuses(statuses)) => {
            let wanted = probe.statuses();
            // Of CONNECT the table says that 405 does as well.
            let wanted = wanted
                .iter()
                .map(|one| if *one == 404 { 405 } else { *one });
            wanted.eq(statuses.iter().copied())
        }
        _ => false,
    };
    (!is_right).then(|| format!("{answer:?}"))
}

/// A set whose policies can't be merged: that is told, and the proxy refuses what they are about.
fn conflict(world: &World, set: &Set, wanted: &str) -> usize {
    let (id, problems) = (&set.id, testing_policy::shown(&world.compiled.problems));
    let is_told = problems.iter().any(|problem| problem.contains(wanted));
    assert!(is_told, "{id}: {problems:?}");
    for probe in &set.probes {
        assert_eq!(l4(&world.decide(probe)), L4::Redirected);
        let kind = rules(world, probe).expect("rules");
        let kind = kind.peer_kind(world.identity(probe.ends().1).0);
        assert_eq!(kind, PeerKind::Conflict, "{id}");
    }
    set.probes.len()
}

#[test]
fn every_probe_comes_out_as_the_table_says() {
    let table: Table = testing_cases::table();
    let (mut judged, mut conflicts, mut failures) = (BTreeMap::new(), 0, Vec::new());
    for set in &table.sets {
        let world = World::new(&table, set);
        if let Some(wanted) = &set.merge_error {
            conflicts += conflict(&world, set, wanted);
            continue;
        }
        let problems = testing_policy::shown(&world.compiled.problems);
        let refused = problems.iter().filter(|problem| problem.contains("NOT"));
        assert_eq!(refused.count(), 0, "{}: {problems:?}", set.id);
        for (n, probe) in set.probes.iter().enumerate() {
            *judged.entry(set.kind()).or_insert(0) += 1;
            if let Some(wrong) = wrong(&world, probe) {
                failures.push(format!("{} probe {n}: {wrong}; wanted {probe}", set.id));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} wrong:\n{}",
        failures.len(),
        failures.join("\n")
    );
    // Of what none is judged, nothing would be noticed.
    let all: usize = judged.values().sum();
    assert_eq!(conflicts, 1);
    assert!(all >= 200, "{judged:?}");
}
