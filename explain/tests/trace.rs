//! Explanations over random policies: the verdict is the oracle's, what the scan says of each rule fits
//! the verdict and what its cookie names, and what is suggested really lets the connection through.
//!
//! `FLOWS_CASES=2000` runs more clusters, `FLOWS_SEED=n` one.

#![expect(clippy::panic, reason = "helpers of a test fail it")]

use std::collections::{BTreeMap, BTreeSet};

use cluster::{Identities, NamespacedName, State};
use flows_explain::trace::{End, EndpointVerdict, Explanation, PolicyContext, Port, TraceQuery};
use policy::{Config, ReasonKind};
use testing_policy::generate::{UNMANAGED, next_probe, probe, world};
use testing_policy::model::{Policy, World};
use testing_policy::oracle::{Answer, Peer, Probe, answer};
use testing_policy::{Random, add, run_cases, shown, state};

const CASES: u64 = 150;
const PROBES: usize = 30;

fn explain(state: &State, asked: &TraceQuery) -> Explanation {
    let config = Config::default();
    let (policies, refused) = policy::read(state, &config);
    assert_eq!(shown(&refused), [""; 0]);
    let identities = Identities::new(state.is_dual_stack());
    let context = PolicyContext::new(state, &policies, &config, identities);
    context.explain(asked).expect("the question is sound")
}

fn asked(world: &World, probe: &Probe) -> TraceQuery {
    let pod = |index: usize| {
        let pod = &world.pods[index];
        End::Pod(NamespacedName::new(pod.namespace, &pod.name))
    };
    let subject = pod(probe.subject);
    let peer = match &probe.peer {
        Peer::Pod(index) => pod(*index),
        Peer::Host => End::entity("host").expect("an entity"),
        Peer::RemoteNode => End::entity("remote-node").expect("an entity"),
        Peer::World(ip) => End::Ip(*ip),
        Peer::Unmanaged => End::ip(UNMANAGED).expect("an address"),
    };
    let (source, destination) = if probe.egress {
        (subject, peer)
    } else {
        (peer, subject)
    };
    TraceQuery {
        source,
        destination,
        port: Port::Number {
            protocol: probe.protocol,
            port: probe.port,
        },
    }
}

/// Whether a verdict hangs together, and is the oracle's.
fn sound(verdict: &EndpointVerdict, answer: &Answer) -> Result<&'static str, String> {
    let reason = verdict.decision.reason.as_deref().ok_or("no reason")?;
    let rules = || {
        verdict
            .policies
            .iter()
            .flat_map(|policy| policy.rules.iter().map(move |rule| (policy, rule)))
    };
    let matched: BTreeSet<(String, String, bool)> = rules()
        .filter(|(_, rule)| rule.matched())
        .map(|(policy, rule)| (policy.policy.to_string(), rule.path.to_string(), rule.deny))
        .collect();
    let behind: BTreeSet<(String, String, bool)> = reason
        .origins
        .iter()
        .map(|origin| {
            let deny = reason.kind == ReasonKind::Deny;
            (origin.policy.to_string(), origin.rule.to_string(), deny)
        })
        .collect();
    let fits = |fine: bool, name| match fine {
        true => Ok(name),
        false => Err(format!("{name}: matched {matched:?}, behind it {behind:?}")),
    };
    let denies = matched.iter().any(|(.., deny)| *deny);
    match (answer, reason.kind) {
        (Answer::Denied(_), ReasonKind::Deny) => fits(behind.is_subset(&matched), "denied"),
        (Answer::Allowed(_), ReasonKind::Allow) => {
            fits(!denies && behind.is_subset(&matched), "allowed")
        }
        (Answer::Allowed(_) | Answer::Localhost, ReasonKind::AllowLocalhost) => {
            fits(!denies, "localhost")
        }
        (Answer::NotEnforced, ReasonKind::AllowAny) => fits(matched.is_empty(), "not enforced"),
        (Answer::DefaultDeny(policies), ReasonKind::DefaultDeny) => {
            let selecting = verdict.policies.iter();
            let selecting: BTreeSet<String> = selecting
                .map(|policy| policy.policy.name.to_string())
                .collect();
            let default_deny = verdict.policies.iter().any(|policy| policy.default_deny);
            let fine = matched.is_empty() && default_deny && selecting == *policies;
            fits(fine, "default deny")
        }
        (answer, kind) => Err(format!("{kind:?}, the oracle has {answer:?}")),
    }
}

