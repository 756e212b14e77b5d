//! What names a denied connection's destination had, and until when.

use std::collections::BTreeSet;
use std::net::IpAddr;

use abi::identity::is_outside;
use cluster::{Labels, NamespacedName};
use flow::quantity;
use l7::learned::{Entry, GRACE, Seconds};
use l7::names::{FqdnSelector, NameSpec};
use l7::wire::name::Name;
use proto::flow::{Flow, TrafficDirection, Verdict};

use crate::node::ToldNames;

/// How many names are told of.
const NAMES: usize = 3;

/// In sentences. Of a flow that isn't a pod's that was dropped on its way out of the cluster there is nothing.
/// `selectors`: of `toFQDNs`, by which the pod may reach addresses that it is told.
pub(super) fn notes(told: &ToldNames, flow: &Flow, selectors: &[String]) -> Vec<String> {
    let Some((pod, address, time)) = way_out(flow) else {
        return Vec::new();
    };
    let open = told.open();
    let selected = open.get(&address).into_iter().flat_map(Labels::iter);
    let selected = selected.filter(|label| &*label.source == "fqdn");
    let selected: Vec<String> = selected.map(|label| label.key.to_string()).collect();
    let book = told.read();
    let entries = book.of(&address).iter();
    let entries = entries.filter(|entry| entry.since <= time && !entry.is_alias);
    let (mut own, others): (Vec<&Entry>, Vec<&Entry>) = entries.partition(|entry| entry.pod == pod);
    own.sort_by_key(|entry| (std::cmp::Reverse(entry.expires), &entry.name));
    let mut notes: Vec<String> = own
        .iter()
        .take(NAMES)
        .map(|entry| note(entry, &selected, time))
        .collect();
    if own.is_empty() {
        let names: BTreeSet<&str> = others.iter().map(|entry| name(entry)).collect();
        if names.is_empty() && !selectors.is_empty() {
            notes.push(format!(
                "nobody on this node was told {address} for a name: toFQDNs {} opens what the pod asks for",
                few(selectors)
            ));
        } else if !names.is_empty() {
            let first: Vec<&str> = names.into_iter().take(NAMES).collect();
            notes.push(format!(
                "the pod did not ask for a name of {address}; others of this node did, and were told {}",
                first.join(", ")
            ));
        }
    }
    notes
}

/// The pod at a flow's source.
pub(super) fn pod(flow: &Flow) -> Option<NamespacedName> {
    let source = flow.source.as_ref()?;
    let is_pod = !source.namespace.is_empty() && !source.pod_name.is_empty();
    is_pod.then(|| NamespacedName::new(&source.namespace, &source.pod_name))
}

