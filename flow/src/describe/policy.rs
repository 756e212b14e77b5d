//! The policies behind a flow's verdict.

use proto::flow::Verdict;

use crate::view::{Decided, End, Extra, FlowView, PolicyName, Rules};

/// Short name of a kind of policy, as kubectl has it.
fn short_kind(kind: &str) -> &str {
    match kind {
        "CiliumNetworkPolicy" => "cnp",
        "CiliumClusterwideNetworkPolicy" => "ccnp",
        "NetworkPolicy" => "netpol",
        kind => kind,
    }
}

/// `cnp shop/web`, as kubectl would take it.
pub fn policy_reference(policy: &PolicyName<'_>) -> String {
    let PolicyName {
        kind,
        namespace,
        name,
    } = *policy;
    let kind = short_kind(kind);
    let space = if kind.is_empty() { "" } else { " " };
    let slash = if namespace.is_empty() { "" } else { "/" };
    format!("{kind}{space}{namespace}{slash}{name}")
}

/// Each policy once, with what its rules say.
fn rules(rules: &dyn Rules, between: &str, before_text: &str) -> String {
    let mut policies: Vec<(String, Vec<String>)> = Vec::new();
    rules.any(&mut |rule| {
        let policy = policy_reference(&rule.policy);
        let text = rule.text.to_owned();
        match policies.iter_mut().find(|(known, _)| *known == policy) {
            Some((_, texts)) => texts.push(text),
            None => policies.push((policy, vec![text])),
        }
        false
    });
    let policies = policies.into_iter().map(|(policy, mut texts)| {
        texts.retain(|text| !text.is_empty());
        texts.dedup();
        if texts.is_empty() {
            format!("{policy}{between}")
        } else {
            format!("{policy}{between}{before_text}{}", texts.join(", "))
        }
    });
    policies.collect::<Vec<_>>().join("; ")
}

/// Why one end was judged as it was, in one line.
fn decision(end: End, decided: &Decided<'_>) -> String {
    if !decided.why.is_empty() {
        return decided.why.to_owned();
    }
    let direction = end.name();
    let dropped = decided.verdict == Verdict::Dropped;
    if !(dropped && decided.default_deny) {
        return rules(decided.rules, "", ": ");
    }
    match rules(decided.rules, " selects it", ", ") {
        none if none.is_empty() => format!("default deny {direction}"),
        selecting => format!("default deny {direction}: {selecting}"),
    }
}

/// The policies behind a flow's verdict, with their rules if the flow carries our extension, else
/// from Hubble's lists. Empty if nothing is known.
pub fn policy<V: FlowView>(flow: &V) -> String {
    let dropped = flow.verdict() == Verdict::Dropped;
    let explained = Extra::read(flow, |extra| {
        let mut texts: Vec<String> = extra
            .explaining(dropped)
            .map(|(end, decided)| decision(end, decided))
            .filter(|text| !text.is_empty())
            .collect();
        texts.dedup();
        texts.join("; ")
    });
    explained.unwrap_or_else(|| {
        let mut names = Vec::new();
        flow.any_policy(&mut |policy| {
            names.push(policy_reference(&policy));
            false
        });
        names.join(", ")
    })
}

/// The same by name only, each once.
pub fn policy_names_of<V: FlowView>(flow: &V) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut push = |policy: &PolicyName<'_>| {
        let name = policy_reference(policy);
        if !names.contains(&name) {
            names.push(name);
        }
    };
    let dropped = flow.verdict() == Verdict::Dropped;
    let explained = Extra::read(flow, |extra| {
        for (_, decided) in extra.explaining(dropped) {
            decided.rules.any(&mut |rule| {
                push(&rule.policy);
                false
            });
        }
    });
    if explained.is_none() {
        flow.any_policy(&mut |policy| {
            push(&policy);
            false
        });
    }
    names
}
