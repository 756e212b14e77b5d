//! A resolver.

use std::net::UdpSocket;

use flows_lab::network;

/// A resolver for whatever is asked of it: the outside host, for a minute. What begins with `cidr` is 198.51.100.7, and
/// with `brief` 198.18.0.1, to be used at once only.
pub(crate) fn resolver(socket: &UdpSocket) {
    let mut buffer = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut buffer) {
        let query = &buffer[..length];
        // Behind the header stands one name, and its type and class.
        let end = 12 + query[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
        let mut answer = query[..end].to_vec();
        answer[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
        let (ttl, address) = match &query[13..] {
            [b'c', b'i', b'd', b'r', ..] => (60, [198, 51, 100, 7]),
            [b'b', b'r', b'i', b'e', b'f', ..] => (0, [198, 18, 0, 1]),
            _ => (60, network::OUTSIDE_IPV4.octets()),
        };
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, ttl, 0, 4]);
        answer.extend(address);
        socket.send_to(&answer, from).unwrap();
    }
}
