//! Crafted packets at closed doors.

use std::net::{IpAddr, UdpSocket};
use std::process::Command;

use crate::frames::{MARK, headers_in_the_padding, icmp, icmp6, quote_udp, udp};
use crate::wire::{Tap, send};
use crate::world::{Host, awaited, outside, pod, received, up};
use testing_lab::{TestLab, until};

/// Whether a datagram to a denied port gets through in fragments whose headers stand in the padding.
fn through_the_padding(from: &Host, to: &Host, id: u32) -> bool {
    let denied = to.udp(to.v6, 9001);
    send(from, headers_in_the_padding(from, to.v6, 53, 9001, id));
    received(&denied).is_some()
}

#[test]
fn no_crafted_packet_passes() {
    let lab = up(&["--drop-events=0"]);
    let [evil, jail, victim, remote] =
        ["evil", "jail", "victim", "remote"].map(|name| pod(&lab, name));
    let world = outside(&lab);
    doors_work(&evil, &jail, &victim, &world);

    assert!(!through_the_padding(&evil, &victim, 1), "ingress");
    assert!(
        !through_the_padding(&jail, &world, 2),
        "egress to the world"
    );
    assert!(
        !through_the_padding(&jail, &remote, 3),
        "egress to another node"
    );
    icmp_types(&lab, &evil, &victim);
    icmp_errors(&lab, &jail, &victim, &remote, &world);
    spoofed_addresses(&lab, &victim, &world);
}

/// What is allowed arrives and what is denied doesn't: else the rest proves nothing.
fn doors_work(evil: &Host, jail: &Host, victim: &Host, world: &Host) {
    let tap = Tap::on(victim, MARK);
    send(evil, [udp(evil, evil.v4, 5555, victim.v4, 53, MARK)]);
    assert_eq!(tap.arrived(), 1, "allowed by the victim");
    let tap = Tap::on(victim, MARK);
    send(evil, [udp(evil, evil.v4, 5555, victim.v4, 9000, MARK)]);
    assert_eq!(tap.count(), 0, "denied by the victim");
    let socket = world.udp(world.v4, 53);
    send(jail, [udp(jail, jail.v4, 5555, world.v4, 53, MARK)]);
    assert_eq!(
        awaited(&socket).as_deref(),
        Some(MARK),
        "allowed by the jail"
    );
    let denied = world.udp(world.v4, 9000);
    send(jail, [udp(jail, jail.v4, 5555, world.v4, 9000, MARK)]);
    assert_eq!(received(&denied), None, "denied by the jail");
}

/// After an echo whose identifier is the number of another type, that type.
fn icmp_types(lab: &TestLab, evil: &Host, victim: &Host) {
    for other in [5, 9, 13, 15, 17] {
        let tap = Tap::on(victim, MARK);
        let echo = icmp(evil, victim.v4, (8, 0), [0, other, 0, 1], b"ping");
        let message = icmp(evil, victim.v4, (other, 0), [0, other, 0, 1], MARK);
        send(evil, [echo, message]);
        assert_eq!(
            tap.count(),
            0,
            "ICMP type {other} of {}",
            lab.lab().record().name
        );
    }
    for other in [137, 139, 140] {
        let tap = Tap::on(victim, MARK);
        let echo = icmp6(evil, victim.v6, 128, [0, other, 0, 1], b"ping");
        let message = icmp6(evil, victim.v6, other, [0, other, 0, 1], MARK);
        send(evil, [echo, message]);
        assert_eq!(tap.count(), 0, "ICMPv6 type {other}");
    }
    let tap = Tap::on(victim, MARK);
    send(evil, [icmp(evil, victim.v4, (8, 0), [0, 7, 0, 1], MARK)]);
    assert_eq!(tap.arrived(), 1, "an echo passes");
}

fn route_of(host: &Host, to: IpAddr) -> String {
    let output = host.inside(|| {
        let to = to.to_string();
        Command::new("ip")
            .args(["route", "get", &to])
            .output()
            .unwrap()
    });
    String::from_utf8(output.stdout).unwrap()
}

