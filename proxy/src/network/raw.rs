//! Datagrams whose source is a server's address. They leave by raw sockets, of which the kernel makes the IP
//! header and fragments: a UDP socket bound to the server's address and port would take its packets away
//! from a server on this very machine, or could not be bound beside it.

use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use abi::proxy;
use socket2::{Domain, MsgHdr, Protocol, SockAddr, Socket, Type};

use super::listen::set_transparent;

/// Sockets that are kept, one for each server's address.
const KEPT: usize = 64;
/// Bytes of a UDP header.
const HEADER: usize = 8;
/// The protocol's number, part of the checksum.
const UDP: u32 = 17;

/// Sockets by the address that they send from, the one used last at the end.
#[derive(Debug, Default)]
pub(super) struct RawSockets {
    sockets: Mutex<Vec<(IpAddr, Arc<Socket>)>>,
}

impl RawSockets {
    /// Sends a datagram.
    pub(super) fn send(&self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        let header = header(from, to, bytes)?;
        let socket = self.socket(from)?;
        // Of raw sockets a port is the protocol's number, or 0.
        let to = SockAddr::from(SocketAddr::new(to.ip(), 0));
        let parts = [IoSlice::new(&header), IoSlice::new(bytes)];
        let message = MsgHdr::new().with_addr(&to).with_buffers(&parts);
        socket.sendmsg(&message, 0)?;
        Ok(())
    }

    fn socket(&self, from: SocketAddr) -> io::Result<Arc<Socket>> {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = sockets.iter().position(|(ip, _)| *ip == from.ip()) {
            sockets[at..].rotate_left(1);
        } else {
            let socket = open(from)?;
            if sockets.len() >= KEPT {
                sockets.remove(0);
            }
            sockets.push((from.ip(), Arc::new(socket)));
        }
        let last = sockets.last().map(|(_, socket)| Arc::clone(socket));
        last.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn open(from: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(from), Type::RAW, Some(Protocol::UDP))?;
    // Who can't send at once drops: the client asks again.
    socket.set_nonblocking(true)?;
    set_transparent(&socket, from)?;
    socket.set_mark(proxy::FROM_EGRESS)?;
    // It is never read: the copies that it gets of the server's packets are to take no memory.
    socket.set_recv_buffer_size(0)?;
    socket.bind(&SocketAddr::new(from.ip(), 0).into())?;
    Ok(socket)
}

/// The UDP header (RFC 768) of a datagram.
fn header(from: SocketAddr, to: SocketAddr, bytes: &[u8]) -> io::Result<[u8; HEADER]> {
    let length = u16::try_from(HEADER + bytes.len())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let mut header = [0; HEADER];
    let words = [from.port(), to.port(), length, 0];
    for (place, word) in header.chunks_exact_mut(2).zip(words) {
        place.copy_from_slice(&word.to_be_bytes());
    }
    let mut sum = UDP + u32::from(length);
    for ip in [from.ip(), to.ip()] {
        match ip {
            IpAddr::V4(ip) => add(&mut sum, &ip.octets()),
            IpAddr::V6(ip) => add(&mut sum, &ip.octets()),
        }
    }
    add(&mut sum, &header);
    add(&mut sum, bytes);
    // 0 would say that there is none.
    let checksum = match !folded(sum) {
        0 => u16::MAX,
        checksum => checksum,
    };
    header[6..].copy_from_slice(&checksum.to_be_bytes());
    Ok(header)
}

/// Adds words to a ones' complement sum (RFC 1071). At most 32 Ki words of a datagram: it doesn't overflow.
fn add(sum: &mut u32, bytes: &[u8]) {
    for word in bytes.chunks(2) {
        let low = word.get(1).copied().unwrap_or(0);
        *sum += u32::from(u16::from_be_bytes([word[0], low]));
    }
}

fn folded(mut sum: u32) -> u16 {
    while let Some(carry) = Some(sum >> 16).filter(|carry| *carry > 0) {
        sum = (sum & 0xffff) + carry;
    }
    u16::try_from(sum).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_right_if_the_whole_adds_up_to_ones() {
        for (from, to) in [
            ("192.0.2.1:53", "10.9.8.7:40000"),
            ("[2001:db8::1]:53", "[fd00::7]:1"),
        ] {
            let (from, to): (SocketAddr, SocketAddr) = (from.parse().unwrap(), to.parse().unwrap());
            for length in [0, 1, 2, 513, 65_527] {
                let bytes: Vec<u8> = (0..=250).cycle().take(length).collect();
                let header = header(from, to, &bytes).unwrap();
                let mut sum = UDP + u32::try_from(HEADER + length).unwrap();
                for ip in [from.ip(), to.ip()] {
                    match ip {
                        IpAddr::V4(ip) => add(&mut sum, &ip.octets()),
                        IpAddr::V6(ip) => add(&mut sum, &ip.octets()),
                    }
                }
                add(&mut sum, &header);
                add(&mut sum, &bytes);
                assert_eq!(folded(sum), 0xffff, "{from} {length}");
            }
            assert!(header(from, to, &[0; 65_528]).is_err());
        }
    }
}
