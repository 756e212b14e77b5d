//! The policies behind a flow's verdict.

use proto::flow::{DropReason, Verdict};
use proto::flows::v1::PolicyKind;

use crate::monitor_api::{drop_reason_text, event};
use crate::view::{
    ConnectionState, Direction, EndpointDecision, Extension, FlowView, PolicyName, Rules,
};

/// A rule sends the packet through the proxy, and none listens.
const NO_PROXY: i32 = DropReason::SocketLookupFailed as i32;

/// Short name of a kind of policy, as kubectl has it; the name itself of another kind.
pub fn short_kind(kind: &str) -> &str {
    match PolicyKind::from_str_name(kind) {
        Some(PolicyKind::CiliumNetworkPolicy) => "cnp",
        Some(PolicyKind::CiliumClusterwideNetworkPolicy) => "ccnp",
        Some(PolicyKind::NetworkPolicy) => "netpol",
        Some(PolicyKind::Unknown) | None => kind,
    }
}

/// `cnp shop/web`, as kubectl would take it.
pub fn policy_reference(policy: &PolicyName<'_>) -> String {
    let mut text = String::with_capacity(64);
    write_reference(policy, &mut text);
    text
}

fn write_reference(policy: &PolicyName<'_>, out: &mut String) {
    for (part, behind) in [(short_kind(policy.kind), " "), (policy.namespace, "/")] {
        if !part.is_empty() {
            out.push_str(part);
            out.push_str(behind);
        }
    }
    out.push_str(policy.name);
}

/// Each policy once, with what its rules say.
fn write_rules(rules: &dyn Rules, between: &str, before_text: &str, out: &mut String) {
    // The policies, each with what it says and where the last text in that begins.
    let mut policies: Vec<(String, String, usize)> = Vec::new();
    rules.any(&mut |rule| {
        let policy = policy_reference(&rule.policy);
        let known = policies.iter().position(|(known, ..)| *known == policy);
        let known = known.unwrap_or_else(|| {
            policies.push((policy, String::new(), 0));
            policies.len() - 1
        });
        let (_, texts, last) = &mut policies[known];
        if rule.text.is_empty() || texts.get(*last..) == Some(rule.text) {
            return false;
        }
        if !texts.is_empty() {
            texts.push_str(", ");
        }
        *last = texts.len();
        texts.push_str(rule.text);
        false
    });
    for (at, (policy, texts, _)) in policies.iter().enumerate() {
        if at > 0 {
            out.push_str("; ");
        }
        out.push_str(policy);
        out.push_str(between);
        if !texts.is_empty() {
            out.push_str(before_text);
            out.push_str(texts);
        }
    }
}

/// Says that no proxy took what a rule sends through it, and what to do: what that rule allows isn't why.
fn write_no_proxy(node: &str, out: &mut String) {
    match node {
        "" => out.push_str("no proxy runs on the node: start flows-proxy there"),
        node => {
            out.push_str("no proxy runs on ");
            out.push_str(node);
            out.push_str(": start flows-proxy there");
        }
    }
}

/// Why one end was judged as it was, in one line, at this node.
fn write_decision(end: Direction, decided: &EndpointDecision<'_>, node: &str, out: &mut String) {
    if !decided.why.is_empty() {
        return out.push_str(decided.why);
    }
    if decided.drop_reason == NO_PROXY {
        return write_no_proxy(node, out);
    }
    let dropped = decided.verdict == Verdict::Dropped;
    if !(dropped && decided.default_deny) {
        return write_rules(decided.rules, "", ": ", out);
    }
    out.push_str("default deny ");
    out.push_str(end.name());
    let before = out.len();
    out.push_str(": ");
    let selecting = out.len();
    write_rules(decided.rules, " selects it", ", ", out);
    if out.len() == selecting {
        out.truncate(before);
    }
}

/// The policies behind a flow's verdict, with their rules if the flow carries our extension, else
/// from Hubble's lists. Empty if nothing is known.
pub fn policy<V: FlowView + ?Sized>(flow: &V) -> String {
    let mut text = String::new();
    write_policy(flow, &mut text);
    text
}

/// Adds the same to what stands in `out`.
pub(crate) fn write_policy<V: FlowView + ?Sized>(flow: &V, out: &mut String) {
    let dropped = flow.verdict() == Verdict::Dropped;
    let start = out.len();
    let explained = Extension::read(flow, |extension| {
        // Of two ends that say the same, one is enough.
        let mut last = start..start;
        for (end, decided) in extension.explaining(dropped) {
            let before = out.len();
            if before > start {
                out.push_str("; ");
            }
            let begin = out.len();
            write_decision(end, decided, flow.node(), out);
            if out.len() == begin || out[begin..] == out[last.clone()] {
                out.truncate(before);
            } else {
                last = begin..out.len();
            }
        }
    });
    if explained.is_none() {
        let mut between = "";
        flow.any_policy(&mut |policy| {
            out.push_str(between);
            write_reference(&policy, out);
            between = ", ";
            false
        });
    }
}

