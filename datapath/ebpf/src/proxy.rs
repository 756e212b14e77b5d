//! The way to the node's layer-7 proxy: from the pods' veths to the loopback interface, and there to its
//! listener. A socket can only be assigned to a packet that comes in, and half of these are on their way out,
//! to a pod; at the loopback interface all of them come in.

use core::ffi::c_void;
use core::mem::{offset_of, size_of};

use abi::node::counter;
use abi::proto;
use abi::proxy;
use aya_ebpf::bindings::{
    __sk_buff, BPF_F_CURRENT_NETNS, BPF_F_INGRESS, TC_ACT_OK, TC_ACT_SHOT, TC_ACT_UNSPEC, bpf_sock,
    bpf_sock_tuple,
};
use aya_ebpf::helpers::generated::{
    bpf_redirect, bpf_sk_assign, bpf_sk_lookup_udp, bpf_sk_release, bpf_skb_store_bytes,
    bpf_skc_lookup_tcp,
};
use aya_ebpf::programs::TcContext;
use datapath_core::maps::Proxy;

use crate::maps::{Kernel, count};

/// The loopback interface of every network namespace (`LOOPBACK_IFINDEX`).
const LOOPBACK: u32 = 1;
/// States of a socket (include/net/tcp_states.h).
const TIME_WAIT: u32 = 6;
const LISTEN: u32 = 10;

const ETHERNET: usize = 14;
const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;

/// `struct bpf_sock_tuple` of IPv4.
#[repr(C)]
#[derive(Default)]
struct Tuple4 {
    src: u32,
    dst: u32,
    src_port: u16,
    dst_port: u16,
}

/// Of IPv6.
#[repr(C)]
#[derive(Default)]
struct Tuple6 {
    src: [u32; 4],
    dst: [u32; 4],
    src_port: u16,
    dst_port: u16,
}

impl Proxy for Kernel<&TcContext> {
    #[inline(always)]
    fn listens(&self, ipv6: bool, proto: u8, port: u16) -> bool {
        step_listens(self.ctx.skb.skb, ipv6.into(), proto.into(), port.into()) != 0
    }
}

/// Whether the proxy listens, as a global function: see `steps`.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn step_listens(skb: *mut __sk_buff, ipv6: u32, proto: u32, port: u32) -> u32 {
    let found = listener(skb, ipv6 != 0, proto, port as u16);
    if found.is_null() {
        return 0;
    }
    // SAFETY: a lookup's result, which isn't used any more.
    unsafe { bpf_sk_release(found) };
    1
}

/// Looks for a socket; `tuple` is one of the two above.
#[inline(always)]
fn socket<T>(skb: *mut __sk_buff, tuple: &mut T, proto: u32) -> *mut c_void {
    let tuple: *mut bpf_sock_tuple = core::ptr::from_mut(tuple).cast();
    let (length, here) = (size_of::<T>() as u32, BPF_F_CURRENT_NETNS as i64 as u64);
    // SAFETY: context and tuple are live, the length is the tuple's.
    unsafe {
        if proto == u32::from(proto::TCP) {
            bpf_skc_lookup_tcp(skb.cast(), tuple, length, here, 0).cast()
        } else {
            bpf_sk_lookup_udp(skb.cast(), tuple, length, here, 0).cast()
        }
    }
}

/// The socket that listens at a port of the loopback address, or of all addresses. To be released.
#[inline(always)]
fn listener(skb: *mut __sk_buff, ipv6: bool, proto: u32, port: u16) -> *mut c_void {
    let port = port.to_be();
    if ipv6 {
        let mut tuple = Tuple6 {
            dst: [0, 0, 0, 1_u32.to_be()],
            dst_port: port,
            ..Tuple6::default()
        };
        socket(skb, &mut tuple, proto)
    } else {
        let mut tuple = Tuple4 {
            dst: 0x7f00_0001_u32.to_be(),
            dst_port: port,
            ..Tuple4::default()
        };
        socket(skb, &mut tuple, proto)
    }
}

/// Sends a packet to the loopback interface, for the proxy's port. What the program returns.
#[inline(always)]
pub(crate) fn send(ctx: &TcContext, port: u16) -> i32 {
    // The loopback interface's own address: a frame for another one is none for this host.
    let nobody = [0_u8; 6];
    // SAFETY: the skb is the program's context, the address is live; nobody reads the frame directly any more.
    unsafe {
        (*ctx.skb.skb).mark = proxy::to(port);
        let skb = ctx.skb.skb.cast();
        if bpf_skb_store_bytes(skb, 0, nobody.as_ptr().cast(), 6, 0) != 0 {
            return TC_ACT_SHOT;
        }
        bpf_redirect(LOOPBACK, BPF_F_INGRESS.into()) as i32
    }
}