/// A policy of the suggested rule alone, that applies to the judged pod.
fn applied(verdict: &EndpointVerdict, world: &World, probe: &Probe) -> Option<String> {
    let [suggestion] = &verdict.suggestions[..] else {
        panic!("one suggestion: {:?}", verdict.suggestions);
    };
    let pod = &world.pods[probe.subject];
    let policy = suggestion.policy.as_ref()?;
    let (kind, namespace) = match &policy.namespace {
        Some(namespace) => ("CiliumNetworkPolicy", format!(", namespace: {namespace}")),
        None => ("CiliumClusterwideNetworkPolicy", String::new()),
    };
    let labels: Vec<String> = pod
        .labels
        .iter()
        .map(|(key, value)| format!("{key}: '{value}'"))
        .collect();
    let list: String = suggestion
        .yaml
        .lines()
        .map(|line| format!("  {line}\n"))
        .collect();
    Some(format!(
        "apiVersion: cilium.io/v2\nkind: {kind}\nmetadata: {{name: suggested{namespace}}}\nspec:\n  \
         endpointSelector: {{matchLabels: {{{}}}}}\n  {}:\n{list}",
        labels.join(", "),
        verdict.direction,
    ))
}

/// Whether a list of ports has the one that is probed.
fn lists(ports: &[String], probe: &Probe) -> bool {
    let name = flows_explain::trace::protocol_name(probe.protocol);
    ports.iter().any(|text| {
        let (numbers, protocol) = match text.split_once(" type") {
            Some((protocol, numbers)) => (numbers.trim_start_matches('s').trim(), protocol),
            None => text.split_once('/').unwrap_or(("", text)),
        };
        let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
        let range = first.parse::<u16>().ok().zip(last.parse().ok());
        protocol == name && range.is_none_or(|(first, last)| (first..=last).contains(&probe.port))
    })
}

fn run(seed: u64, ledger: &mut BTreeMap<&'static str, usize>) {
    let mut random = Random::new(seed);
    let world = world(&mut random);
    let manifests = world.manifests();
    let state = state(&manifests);
    let mut last: Option<Probe> = None;
    for _ in 0..PROBES {
        let probe = next_probe(&world, last.as_ref(), &mut random);
        last = Some(probe.clone());
        // No such packets.
        let with_ports = matches!(probe.protocol, 6 | 17 | 132);
        if with_ports && probe.port == 0 || !with_ports && probe.port > 255 {
            continue;
        }
        let asked = asked(&world, &probe);
        let explanation = explain(&state, &asked);
        let of = |explanation: &Explanation| match probe.egress {
            true => explanation.egress.clone(),
            false => explanation.ingress.clone(),
        };
        let verdict = of(&explanation).expect("the subject is a pod");
        let any = explain(
            &state,
            &TraceQuery {
                port: Port::Any,
                ..asked.clone()
            },
        );
        let ports = any.ports.clone().expect("any port was asked for");
        let (allowed, denied) = (lists(&ports.allowed, &probe), lists(&ports.denied, &probe));
        assert_eq!(
            (allowed, denied, any.allowed()),
            (
                explanation.allowed(),
                !explanation.allowed(),
                ports.denied.is_empty()
            ),
            "seed {seed}\n{manifests}\n{probe:?}\n{ports:?}"
        );
        let shown = any.verdicts().all(|verdict| verdict.decision.allows());
        assert_eq!(
            shown,
            any.allowed(),
            "the judgements tell of a denied port, if any is"
        );
        *ledger
            .entry(match (ports.allowed.is_empty(), ports.denied.is_empty()) {
                (_, true) => "every port",
                (true, _) => "no port",
                (false, false) => "some ports",
            })
            .or_default() += 1;
        let answer = answer(&world, &probe);
        let name = sound(&verdict, &answer).unwrap_or_else(|wrong| {
            panic!("seed {seed}\n{manifests}\n{probe:?}\n{wrong}\n{verdict:#?}")
        });
        *ledger.entry(name).or_default() += 1;
        if name == "default deny"
            && let Some(more) = applied(&verdict, &world, &probe)
        {
            let mut state = state.clone();
            add(&mut state, "suggested.yaml", &more);
            let after = of(&explain(&state, &asked)).expect("the subject is a pod");
            assert!(
                after.decision.allows(),
                "seed {seed}\n{manifests}\n{probe:?}\n{more}\n{after:#?}"
            );
            *ledger.entry("suggested").or_default() += 1;
        }
    }
}

