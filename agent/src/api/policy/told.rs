//! What names the destination of a connection had for the pod that opened it, since when and until when: of denied flows,
//! and of questions about an address.

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

/// A connection of a pod out of the cluster.
#[derive(Clone, Copy, Debug)]
struct WayOut {
    pod: IpAddr,
    address: IpAddr,
    /// When.
    time: Seconds,
    /// It is asked about, not seen: what is said is as of now.
    is_question: bool,
}

/// In sentences, of a question about an address as the destination, asked now: a pod of this node, its addresses, and
/// the destination's.
pub(super) fn notes_on_question(
    told: &ToldNames,
    pod: &[IpAddr],
    address: IpAddr,
    now: Seconds,
    selectors: &[String],
) -> Vec<String> {
    let mut pod = pod.iter().filter(|ip| ip.is_ipv4() == address.is_ipv4());
    let way = pod.next().map(|pod| WayOut {
        pod: *pod,
        address,
        time: now,
        is_question: true,
    });
    way.map_or_else(Vec::new, |way| notes_on_way(told, way, selectors))
}

/// In sentences. Of a flow that isn't a pod's that was dropped on its way out of the cluster there is nothing.
/// `selectors`: of `toFQDNs`, by which the pod may reach addresses that it is told.
pub(super) fn notes(told: &ToldNames, flow: &Flow, selectors: &[String]) -> Vec<String> {
    way_out(flow).map_or_else(Vec::new, |way| notes_on_way(told, way, selectors))
}

fn notes_on_way(told: &ToldNames, way: WayOut, selectors: &[String]) -> Vec<String> {
    let WayOut {
        pod, address, time, ..
    } = way;
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
        .map(|entry| note(entry, &selected, way))
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

fn way_out(flow: &Flow) -> Option<WayOut> {
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
    Some(WayOut {
        pod: ip.source.parse().ok()?,
        address: ip.destination.parse().ok()?,
        time,
        is_question: false,
    })
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
fn note(entry: &Entry, selected: &[String], way: WayOut) -> String {
    let (address, name) = (entry.address, name(entry));
    let selected = selected.iter().filter(|text| selects(text, &entry.name));
    let selected: Vec<&str> = selected.map(String::as_str).collect();
    let ago = |moment: Seconds| {
        let seconds = i64::try_from(way.time.saturating_sub(moment)).unwrap_or(i64::MAX);
        let span = quantity::span(seconds.saturating_mul(1_000_000_000));
        match way.is_question {
            true => format!("{span} ago"),
            false => format!("{span} before"),
        }
    };
    let since = ago(entry.since);
    let end = entry.expires + GRACE;
    if way.time >= end {
        let until = ago(end);
        return match way.is_question {
            true => format!(
                "{address} was {name} to this pod, told {since}, until {until}: the answer's time is over, and the pod has \
                 not asked again"
            ),
            false => format!(
                "{address} was {name} to this pod, told {since}, until {until}: the answer's time was over, and the pod had \
                 not asked again"
            ),
        };
    }
    let selectors = selected.join(", ");
    match (&*selected, way.is_question) {
        ([], _) => {
            format!("{address} is {name} to this pod, told {since}, which no toFQDNs selects")
        }
        (_, true) => format!(
            "{address} is {name} to this pod, told {since}, which toFQDNs {selectors} select: ask with --dst-fqdn {name}, \
             since an address alone is taken for one without a name"
        ),
        (_, false) => format!(
            "{address} is {name} to this pod, told {since}, which toFQDNs {selectors} select now: on other ports, or the pod \
             asked for it since"
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
    fn a_question_about_an_address_is_told_what_it_is_now() {
        let told = told();
        let of = |pod: u8, address: u8, seconds: Seconds| {
            let pod = [
                IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, 1]),
                [10, 0, 0, pod].into(),
            ];
            notes_on_question(&told, &pod, [192, 0, 2, address].into(), T + seconds, &[])
        };
        let labels: Labels = [Label::fqdn("api.example.com")].into_iter().collect();
        let mut open = SharedMap::default();
        open.insert(IpAddr::from([192, 0, 2, 1]), labels);
        told.set_open(open);
        assert_eq!(
            of(1, 1, 20),
            [
                "192.0.2.1 is api.example.com to this pod, told 20 s ago, which toFQDNs api.example.com select: ask with --dst-fqdn api.example.com, since an address alone is taken for one without a name"
            ]
        );
        let over = of(1, 1, 60 + GRACE + 7);
        assert!(
            over[0].contains("until 7 s ago: the answer's time is over"),
            "{over:?}"
        );
        assert_eq!(
            of(1, 2, 5),
            ["192.0.2.2 is www.example.com to this pod, told 5 s ago, which no toFQDNs selects"]
        );
        // Nobody knows a name of this one, and nothing was asked over the other family.
        assert!(of(1, 9, 5).is_empty());
        let own = [IpAddr::from([10, 0, 0, 1])];
        let other = "2001:db8::1".parse().expect("an address");
        assert!(notes_on_question(&told, &own, other, T, &[]).is_empty());
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
        let over = of(1, 1, 60 + GRACE + 45);
        for part in [
            "192.0.2.1 was api.example.com to this pod, told ",
            "before, until 45 s before: the answer's time was over, and the pod had not asked again",
        ] {
            assert!(over[0].contains(part), "{over:?}");
        }
        assert_eq!(
            of(1, 2, 5),
            ["192.0.2.2 is www.example.com to this pod, told 5 s before, which no toFQDNs selects"]
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