/// Gives a packet for the proxy to its listener, unless it is of a connection that the proxy has. Those that it can't
/// give to anybody are counted.
#[inline(always)]
pub(crate) fn receive(ctx: &TcContext) -> i32 {
    let action = hand_over(ctx);
    if action == TC_ACT_SHOT {
        count(counter::PROXY_MISSED);
    }
    action
}

#[inline(always)]
fn hand_over(ctx: &TcContext) -> i32 {
    let skb = ctx.skb.skb;
    // SAFETY: the skb is the program's context.
    let (mark, protocol) = unsafe { ((*skb).mark, (*skb).protocol as u16) };
    match proxy::port_of(mark) {
        None => TC_ACT_UNSPEC,
        // The host finds the connection, or answers that there is none.
        Some(0) => TC_ACT_OK,
        Some(port) => match u16::from_be(protocol) {
            ETHERTYPE_IPV4 => receive4(ctx, port),
            ETHERTYPE_IPV6 => receive6(ctx, port),
            _ => TC_ACT_SHOT,
        },
    }
}

#[inline(always)]
fn receive4(ctx: &TcContext, port: u16) -> i32 {
    let first = ctx.load::<u8>(ETHERNET);
    let fragment = ctx.load::<u16>(ETHERNET + 6);
    let proto = ctx.load::<u8>(ETHERNET + 9);
    let ends = ctx.load::<[u32; 2]>(ETHERNET + 12);
    let (Ok(first), Ok(fragment), Ok(proto), Ok([src, dst])) = (first, fragment, proto, ends)
    else {
        return TC_ACT_SHOT;
    };
    // The parts of a datagram come together behind this point, where nobody assigns a socket.
    if u16::from_be(fragment) & 0x3fff != 0 {
        return TC_ACT_SHOT;
    }
    let header = usize::from(first & 0xf) * 4;
    let Ok([src_port, dst_port]) = ctx.load::<[u16; 2]>(ETHERNET + header) else {
        return TC_ACT_SHOT;
    };
    let mut tuple = Tuple4 {
        src,
        dst,
        src_port,
        dst_port,
    };
    assign(ctx, &mut tuple, false, proto, port)
}

/// Behind extension headers nothing is looked for: such packets are dropped.
#[inline(always)]
fn receive6(ctx: &TcContext, port: u16) -> i32 {
    let proto = ctx.load::<u8>(ETHERNET + 6);
    let src = ctx.load::<[u32; 4]>(ETHERNET + 8);
    let dst = ctx.load::<[u32; 4]>(ETHERNET + 24);
    let ports = ctx.load::<[u16; 2]>(ETHERNET + 40);
    let (Ok(proto), Ok(src), Ok(dst), Ok([src_port, dst_port])) = (proto, src, dst, ports) else {
        return TC_ACT_SHOT;
    };
    let mut tuple = Tuple6 {
        src,
        dst,
        src_port,
        dst_port,
    };
    assign(ctx, &mut tuple, true, proto, port)
}

#[inline(always)]
fn assign<T>(ctx: &TcContext, tuple: &mut T, ipv6: bool, proto: u8, port: u16) -> i32 {
    if !matches!(proto, proto::TCP | proto::UDP) {
        return TC_ACT_SHOT;
    }
    let skb = ctx.skb.skb;
    if proto == proto::TCP {
        let known = socket(skb, tuple, proto.into());
        if !known.is_null() {
            // SAFETY: a lookup's result, alive until it is released.
            let state = unsafe {
                core::ptr::read_volatile(known.byte_add(offset_of!(bpf_sock, state)).cast::<u32>())
            };
            // SAFETY: it isn't used any more.
            unsafe { bpf_sk_release(known) };
            if !matches!(state, LISTEN | TIME_WAIT) {
                return TC_ACT_OK;
            }
        }
    }
    let listener = listener(skb, ipv6, proto.into(), port);
    if listener.is_null() {
        return TC_ACT_SHOT;
    }
    // SAFETY: a lookup's result, which isn't used after its release.
    let assigned = unsafe {
        let assigned = bpf_sk_assign(skb.cast(), listener, 0);
        bpf_sk_release(listener);
        assigned
    };
    if assigned == 0 {
        TC_ACT_OK
    } else {
        TC_ACT_SHOT
    }
}
