//! Whose interface is which, as the kernel tells it.

use std::io::Write;
use std::net::IpAddr;
use std::os::fd::AsFd as _;
use std::process::{Command, Stdio};

use flows_loader::IfIndex;
use flows_loader::egress::EgressRoutes;
use flows_loader::pods::{Change, Routes};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use testing_kernel::{Node, ifindex, ip};

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn change(text: &str, old: Option<IfIndex>, new: Option<IfIndex>) -> Change {
    Change {
        address: address(text),
        old,
        new,
    }
}

#[test]
fn pods_come_and_go() {
    let node = Node::up();
    let (client, server) = (node.client, node.server);
    ip("addr add 10.1.0.1/24 dev server");
    ip("route add 10.7.0.1/32 dev client");
    ip("route add 10.8.0.0/16 dev client");
    ip("route add 10.7.0.9/32 via 10.1.0.7");
    let mut routes = Routes::open().unwrap();
    let all: Vec<_> = routes.iter().collect();
    assert_eq!(
        all,
        [(address("10.7.0.1"), client)],
        "host routes without a gateway only"
    );
    assert_eq!(routes.read().unwrap(), []);

    ip("route add 10.7.0.2/32 dev server");
    ip("-6 route add fd07::2/128 dev server");
    let expected = [
        change("10.7.0.2", None, Some(server)),
        change("fd07::2", None, Some(server)),
    ];
    assert_eq!(routes.read().unwrap(), expected);
    assert_eq!(routes.get(address("fd07::2")), Some(server));

    ip("route replace 10.7.0.1/32 dev server");
    assert_eq!(
        routes.read().unwrap(),
        [change("10.7.0.1", Some(client), Some(server))]
    );

    ip("link del server");
    let mut gone = routes.read().unwrap();
    gone.sort_by_key(|change| change.address);
    let expected = [
        change("10.7.0.1", Some(server), None),
        change("10.7.0.2", Some(server), None),
        change("fd07::2", Some(server), None),
    ];
    assert_eq!(gone, expected);

    ip("route add 10.7.0.1/32 dev client");
    ip("link set client down");
    assert_eq!(
        routes.read().unwrap(),
        [],
        "came and went between two looks"
    );
    assert_eq!(routes.iter().count(), 0);
    drop(node);
}

#[test]
fn an_overrun_loses_no_change() {
    let node = Node::up();
    let mut routes = Routes::open().unwrap();
    let mut batch = String::new();
    // Far more notifications than the socket's buffer takes.
    for n in 0..20_000 {
        let (third, fourth) = (n / 250, n % 250);
        batch += &format!("route add 10.90.{third}.{fourth}/32 dev client\n");
    }
    let mut child = Command::new("ip")
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("iproute2 is installed");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(batch.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success());
    let changes = routes.read().unwrap();
    assert_eq!(changes.len(), 20_000);
    assert!(changes.iter().all(|change| change.new == Some(node.client)));
    assert_eq!(routes.read().unwrap(), []);
}

#[test]
fn a_change_makes_the_descriptor_readable() {
    let _node = Node::up();
    let mut routes = Routes::open().unwrap();
    let is_readable = |routes: &Routes, millis: u16| {
        let mut fds = [PollFd::new(routes.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::from(millis)).unwrap() == 1
    };
    assert!(!is_readable(&routes, 0));
    ip("route add 10.7.0.1/32 dev client");
    assert!(is_readable(&routes, 10_000));
    let client = Some(ifindex("client"));
    assert_eq!(routes.read().unwrap(), [change("10.7.0.1", None, client)]);
    assert!(!is_readable(&routes, 0));
    // Nothing of a pod's changes.
    ip("link add other type veth peer name other-in");
    assert_eq!(routes.read().unwrap(), []);
}

#[test]
fn the_kernel_says_where_packets_leave() {
    let node = Node::up();
    let (client, server) = (node.client, node.server);
    ip("addr add 10.1.0.1/24 dev server");
    ip("route add 10.7.0.1/32 dev client");
    std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
    let (pod, far) = (address("10.7.0.1"), address("10.1.0.9"));
    let mut egress = EgressRoutes::open().unwrap();
    assert_eq!(egress.known(pod, far, client), None, "not asked yet");
    assert_eq!(egress.ask(pod, far, client).unwrap(), Some(server));
    assert_eq!(egress.known(pod, far, client), Some(Some(server)));
    // What stays on the node leaves by nothing, and what has no route neither.
    let own = address("10.1.0.1");
    assert_eq!(egress.ask(pod, own, client).unwrap(), None);
    let nowhere = address("192.0.2.1");
    assert_eq!(egress.ask(pod, nowhere, client).unwrap(), None);
    assert_eq!(egress.known(pod, nowhere, client), Some(None));

    // It is not remembered longer than it is true, and a rule counts as a route does.
    assert!(!egress.refresh().unwrap());
    ip("route add 192.0.2.0/24 via 10.1.0.7");
    assert!(egress.refresh().unwrap());
    assert_eq!(egress.known(pod, nowhere, client), None);
    assert_eq!(egress.ask(pod, nowhere, client).unwrap(), Some(server));
    ip("rule add iif client to 192.0.2.0/24 unreachable");
    assert!(egress.refresh().unwrap());
    assert_eq!(egress.ask(pod, nowhere, client).unwrap(), None);
    drop(node);
}
