//! A resolver, what is asked of it, and where.

use std::net::UdpSocket;
use std::path::Path;
use std::thread;

use flows_lab::network;

/// Runs something with sockets of a network namespace, on a thread of its own.
pub(crate) fn within<T: Send + 'static>(
    namespace: &Path,
    work: impl FnOnce() -> T + Send + 'static,
) -> thread::JoinHandle<T> {
    let namespace = namespace.to_owned();
    thread::spawn(move || {
        flows_lab::netns::enter(&namespace).unwrap();
        work()
    })
}

/// A resolver for whatever is asked of it: the outside host, for a minute; what begins with `cidr` is 198.51.100.7.
pub(crate) fn resolver(socket: &UdpSocket) {
    let mut buffer = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut buffer) {
        let query = &buffer[..length];
        // Behind the header stands one name, and its type and class.
        let end = 12 + query[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
        let mut answer = query[..end].to_vec();
        answer[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        answer.extend(if query[13..].starts_with(b"cidr") {
            [198, 51, 100, 7]
        } else {
            network::OUTSIDE_IPV4.octets()
        });
        socket.send_to(&answer, from).unwrap();
    }
}

/// Asks for the IPv4 addresses of a name.
pub(crate) fn query(id: u16, name: &str) -> Vec<u8> {
    let mut query = id.to_be_bytes().to_vec();
    query.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        query.push(u8::try_from(label.len()).unwrap());
        query.extend(label.as_bytes());
    }
    query.extend([0, 0, 1, 0, 1]);
    query
}