/// Errors that quote nothing known, and such as quote a connection of others.
fn icmp_errors(lab: &TestLab, jail: &Host, victim: &Host, remote: &Host, world: &Host) {
    let texts = |to: &Host, kind: (u8, u8)| -> Vec<Vec<u8>> {
        let free_text = [MARK, &[b'Z'; 900]].concat();
        (0..50)
            .map(|_| icmp(jail, to.v4, kind, [0; 4], &free_text))
            .collect()
    };
    for (what, to) in [("world", world), ("victim", victim)] {
        let tap = Tap::on(to, MARK);
        send(jail, texts(to, (3, 4)));
        assert_eq!(tap.count(), 0, "free text to the {what} as an ICMP error");
    }

    // A connection of the victim's, which a third pod guesses.
    let echo = remote.udp(remote.v4, 53);
    let query: UdpSocket = victim.udp(victim.v4, 33_333);
    query.connect((remote.v4, 53)).unwrap();
    query.send(b"query").unwrap();
    assert_eq!(awaited(&echo).as_deref(), Some(&b"query"[..]));
    let quoted = quote_udp(victim.v4, 33_333, remote.v4, 53);
    let tap = Tap::on(victim, MARK);
    let forge = |code, mtu: [u8; 4]| {
        icmp(
            jail,
            victim.v4,
            (3, code),
            mtu,
            &[&quoted[..], MARK].concat(),
        )
    };
    send(
        jail,
        [
            forge(3, [0; 4]),
            forge(4, [0, 0, 2, 0x28]),
            forge(1, [0; 4]),
        ],
    );
    assert_eq!(tap.count(), 0, "an error about a connection of others");
    query
        .send(b"again")
        .expect("the victim's socket is unharmed");
    let route = route_of(victim, remote.v4);
    assert!(!route.contains("mtu"), "{route}");
    // The drops are told of, as the jail's.
    let of_jail = ["--from-pod", "default/jail", "--protocol", "icmp"];
    denied(lab, &of_jail, |told| told.contains("default/victim"));
}

/// The node's own address, used by a host outside.
fn spoofed_addresses(lab: &TestLab, victim: &Host, world: &Host) {
    let node = lab.lab().record().plan.node("one").unwrap();
    let address = node.ipv6.to_string();
    let (status, socket) = world.inside(|| {
        let status = Command::new("ip")
            .args([
                "-6",
                "addr",
                "add",
                &format!("{address}/128"),
                "dev",
                "lo",
                "nodad",
            ])
            .status()
            .unwrap();
        (status, UdpSocket::bind((node.ipv6, 0)).unwrap())
    });
    assert!(status.success());
    let tap = Tap::on(victim, MARK);
    for _ in 0..3 {
        socket.send_to(MARK, (victim.v6, 53)).unwrap();
    }
    assert_eq!(tap.count(), 0, "as the node, from outside");
    let to_victim = ["--to-pod", "default/victim"];
    denied(lab, &to_victim, |told| told.contains("Invalid source ip"));
}

#[test]
fn a_flood_in_anothers_name_hides_nothing_of_the_other() {
    let lab = up(&["--drop-events=100"]);
    let [jail, friend, victim] = ["jail", "friend", "victim"].map(|name| pod(&lab, name));
    // Denied attempts of the friend's while the jail floods with the friend's address.
    let flood = (0..60_000_u16).map(|n| {
        udp(
            &jail,
            friend.v4,
            1024 + n % 50_000,
            victim.v4,
            9000 + n / 50_000,
            b"flood",
        )
    });
    let attempts: Vec<_> = (0..20)
        .map(|n| udp(&friend, friend.v4, 61_000 + n, victim.v4, 9000, b"denied"))
        .collect();
    std::thread::scope(|scope| {
        scope.spawn(|| send(&jail, flood));
        for attempt in attempts {
            send(&friend, [attempt]);
        }
    });
    let told = denied(&lab, &["--from-pod", "default/friend"], |told| {
        (61_000..61_020).all(|port| told.contains(&format!("friend:{port}")))
    });
    assert!(!told.contains("Invalid source ip"), "{told}");
    denied(&lab, &["--from-pod", "default/jail"], |told| {
        told.contains("Invalid source ip")
    });
}

/// The denied flows that the arguments choose, once they are as they must be.
fn denied(lab: &TestLab, arguments: &[&str], wanted: impl Fn(&str) -> bool) -> String {
    let arguments = [arguments, &["--verdict", "DROPPED", "-o", "compact"]].concat();
    until(lab, &arguments, wanted)
}
