//! Expressions that are made of flows.

use flows_flow as flow;

use flow::attribute::{Attribute, Cells};
use flow::view::ByInitiator;
use flow::workload_ref::{Kind, WorkloadRef};
use flow::{Side, filter_for};
use proto::flow::{Endpoint, Flow, Service};

use crate::flows;

/// Whatever is made of a flow holds for it.
pub(crate) fn hold(flow: &Flow) {
    let opened = ByInitiator::new(flow);
    for about in Attribute::columns() {
        if let Some(term) = filter_for::cell(flow, about.id) {
            assert!(filter_for::holds(&term, flow), "{}: {term}", about.name);
        }
    }
    for term in [filter_for::pair(flow), filter_for::connection(flow)] {
        let Some(term) = term else { continue };
        assert!(filter_for::holds(&term, flow), "{term}");
    }
    for side in [Side::Source, Side::Destination] {
        let end = WorkloadRef::of(flow, side);
        // Servers write names in small letters; filters, as Hubble's, look for no others.
        if end.name.chars().any(char::is_uppercase) {
            continue;
        }
        // Nothing is known: no expression tells it from others.
        if end == WorkloadRef::outside(Kind::Entity, "unknown") {
            continue;
        }
        for term in [end.term(), end.term_at(side)] {
            assert!(filter_for::holds(&term, flow), "{end:?}: {term}");
        }
    }
    let term = filter_for::ends(flow);
    if !term.contains("unknown") && !term.chars().any(char::is_uppercase) {
        assert!(filter_for::holds(&term, &opened), "{term}");
    }
}

#[test]
fn of_each_column() {
    let mut shown = String::new();
    for flow in flows() {
        hold(&flow);
        for about in Attribute::columns() {
            let text = about.text(&flow, &Cells::default());
            match filter_for::cell(&flow, about.id) {
                Some(term) => shown += &format!("{}: {term}\n", about.name),
                None if text.is_empty() => {}
                None => shown += &format!("{}: - ({text})\n", about.name),
            }
        }
        shown += &format!("{}\n", filter_for::ends(&flow));
        for term in [filter_for::pair(&flow), filter_for::connection(&flow)] {
            shown += &format!("{}\n", term.unwrap_or_default());
        }
        shown += "\n";
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn ends() {
    let pod = |name: &str| Endpoint {
        namespace: "shop".to_owned(),
        pod_name: name.to_owned(),
        ..Endpoint::default()
    };
    let identity = |identity| Endpoint {
        identity,
        ..Endpoint::default()
    };
    let mut made = pod("cart-0");
    made.workloads.push(proto::flow::Workload {
        name: "cart".to_owned(),
        kind: "StatefulSet".to_owned(),
    });
    let service = Service {
        namespace: "shop".to_owned(),
        name: "db".to_owned(),
    };
    let ip = Some(proto::flow::Ip {
        source: "192.0.2.1".to_owned(),
        ..proto::flow::Ip::default()
    });
    for (source, service, names, expected, term) in [
        (
            made,
            None,
            "",
            "workload:shop/cart",
            "src.workload == shop/cart",
        ),
        (
            pod("cart-0"),
            None,
            "",
            "pod:shop/cart-0",
            "src.pod == shop/cart-0",
        ),
        (
            identity(2),
            Some(service),
            "a.example",
            "service:shop/db",
            "src.service == shop/db",
        ),
        (
            identity(2),
            None,
            "a.example",
            "dns:/a.example",
            "src.fqdn == a.example",
        ),
        (
            identity(2),
            None,
            "",
            "world:/world",
            "src.identity == world",
        ),
        (
            identity(6),
            None,
            "",
            "host:/remote-node",
            "src.identity == remote-node",
        ),
        (
            identity(8),
            None,
            "",
            "entity:/ingress",
            "src.identity == ingress",
        ),
        (
            identity(0),
            None,
            "",
            "address:/192.0.2.1",
            "src.ip == 192.0.2.1",
        ),
        (
            identity(70_000),
            None,
            "",
            "address:/192.0.2.1",
            "src.ip == 192.0.2.1",
        ),
    ] {
        let flow = Flow {
            ip: ip.clone(),
            source: Some(source),
            source_service: service,
            source_names: [names]
                .iter()
                .filter(|name| !name.is_empty())
                .map(ToString::to_string)
                .collect(),
            ..Flow::default()
        };
        let end = WorkloadRef::of(&flow, Side::Source);
        assert_eq!(end.id(), expected);
        assert_eq!(end.term_at(Side::Source), term);
        assert!(filter_for::holds(term, &flow), "{term}");
    }
}