/// Some of them.
fn few(selectors: &[String]) -> String {
    let first: Vec<&str> = selectors.iter().take(NAMES).map(String::as_str).collect();
    let more = selectors.len().saturating_sub(NAMES);
    match more {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// The pod, the address, and when.
fn way_out(flow: &Flow) -> Option<(IpAddr, IpAddr, Seconds)> {
    let is_denied = flow.verdict() == Verdict::Dropped
        && flow.traffic_direction() == TrafficDirection::Egress
        && !flow
            .is_reply
            .as_ref()
            .is_some_and(|is_reply| is_reply.value);
    let identity = flow.destination.as_ref()?.identity;
    if !is_denied || !is_outside(identity) {
        return None;
    }
    let ip = flow.ip.as_ref()?;
    let time = u64::try_from(flow.time.as_ref()?.seconds).ok()?;
    Some((ip.source.parse().ok()?, ip.destination.parse().ok()?, time))
}

/// Whether a selector of `toFQDNs` matches a name.
fn selects(text: &str, name: &str) -> bool {
    let selector = FqdnSelector::new(&NameSpec::of_selector(text));
    let name = Name::from_text(name);
    matches!((selector, name), (Ok(selector), Ok(name)) if selector.matches(&name))
}

fn name(entry: &Entry) -> &str {
    entry.name.strip_suffix('.').unwrap_or(&entry.name)
}

/// `selected`: what of `toFQDNs` selects the address now, by any of its names.
fn note(entry: &Entry, selected: &[String], time: Seconds) -> String {
    let (address, name) = (entry.address, name(entry));
    let selected = selected.iter().filter(|text| selects(text, &entry.name));
    let selected: Vec<&str> = selected.map(String::as_str).collect();
    let end = entry.expires + GRACE;
    if time >= end {
        let ago = quantity::span(
            i64::try_from(time - end)
                .unwrap_or(i64::MAX)
                .saturating_mul(1_000_000_000),
        );
        return format!(
            "{address} was {name} to this pod until {ago} before: the answer's time was over, and the pod had not asked \
             again"
        );
    }
    match &*selected {
        [] => format!("{address} is {name} to this pod, which no toFQDNs selects"),
        selected => format!(
            "{address} is {name} to this pod, which toFQDNs {} select now: on other ports, or the pod asked for it since",
            selected.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use cluster::{Label, Labels, SharedMap};
    use proto::flow::{Endpoint, Ip};

    use abi::identity::WORLD;

    use super::*;

    const T: Seconds = 1_000_000;

    fn told() -> ToldNames {
        let told = ToldNames::default();
        for (pod, name, address, since, ttl) in [
            (1, "api.example.com.", 1, T, 60),
            (1, "www.example.com.", 2, T, 600),
            (2, "b.org.", 3, T, 600),
        ] {
            let entry = Entry {
                pod: IpAddr::from([10, 0, 0, pod]),
                name: name.into(),
                address: IpAddr::from([192, 0, 2, address]),
                since,
                expires: since + ttl,
                until: since + 3_600,
                is_alias: false,
            };
            told.write().add(entry, &mut BTreeSet::new()).expect("room");
        }
        told
    }

    fn denied(pod: u8, address: u8, seconds: u64) -> Flow {
        Flow {
            verdict: Verdict::Dropped.into(),
            traffic_direction: TrafficDirection::Egress.into(),
            ip: Some(Ip {
                source: format!("10.0.0.{pod}"),
                destination: format!("192.0.2.{address}"),
                ..Ip::default()
            }),
            destination: Some(Endpoint {
                identity: WORLD,
                ..Endpoint::default()
            }),
            time: Some(proto::google::Timestamp {
                seconds: i64::try_from(T + seconds).expect("a time"),
                nanos: 0,
            }),
            ..Flow::default()
        }
    }

    #[test]
    fn a_denied_connection_is_told_what_its_address_was() {
        let told = told();
        let of = |pod, address, seconds| notes(&told, &denied(pod, address, seconds), &[]);
        let selectors = ["a.org", "b.org", "c.org", "d.org"].map(str::to_owned);
        assert_eq!(
            notes(&told, &denied(1, 9, 5), &selectors),
            [
                "nobody on this node was told 192.0.2.9 for a name: toFQDNs a.org, b.org, c.org and 1 more opens what the pod asks for"
            ]
        );
        assert_eq!(
            of(1, 1, 60 + GRACE + 45),
            [
                "192.0.2.1 was api.example.com to this pod until 45 s before: the answer's time was over, and the pod had not asked again"
            ]
        );
        assert_eq!(
            of(1, 2, 5),
            ["192.0.2.2 is www.example.com to this pod, which no toFQDNs selects"]
        );
        assert_eq!(
            of(1, 3, 5),
            [
                "the pod did not ask for a name of 192.0.2.3; others of this node did, and were told b.org"
            ]
        );
        let labels: Labels = [Label::fqdn("*.example.com")].into_iter().collect();
        let mut open = SharedMap::default();
        open.insert(IpAddr::from([192, 0, 2, 2]), labels);
        told.set_open(open);
        let selected = of(1, 2, 5);
        assert!(
            selected[0].contains("toFQDNs *.example.com select now"),
            "{selected:?}"
        );
        let labels: Labels = [Label::fqdn("b.org")].into_iter().collect();
        let mut open = SharedMap::default();
        open.insert(IpAddr::from([192, 0, 2, 2]), labels);
        told.set_open(open);
        let by_another = of(1, 2, 5);
        assert!(
            by_another[0].contains("which no toFQDNs selects"),
            "{by_another:?}"
        );
        // Of what nobody knows, and of what isn't a pod's way out, nothing.
        assert!(of(1, 9, 5).is_empty());
        let mut flow = denied(1, 1, 200);
        flow.verdict = Verdict::Forwarded.into();
        assert!(notes(&told, &flow, &selectors).is_empty());
        flow.verdict = Verdict::Dropped.into();
        flow.traffic_direction = TrafficDirection::Ingress.into();
        assert!(notes(&told, &flow, &selectors).is_empty());
        assert!(notes(&told, &Flow::default(), &selectors).is_empty());
    }
}