/// Another policy like those of the world, that only allows; `None`: it says nothing.
fn allowing(random: &mut Random, default_deny: Option<bool>) -> Option<Policy> {
    let mut policy = world(random).policies.into_iter().next()?;
    policy.name = "extra".to_owned();
    for rule in &mut policy.rules {
        rule.sections[1] = None;
        rule.sections[3] = None;
        rule.default_deny = [default_deny; 2];
    }
    policy.rules.retain(|rule| {
        let mut sections = rule.sections.iter().flatten();
        sections.any(|elements| !elements.is_empty())
    });
    (!policy.rules.is_empty()).then_some(policy)
}

/// What a policy that only allows changes for one probe; an error if it may not.
fn law(
    before: &EndpointVerdict,
    after: &EndpointVerdict,
    default_deny: bool,
) -> Result<&'static str, String> {
    let kind = |verdict: &EndpointVerdict| verdict.decision.reason.as_ref().map(|r| r.kind);
    let (was, is) = (before.decision.allows(), after.decision.allows());
    match (kind(before), was, is) {
        (Some(ReasonKind::Deny), _, _) => match kind(after) {
            Some(ReasonKind::Deny) => Ok("a deny stays"),
            other => Err(format!("a deny became {other:?}")),
        },
        (_, false, true) => Ok("allowed"),
        (Some(ReasonKind::AllowAny), true, false) if default_deny => {
            let mine = after.policies.iter().find(|p| &*p.policy.name == "extra");
            match mine.is_some_and(|policy| policy.default_deny) {
                true => Ok("its own default deny"),
                false => Err("denied, but not by its default deny".to_owned()),
            }
        }
        (kind, true, false) => Err(format!("{kind:?} was taken away")),
        (_, true, true) | (_, false, false) => Ok("as before"),
    }
}

#[test]
fn an_allow_takes_nothing_away_but_by_its_default_deny() {
    let mut ledger: BTreeMap<(&str, bool), usize> = BTreeMap::new();
    for seed in 0..CASES {
        let mut random = Random::new(seed);
        let world = world(&mut random);
        let default_deny = seed % 2 == 0;
        let Some(extra) = allowing(&mut random, (!default_deny).then_some(false)) else {
            continue;
        };
        let mut more = world.clone();
        more.policies.push(extra);
        let (before, after) = (state(&world.manifests()), state(&more.manifests()));
        for _ in 0..PROBES {
            let probe = probe(&world, &mut random);
            let asked = asked(&world, &probe);
            let of = |explanation: Explanation| match probe.egress {
                true => explanation.egress,
                false => explanation.ingress,
            };
            let before = of(explain(&before, &asked)).expect("the subject is a pod");
            let after = of(explain(&after, &asked)).expect("the subject is a pod");
            let met = law(&before, &after, default_deny).unwrap_or_else(|wrong| {
                panic!(
                    "seed {seed}\n{}\n{probe:?}\n{wrong}\n{before:#?}\n{after:#?}",
                    more.manifests()
                )
            });
            *ledger.entry((met, default_deny)).or_default() += 1;
        }
    }
    for met in [
        ("a deny stays", true),
        ("a deny stays", false),
        ("allowed", true),
        ("allowed", false),
        ("its own default deny", true),
    ] {
        let count = ledger.get(&met).copied().unwrap_or(0);
        assert!(count >= 10, "{met:?}: {ledger:?}");
    }
    eprintln!("{ledger:?}");
}

#[test]
fn explanations_fit_the_oracle_and_suggestions_work() {
    let mut ledger = BTreeMap::new();
    if run_cases(CASES, |seed| run(seed, &mut ledger)).is_none() {
        return;
    }
    // Floors: a generator gone inert must not look like success.
    for (name, least) in [
        ("denied", 50),
        ("allowed", 50),
        ("localhost", 10),
        ("not enforced", 50),
        ("default deny", 100),
        ("suggested", 100),
        ("every port", 50),
        ("no port", 50),
        ("some ports", 50),
    ] {
        let met = ledger.get(name).copied().unwrap_or(0);
        assert!(met >= least, "{name}: {ledger:?}");
    }
    eprintln!("{ledger:?}");
}
