//! The transport header: ports, flags, ICMP's type, and what kind of packet that makes it.

use abi::{proto, reason};

use super::{ACK, FIN, Kind, Payload, RST, Role, SCTP_INIT, SCTP_INIT_ACK, SYN, Tuple};
use crate::family::Family;
use crate::packet::Packet;

const CT_TRUNCATED: u32 = reason::CT_TRUNCATED as u32;

/// Reads the header at `at`. `total` is the length of the IP packet, 0 of a fragment.
#[inline(always)]
pub(super) fn transport<F: Family, P: Packet>(
    payload: &Payload<'_, P>,
    at: usize,
    total: usize,
    tuple: &mut Tuple<F>,
) -> u32 {
    if tuple.proto == F::ICMP {
        let Some(head) = payload.words::<2>(at) else {
            return CT_TRUNCATED;
        };
        let word = u32::from_be(head[0]);
        let icmp_type = (word >> 24) as u8;
        tuple.icmp = (word >> 16) as u16;
        if F::is_query(icmp_type) {
            let id = (u32::from_be(head[1]) >> 16) as u16;
            tuple.src_port = id;
            tuple.dst_port = id;
            if F::request_of(icmp_type) != icmp_type {
                tuple.role = Role::Answers;
            }
        } else if F::is_error(icmp_type) && total <= F::LONGEST_ERROR {
            tuple.kind = Kind::IcmpError(at + 8, payload.end);
        } else if F::is_link_chatter(icmp_type) {
            tuple.kind = Kind::LinkLocal;
        }
        return 0;
    }
    // TCP without its 20 bytes, UDP without its 8 or SCTP without a chunk is no packet to judge.
    let ports = match tuple.proto {
        proto::TCP => {
            let Some(head) = payload.words::<5>(at) else {
                return CT_TRUNCATED;
            };
            tuple.tcp_flags = (u32::from_be(head[3]) >> 16) as u8;
            tuple.role = tcp_role(tuple.tcp_flags);
            head[0]
        }
        proto::UDP => {
            let Some(head) = payload.words::<2>(at) else {
                return CT_TRUNCATED;
            };
            head[0]
        }
        proto::SCTP => {
            let Some(head) = payload.words::<4>(at) else {
                return CT_TRUNCATED;
            };
            tuple.tcp_flags = (u32::from_be(head[3]) >> 24) as u8;
            tuple.role = match tuple.tcp_flags {
                SCTP_INIT => Role::Opens,
                SCTP_INIT_ACK => Role::Answers,
                _ => Role::Continues,
            };
            head[0]
        }
        _ => return u32::from(reason::CT_UNKNOWN_L4),
    };
    let ports = u32::from_be(ports);
    tuple.src_port = (ports >> 16) as u16;
    tuple.dst_port = ports as u16;
    0
}

/// RFC 9293: a connection is opened by SYN alone (data and the bits of RFC 3168 may come with it).
#[inline(always)]
fn tcp_role(flags: u8) -> Role {
    match flags & (SYN | ACK | RST | FIN) {
        SYN => Role::Opens,
        flags if flags == SYN | ACK => Role::Answers,
        _ => Role::Continues,
    }
}
