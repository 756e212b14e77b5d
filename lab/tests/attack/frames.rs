//! Frames made by hand, where what is wrong with them is the point.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{PacketBuilder, PacketBuilderStep, ip_number};

use crate::world::Host;

pub(crate) const MARK: &[u8] = b"MARKED-FRAME";

fn v4(address: IpAddr) -> Ipv4Addr {
    match address {
        IpAddr::V4(address) => address,
        IpAddr::V6(_) => unreachable!("an IPv4 address is asked for"),
    }
}

fn v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V6(address) => address,
        IpAddr::V4(_) => unreachable!("an IPv6 address is asked for"),
    }
}

fn ethernet_from(host: &Host) -> PacketBuilderStep<etherparse::Ethernet2Header> {
    PacketBuilder::ethernet2(host.macs[0], host.macs[1])
}

/// UDP from `sender`'s wire, with a source address that may be another's.
pub(crate) fn udp(
    sender: &Host,
    source: IpAddr,
    sport: u16,
    to: IpAddr,
    dport: u16,
    payload: &[u8],
) -> Vec<u8> {
    let mut frame = Vec::new();
    ethernet_from(sender)
        .ipv4(v4(source).octets(), v4(to).octets(), 64)
        .udp(sport, dport)
        .write(&mut frame, payload)
        .unwrap();
    frame
}

/// An ICMP message.
pub(crate) fn icmp(
    sender: &Host,
    to: IpAddr,
    (icmp_type, code): (u8, u8),
    rest: [u8; 4],
    payload: &[u8],
) -> Vec<u8> {
    let mut frame = Vec::new();
    ethernet_from(sender)
        .ipv4(v4(sender.v4).octets(), v4(to).octets(), 64)
        .icmpv4_raw(icmp_type, code, rest)
        .write(&mut frame, payload)
        .unwrap();
    frame
}

/// An ICMPv6 message.
pub(crate) fn icmp6(
    sender: &Host,
    to: IpAddr,
    icmp_type: u8,
    rest: [u8; 4],
    payload: &[u8],
) -> Vec<u8> {
    let mut frame = Vec::new();
    ethernet_from(sender)
        .ipv6(v6(sender.v6).octets(), v6(to).octets(), 64)
        .icmpv6_raw(icmp_type, 0, rest)
        .write(&mut frame, payload)
        .unwrap();
    frame
}

/// The beginning of an IPv4 packet, as an ICMP error quotes it.
pub(crate) fn quote_udp(from: IpAddr, sport: u16, to: IpAddr, dport: u16) -> Vec<u8> {
    let mut packet = Vec::new();
    PacketBuilder::ipv4(v4(from).octets(), v4(to).octets(), 64)
        .udp(sport, dport)
        .write(&mut packet, b"q")
        .unwrap();
    packet.truncate(28);
    packet
}

/// Two IPv6 fragments of a UDP datagram to the port `denied`. The first ends before its second options
/// header; behind its end, where the receiver doesn't look, that header and UDP to the port `allowed`
/// stand.
pub(crate) fn headers_in_the_padding(
    sender: &Host,
    to: IpAddr,
    allowed: u16,
    denied: u16,
    id: u32,
) -> [Vec<u8>; 2] {
    const OPTIONS: u8 = 60;
    const FRAGMENT: u8 = 44;
    let options = |next: u8| [next, 0, 1, 4, 0, 0, 0, 0];
    let fragment = |next: u8, offset: u16, more: bool| {
        let [high, low] = (offset | u16::from(more)).to_be_bytes();
        let [a, b, c, d] = id.to_be_bytes();
        [next, 0, high, low, a, b, c, d]
    };
    let header = |length: usize| {
        let mut frame = ethernet(sender).to_vec();
        frame.extend([0x60, 0, 0, 0]);
        frame.extend(u16::try_from(length).unwrap().to_be_bytes());
        frame.extend([FRAGMENT, 64]);
        frame.extend(v6(sender.v6).octets());
        frame.extend(v6(to).octets());
        frame
    };
    let mut datagram = Vec::new();
    PacketBuilder::ipv6(v6(sender.v6).octets(), v6(to).octets(), 64)
        .udp(4444, denied)
        .write(&mut datagram, MARK)
        .unwrap();
    let udp = &datagram[40..];

    let mut first = header(16);
    first.extend(fragment(OPTIONS, 0, true));
    first.extend(options(OPTIONS));
    first.extend(options(ip_number::UDP.0));
    let [a, b] = allowed.to_be_bytes();
    first.extend([0x11, 0x5c, a, b, 0, 8, 0, 0]);

    let mut second = header(8 + 8 + udp.len());
    second.extend(fragment(ip_number::UDP.0, 8, false));
    second.extend(options(ip_number::UDP.0));
    second.extend(udp);
    [first, second]
}

fn ethernet(sender: &Host) -> [u8; 14] {
    let mut header = [0; 14];
    header[..6].copy_from_slice(&sender.macs[1]);
    header[6..12].copy_from_slice(&sender.macs[0]);
    header[12..].copy_from_slice(&[0x86, 0xdd]);
    header
}
