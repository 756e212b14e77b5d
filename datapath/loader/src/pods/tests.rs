//! What is a pod's route, and what becomes of the table.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::*;

fn route(address: IpAddr, length: u8, attributes: &[RouteAttribute]) -> RouteMessage {
    let mut route = RouteMessage::default();
    route.header.destination_prefix_length = length;
    route.header.kind = RouteType::Unicast;
    route.header.table = 254;
    route.attributes = vec![RouteAttribute::Destination(address.into())];
    route.attributes.extend_from_slice(attributes);
    route
}

#[test]
fn only_host_routes_of_the_main_table_are_pods() {
    let v4 = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7));
    let v6 = IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 7));
    let gateway = RouteAttribute::Gateway(RouteAddress::Inet(Ipv4Addr::new(10, 0, 0, 1)));
    let oif = RouteAttribute::Oif(9);
    let mut local = route(v4, 32, std::slice::from_ref(&oif));
    local.header.kind = RouteType::Local;
    let rows = [
        (
            "IPv4",
            route(v4, 32, std::slice::from_ref(&oif)),
            Some((v4, IfIndex(9))),
        ),
        (
            "IPv6",
            route(v6, 128, std::slice::from_ref(&oif)),
            Some((v6, IfIndex(9))),
        ),
        ("subnet", route(v4, 24, std::slice::from_ref(&oif)), None),
        (
            "IPv6 subnet",
            route(v6, 64, std::slice::from_ref(&oif)),
            None,
        ),
        ("gateway", route(v4, 32, &[oif.clone(), gateway]), None),
        ("no interface", route(v4, 32, &[]), None),
        (
            "other table",
            route(v4, 32, &[oif.clone(), RouteAttribute::Table(1000)]),
            None,
        ),
        ("own address", local, None),
    ];
    for (name, message, expected) in rows {
        assert_eq!(host_route(&message), expected, "{name}");
    }
}

#[test]
fn the_table_follows() {
    let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7));
    let to = |index| route(address, 32, &[RouteAttribute::Oif(index)]);
    let link = |index, flags| {
        let mut link = LinkMessage::default();
        link.header.index = index;
        link.header.flags = flags;
        link
    };
    use RouteNetlinkMessage::{DelLink, DelRoute, NewLink, NewRoute};
    let rows = [
        ("come", NewRoute(to(9)), Some(9)),
        ("replaced", NewRoute(to(12)), Some(12)),
        (
            "the old one's deletion comes late",
            DelRoute(to(9)),
            Some(12),
        ),
        (
            "another interface goes",
            DelLink(link(9, LinkFlags::Up)),
            Some(12),
        ),
        (
            "its interface is up",
            NewLink(link(12, LinkFlags::Up)),
            Some(12),
        ),
        (
            "its interface goes down",
            NewLink(link(12, LinkFlags::empty())),
            None,
        ),
        ("back", NewRoute(to(12)), Some(12)),
        ("gone", DelRoute(to(12)), None),
    ];
    let mut table = BTreeMap::new();
    for (name, message, expected) in rows {
        let before = table.clone();
        follow(&mut table, &message);
        assert_eq!(
            table.get(&address).copied(),
            expected.map(IfIndex),
            "{name}"
        );
        let old = before.get(&address).copied();
        let new = expected.map(IfIndex);
        let changes = if old == new {
            vec![]
        } else {
            vec![Change { address, old, new }]
        };
        assert_eq!(difference(&before, &table), changes, "{name}");
    }
}

#[test]
fn torn_datagrams_end_without_a_message() {
    for bytes in [
        &[][..],
        &[1],
        &[0; 15],
        &[16, 0, 0, 0],
        &[8, 0, 0, 0, 0, 0, 0, 0],
        &[255; 64],
    ] {
        assert_eq!(messages(bytes).count(), 0, "{bytes:?}");
    }
}