/// Adds who decided to what stands in `out`, the policy first: `cnp shop/db · app=web on 5432/TCP`,
/// `cnp shop/db · default deny`; of a drop that no policy made, the reason.
pub(crate) fn write_why<V: FlowView + ?Sized>(flow: &V, out: &mut String) {
    let dropped = flow.verdict() == Verdict::Dropped;
    let silent = flow.connection().and_then(|of| of.silent);
    if flow.verdict() == Verdict::Unknown && silent == Some(Direction::Ingress) {
        return out.push_str("left the source; its destination's node told nothing");
    }
    write_decisions(flow, dropped, silent, out);
    // What was audited at its source may have been denied behind it.
    let state = flow.connection().map(|of| of.state);
    let is_answered = !matches!(
        state,
        Some(ConnectionState::NoAnswer | ConnectionState::Opening)
    );
    if flow.verdict() == Verdict::Audit && silent == Some(Direction::Ingress) && !is_answered {
        out.push_str("; unconfirmed: the destination's node told nothing");
    }
}

fn write_decisions<V: FlowView + ?Sized>(
    flow: &V,
    dropped: bool,
    silent: Option<Direction>,
    out: &mut String,
) {
    let start = out.len();
    let explained = Extension::read(flow, |extension| {
        // The destination's rules say more than those that let things out.
        let ends: Vec<_> = extension.explaining(dropped).collect();
        for (end, decided) in ends.into_iter().rev() {
            let before = out.len();
            if before > start {
                out.push_str("; ");
            }
            let begin = out.len();
            write_why_at(end, decided, flow.node(), out);
            if out.len() == begin || out[start..before] == out[begin..] {
                out.truncate(before);
            }
        }
    });
    if explained.is_none() {
        let mut between = "";
        flow.any_policy(&mut |policy| {
            out.push_str(between);
            write_reference(&policy, out);
            between = ", ";
            false
        });
    }
    if out.len() > start {
        return;
    }
    match (dropped, explained) {
        (true, _) => match drop_reason(flow) {
            Some(reason) if i32::from(reason) == NO_PROXY => write_no_proxy(flow.node(), out),
            reason => out.push_str(reason.and_then(drop_reason_text).unwrap_or("dropped")),
        },
        (false, Some(())) => out.push_str(match silent {
            None => "no policy selects either end",
            Some(Direction::Egress) => {
                "no policy selects the destination; the source's node told nothing"
            }
            Some(Direction::Ingress) => {
                "no policy selects the source; the destination's node told nothing"
            }
        }),
        (false, None) => {}
    }
}

/// How an end was judged, and by whom, the policy first; `None` if that end didn't judge, or isn't told.
pub fn decision<V: FlowView + ?Sized>(flow: &V, end: Direction) -> Option<(Verdict, String)> {
    let read = Extension::read(flow, |extension| {
        let decided = match end {
            Direction::Egress => extension.egress,
            Direction::Ingress => extension.ingress,
        };
        decided.map(|decided| {
            let mut text = String::new();
            write_why_at(end, &decided, flow.node(), &mut text);
            (decided.verdict, text)
        })
    });
    read.flatten()
}

/// Number of the reason of a drop; `None` if it isn't told.
pub(crate) fn drop_reason<V: FlowView + ?Sized>(flow: &V) -> Option<u8> {
    let number = match flow.event_type() {
        Some((event::DROP, reason)) if flow.drop_reason() == 0 => reason,
        _ => flow.drop_reason(),
    };
    u8::try_from(number).ok().filter(|number| *number != 0)
}

/// Why one end was judged as it was at this node, the policy first.
fn write_why_at(end: Direction, decided: &EndpointDecision<'_>, node: &str, out: &mut String) {
    const BETWEEN: &str = " \u{b7} ";
    if !decided.why.is_empty() {
        return out.push_str(decided.why);
    }
    if decided.drop_reason == NO_PROXY {
        return write_no_proxy(node, out);
    }
    let dropped = decided.verdict == Verdict::Dropped;
    if dropped && decided.default_deny {
        let begin = out.len();
        let mut between = "";
        decided.rules.any(&mut |rule| {
            let policy = policy_reference(&rule.policy);
            if !out[begin..].contains(&policy) {
                out.push_str(between);
                out.push_str(&policy);
                between = ", ";
            }
            false
        });
        if out.len() > begin {
            out.push_str(BETWEEN);
        }
        out.push_str("default deny");
        if end == Direction::Egress {
            out.push_str(" egress");
        }
        return;
    }
    let begin = out.len();
    write_rules(decided.rules, "", BETWEEN, out);
    // That it is allowed is said beside it.
    if !dropped && let Some(at) = out[begin..].find("allows ") {
        let rest = out[begin + at..].replace("allows ", "");
        out.truncate(begin + at);
        out.push_str(&rest);
    }
}

/// The same by name only, each once.
pub fn policy_names_of<V: FlowView + ?Sized>(flow: &V) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut push = |policy: &PolicyName<'_>| {
        let name = policy_reference(policy);
        if !names.contains(&name) {
            names.push(name);
        }
    };
    let dropped = flow.verdict() == Verdict::Dropped;
    let explained = Extension::read(flow, |extension| {
        for (_, decided) in extension.explaining(dropped) {
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
